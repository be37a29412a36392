"""The first run: four steps that can be left and resumed, up to a mail that is opened on the page.

Each step knows by itself whether it is done. None of them is a place of its own: what a step changes can be changed
later on the pages of the brand, the channels and the articles.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from gettext import gettext as _

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.channels.api import Audience, GuidedKind
from distributor.channels.registry import describe_settings, kinds
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import (
    ConfigurationError,
    DataError,
    DistributorError,
    InputError,
    ServiceError,
    SourceError,
    StateError,
)
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.articles.first_article import add_article, add_sample_article
from distributor.flow.delivery.channel_test import run_channel_test
from distributor.flow.operations.channel_dns import look_up_dns
from distributor.flow.operations.channel_list import ChannelOverview
from distributor.flow.operations.channel_settings import change, configure
from distributor.flow.operations.first_run import STEPS, FirstRun, first_run
from distributor.flow.people.first_list import add_first_list
from distributor.flow.publishing.first_mail import first_mail_to, send_first_mail
from distributor.sandbox.client import newest_mail
from distributor.sandbox.inbox_message import parse_message
from distributor.storage import articles, lists, site_settings
from distributor.web.team.access import UPLOAD_BYTES, Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.brand import FORM_BYTES, BrandFault, brand_context, save_brand
from distributor.web.team.channel_dns import dns_context
from distributor.web.team.channel_form import SettingsFault, read_settings_form, told
from distributor.web.team.channels import (
    connection_context,
    finding_context,
    made_settings,
    ways_of,
)
from distributor.web.team.pages import TeamPages

_ARTICLES = 20
# The setting of the sender that the step of mails asks for, where the kind has it.
_SENDER = "sender"
_ENDED = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.DELIVERED,
        DeliveryState.FAILED,
        DeliveryState.BOUNCED,
        DeliveryState.SUPPRESSED,
        DeliveryState.UNKNOWN,
    }
)
_ARRIVED = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED})


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step as the list of steps shows it."""

    title: str
    path: str
    is_done: bool
    note: str


class FirstRunPages:
    """For owners and admins, who may do all of it."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        site, channels = Permission.SITE_WRITE, Permission.CHANNELS_WRITE
        campaigns = Permission.CAMPAIGNS_WRITE
        return [
            TeamRoute("GET", "/setup", self.show, site),
            TeamRoute("GET", "/setup/brand", self.show_brand, site),
            TeamRoute("POST", "/setup/brand", self.save_brand, site, max_bytes=FORM_BYTES, takes_files=True),
            TeamRoute("GET", "/setup/mail", self.show_mail, channels),
            TeamRoute("POST", "/setup/mail", self.connect_mail, channels),
            TeamRoute("POST", "/setup/mail/sandbox", self.use_sandbox, channels),
            TeamRoute("GET", "/setup/content", self.show_content, site),
            TeamRoute("POST", "/setup/content", self.add_content, site, max_bytes=UPLOAD_BYTES, takes_files=True),
            TeamRoute("GET", "/setup/first-mail", self.show_first_mail, campaigns),
            TeamRoute("POST", "/setup/first-mail", self.send_first_mail, campaigns),
            TeamRoute("GET", "/setup/first-mail/state", self.show_first_mail_state, campaigns),
            TeamRoute("GET", "/setup/first-mail/document", self.show_first_mail_document, campaigns),
        ]

    def show(self, asked: TeamRequest) -> Response:
        state = first_run(self._app)
        open_step = next((one for one in _steps(state) if not one.is_done), None)
        mail = first_mail_to(self._app, asked.user.email)
        context = {"state": state, "next": open_step.path if open_step else "/app/setup/first-mail", "mail": mail}
        return self._respond(asked, "setup.html.j2", "", context)

    def show_brand(self, asked: TeamRequest) -> Response:
        return self._show_brand(asked)

    def save_brand(self, asked: TeamRequest) -> Response:
        fault = save_brand(self._app, asked)
        return self._show_brand(asked, fault) if fault else self._gate.redirect("/app/setup/mail")

    def show_mail(self, asked: TeamRequest) -> Response:
        return self._show_mail(asked)

    def connect_mail(self, asked: TeamRequest) -> Response:
        """Connect the channel of mails in the chosen way, and try it on the spot."""
        form, state = asked.form, first_run(self._app)
        kind, way = _mail_kind(state), form.one("way")
        made, without, fault = made_settings(form, kind, way)
        if not made and fault is None:
            raise HTTPException(404)
        if fault is None:
            given = read_settings_form(form, describe_settings(kind), without=without)
            sender = {name: value for name, value in given.values.items() if name == _SENDER}
            fault = told(self._connecting(asked, state.mail, kind, {**sender, **made}))
        if fault is not None:
            return self._show_mail(asked, way=way, fault=fault)
        return self._gate.redirect("/app/setup/mail?check=now")

    def use_sandbox(self, asked: TeamRequest) -> Response:
        """Let mails go to the sandbox again, where nobody gets them."""
        state = first_run(self._app)
        with self._app.database.begin() as connection:
            ports = site_settings.sandbox(connection)
        if ports is None or state.mail is None:
            raise HTTPException(404)
        kind = _mail_kind(state)
        made = sandbox_settings(kind, ports.host, ports.smtp)
        change(self._app, state.mail.record.name, made, actor=asked.actor)
        return self._gate.redirect("/app/setup/content")

    def show_content(self, asked: TeamRequest) -> Response:
        return self._show_content(asked)

    def add_content(self, asked: TeamRequest) -> Response:
        form, faults = asked.form, {}
        actor = asked.actor.name
        try:
            slug = self._add_article(asked, actor)
        except DataError:
            raise
        except (SourceError, InputError) as error:
            slug, faults["article"] = "", sentence_of(error)
        if not faults and form.one("list_name"):
            try:
                add_first_list(
                    self._app,
                    form.one("list_name"),
                    own_address=asked.user.email if form.one("add_me") == "on" else "",
                    name=asked.user.name,
                )
            except DataError:
                raise
            except (InputError, StateError) as error:
                faults["list_name"] = sentence_of(error)
        if faults:
            return self._show_content(asked, faults)
        return self._gate.redirect(f"/app/setup/first-mail{f'?article={slug}' if slug else ''}")

    def show_first_mail(self, asked: TeamRequest) -> Response:
        return self._show_first_mail(asked)

    def send_first_mail(self, asked: TeamRequest) -> Response:
        form, state = asked.form, first_run(self._app)
        if state.mail is None:
            return self._gate.redirect("/app/setup/mail")
        try:
            send_first_mail(
                self._app,
                form.one("article"),
                state.mail.record.name,
                asked.user.email,
                key=_key_of(asked),
                actor=asked.actor.name,
            )
        except (DataError, ServiceError):
            raise
        except DistributorError as error:
            return self._show_first_mail(asked, problem=sentence_of(error))
        return self._gate.redirect("/app/setup/first-mail?sent=yes")

    def show_first_mail_state(self, asked: TeamRequest) -> Response:
        """What became of it so far, for a script that puts it into the page."""
        return self._pages.fragment("setup_outcome.html.j2", {"user": asked.user, **self._outcome(asked)})

    def show_first_mail_document(self, asked: TeamRequest) -> Response:
        """The mail as it arrived in the sandbox."""
        body = self._from_sandbox(asked.user.email)
        if body is None:
            raise HTTPException(404)
        html = parse_message(body).html
        own = self._app.site.public_url
        return self._pages.frame(html.replace(f'src="{own}/', f'src="{self._pages.root}/'))

    def _respond(
        self, asked: TeamRequest, template: str, current: str, context: dict[str, object], *, status: int = 200
    ) -> Response:
        state = first_run(self._app)
        steps = _steps(state)
        shared = {
            "user": asked.user,
            "page": "setup",
            "steps": steps,
            "current": current,
            "done_count": state.steps_done,
            "step_count": STEPS,
        }
        return self._pages.respond(template, {**shared, **context}, status=status)

    def _show_brand(self, asked: TeamRequest, fault: BrandFault | None = None) -> Response:
        context = {
            "preview_path": "/app/settings/brand/preview",
            **brand_context(self._app, asked.form, fault or BrandFault()),
        }
        return self._respond(asked, "setup_brand.html.j2", "brand", context, status=fault.status if fault else 200)

    def _show_mail(self, asked: TeamRequest, *, way: str = "", fault: SettingsFault | None = None) -> Response:
        state, query = first_run(self._app), asked.request.query_params
        kind = _mail_kind(state)
        way = way or query.get("way", "")
        chosen = any(one.name == way for one in ways_of(kind))
        is_tried = query.get("check") == "now"
        with self._app.database.begin() as connection:
            has_sandbox = site_settings.sandbox(connection) is not None
        context: dict[str, object] = {
            "mail": state.mail,
            "has_sandbox": has_sandbox,
            "ways": ways_of(kind),
            "is_tried": is_tried,
            "problem_text": fault.sentence if fault else "",
            "trial": [],
            "works": True,
            "sender_field": None,
            **(connection_context(kind, way, asked.form, fault) if chosen else {"way": None, "answers": None}),
        }
        if chosen:
            context["sender_field"] = self._sender_field(state, context)
        if is_tried and state.mail is not None:
            context |= self._trial(state.mail)
        return self._respond(asked, "setup_mail.html.j2", "mail", context, status=fault.status if fault else 200)

    def _sender_field(self, state: FirstRun, context: dict[str, object]) -> object:
        """The one setting that a connection needs besides, with what is known already."""
        sections = context.pop("sections")
        assert isinstance(sections, list), "of fields"  # noqa: S101
        return next((one for part in sections for one in part.fields if one.name.endswith(f":{_SENDER}")), None)

    def _trial(self, mail: ChannelOverview) -> dict[str, object]:
        """What the other side says, and what the DNS says about the sender unless nobody gets the mails."""
        name = mail.record.name
        try:
            test = run_channel_test(self._app, name)
        except DataError:
            raise
        except (InputError, StateError, ConfigurationError) as error:
            return {"problem_text": sentence_of(error), "works": False}
        found = () if mail.is_sandbox else look_up_dns(self._app, name)
        return {
            "trial": [finding_context(one) for one in test.findings],
            "works": test.works,
            "dns": dns_context(self._app, name, found),
        }

    def _connecting(
        self, asked: TeamRequest, mail: ChannelOverview | None, kind: str, values: dict[str, object]
    ) -> Callable[[], None]:
        def connect() -> None:
            if mail is None:
                configure(self._app, kind, kind, values, is_new=True, actor=asked.actor)
            else:
                change(self._app, mail.record.name, values, actor=asked.actor)

        return connect

    def _show_content(self, asked: TeamRequest, faults: dict[str, str] | None = None) -> Response:
        with self._app.database.begin() as connection:
            found = lists.listed(connection)
            newest = articles.latest(connection, limit=1)
        form = asked.form
        context: dict[str, object] = {
            "first_list": found[0] if found else None,
            "newest": newest[0] if newest else None,
            "list_name": form.one("list_name") or _("Newsletter"),
            "source": form.one("source") or ("" if newest else "sample"),
            "text": form.exact("text"),
            "key": form.one("key") or secrets.token_urlsafe(12),
            "faults": {"article": "", "list_name": "", **(faults or {})},
        }
        return self._respond(asked, "setup_content.html.j2", "content", context, status=422 if faults else 200)

    def _add_article(self, asked: TeamRequest, actor: str) -> str:
        """The slug of the article that was chosen, pasted or uploaded; empty for none."""
        form = asked.form
        source = form.one("source")
        if source == "sample":
            return add_sample_article(self._app, actor=actor).slug
        if source == "paste":
            text = form.exact("text")
            if not text.strip():
                raise InputError(_("paste an article into the field, or choose another way"))
            return add_article(self._app, text.encode(), name="", key=_key_of(asked), actor=actor)
        if source == "upload":
            files = form.files.get("file", ())
            if not files:
                raise InputError(_("choose a file, or another way"))
            return add_article(self._app, files[0].body, name=files[0].name, key=_key_of(asked), actor=actor)
        return ""

    def _show_first_mail(self, asked: TeamRequest, *, problem: str = "") -> Response:
        with self._app.database.begin() as connection:
            listed = articles.latest(connection, limit=_ARTICLES)
        wanted = asked.form.one("article") or asked.request.query_params.get("article", "")
        context = {
            "has_list": first_run(self._app).has_list,
            "articles": [(one.article.slug, one.article.title) for one in listed],
            "article": wanted,
            "key": asked.form.one("key") or secrets.token_urlsafe(12),
            "problem_text": problem,
            **self._outcome(asked),
        }
        return self._respond(asked, "setup_first_mail.html.j2", "", context, status=422 if problem else 200)

    def _outcome(self, asked: TeamRequest) -> dict[str, object]:
        """What became of the newest mail to the user, and whether the sandbox has it."""
        state = first_run(self._app)
        mail = first_mail_to(self._app, asked.user.email)
        in_sandbox = bool(state.mail and state.mail.is_sandbox)
        has_arrived = mail is not None and mail.delivery.state in _ARRIVED
        message, sandbox_problem = None, ""
        if has_arrived and in_sandbox:
            try:
                body = self._from_sandbox(asked.user.email)
            except ServiceError as error:
                body, sandbox_problem = None, sentence_of(error)
            message = parse_message(body) if body else None
        return {
            "mail": mail,
            "channel": state.mail,
            "in_sandbox": in_sandbox,
            "has_ended": mail is not None and mail.delivery.state in _ENDED,
            "has_arrived": has_arrived,
            "message": message,
            "sandbox_problem": sandbox_problem,
            "draft_id": mail.draft_id if mail else None,
        }

    def _from_sandbox(self, address: str) -> bytes | None:
        with self._app.database.begin() as connection:
            ports = site_settings.sandbox(connection)
        return newest_mail(ports, address) if ports else None


def sandbox_settings(kind: str, host: str, port: int) -> dict[str, str]:
    """The settings with which a kind that is connected by answers hands its mails to the sandbox."""
    found = kinds()[kind]
    if not issubclass(found, GuidedKind):
        raise StateError(f"channels of kind {kind} are not connected by answers")
    return dict(found.connection_settings("smtp", {"host": host, "port": str(port), "encryption": "plain"}))


def _steps(state: FirstRun) -> list[SetupStep]:
    mail = state.mail
    reach = _("to the sandbox: nobody gets them") if mail and mail.is_sandbox else mail.place.service if mail else ""
    return [
        SetupStep(_("Your account"), "/app/account", True, ""),
        SetupStep(_("Your brand"), "/app/setup/brand", state.has_brand, ""),
        SetupStep(_("Where mail goes"), "/app/setup/mail", state.can_mail, reach),
        SetupStep(_("First list and article"), "/app/setup/content", state.has_content, ""),
    ]


def _mail_kind(state: FirstRun) -> str:
    """The kind of the channel of mails, or that of a new one."""
    if state.mail is not None:
        return state.mail.record.kind
    return next(name for name, kind in kinds().items() if kind.capabilities.audience is Audience.SUBSCRIBERS)


def _key_of(asked: TeamRequest) -> str:
    """What makes a form that is sent twice count once."""
    return f"{asked.user.id} {asked.form.one('key')[:100] or secrets.token_urlsafe(12)}"
