"""The channels: which there are and how they are, a new one, its settings, a trial, and the DNS of mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from gettext import gettext as _
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.channels.api import ConnectionWay, GuidedKind, Json
from distributor.channels.registry import describe_settings, kind_of, kinds, present
from distributor.described_settings import InvalidSettingsError
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import ConfigurationError, DataError, InputError, StateError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.channel_test import run_channel_test
from distributor.flow.delivery.paused_routes import resume_routes
from distributor.flow.operations.channel_list import all_channels, find_channel
from distributor.flow.operations.channel_settings import change, configure, plan_removal, read_settings, remove
from distributor.web.forms import Form
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.channel_form import (
    FormSection,
    SettingsFault,
    answers_form,
    look_at_marked,
    read_answers,
    read_settings_form,
    settings_form,
    told,
)
from distributor.web.team.pages import TeamPages
from distributor.web.team.wording import for_pages

_FORM_BYTES = 256 * 1024
_NEW = "new"
_NOTHING: Mapping[str, str] = {}
_NO_NAMES: frozenset[str] = frozenset()


class ChannelPages:
    """Everyone who sees channels sees how they are; owners and admins change them."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.CHANNELS_READ, Permission.CHANNELS_WRITE
        return [
            TeamRoute("GET", "/channels", self.show_all, read),
            TeamRoute("GET", "/channels/new", self.show_new, write),
            TeamRoute("POST", "/channels/new", self.create, write, max_bytes=_FORM_BYTES),
            TeamRoute("GET", "/channels/{name}", self.show, read),
            TeamRoute("POST", "/channels/{name}", self.save, write, max_bytes=_FORM_BYTES),
            TeamRoute("GET", "/channels/{name}/connection", self.show_connection, write),
            TeamRoute("POST", "/channels/{name}/connection", self.connect, write),
            TeamRoute("POST", "/channels/{name}/test", self.try_out, write),
            TeamRoute("POST", "/channels/{name}/resume-routes", self.resume, write),
            TeamRoute("GET", "/channels/{name}/remove", self.show_removal, write),
            TeamRoute("POST", "/channels/{name}/remove", self.remove, write),
        ]

    def show_all(self, asked: TeamRequest) -> Response:
        done = {"removed": _("The channel is removed. What it has sent stays on record.")}
        context = {
            "user": asked.user,
            "page": "channels",
            "listed": all_channels(self._app),
            "notice": done.get(_done(asked), ""),
        }
        return self._pages.respond("channels.html.j2", context)

    def show_new(self, asked: TeamRequest) -> Response:
        query = asked.request.query_params
        return self._show_new(asked, kind=query.get("kind", ""), way=query.get("way", ""))

    def create(self, asked: TeamRequest) -> Response:
        form = asked.form
        kind, way, name = form.one("kind"), form.one("way"), form.one("name")
        _require_kind(kind)
        described = describe_settings(kind)
        made, without, fault = made_settings(form, kind, way)
        given = read_settings_form(form, described, without=without)
        if fault is None and given.faults:
            fault = SettingsFault(look_at_marked(), given.faults)
        if name == _NEW:
            # Its page would be that of new channels.
            fault = SettingsFault(look_at_marked(), {"name": _("Please choose another name.")})
        if fault is None:
            fault = told(lambda: self._create(asked, name, kind, {**given.values, **made}))
        if fault is not None:
            return self._show_new(asked, kind=kind, way=way, fault=fault)
        return self._gate.redirect(f"/app/channels/{quote(name, safe='')}?done=created")

    def show(self, asked: TeamRequest) -> Response:
        done = {
            "created": _("The channel is there. Try it before the first campaign."),
            "saved": _("Saved. The next delivery goes out with it."),
            "connected": _("Saved. Try it now."),
            "resumed": _("The routes are tried again at once."),
        }
        return self._show(asked, notice=done.get(_done(asked), ""))

    def save(self, asked: TeamRequest) -> Response:
        name = channel_name(asked)
        stored = read_settings(self._app, name)
        without = _guided_settings(stored.record.kind)
        given = read_settings_form(asked.form, stored.described, without=without)
        fault: SettingsFault | None = SettingsFault(look_at_marked(), given.faults) if given.faults else None
        before = {**stored.record.settings}
        values = {key: value for key, value in given.values.items() if before.get(key) != value}
        unset = [key for key in given.unset if key in before or key in stored.secrets_set]
        if fault is None and (values or unset):
            seen = asked.form.one("version")
            fault = told(lambda: change(self._app, name, values, unset=unset, seen=seen, actor=asked.actor))
        if fault is not None:
            return self._show(asked, fault=fault)
        return self._gate.redirect(f"/app/channels/{quote(name, safe='')}?done=saved")

    def show_connection(self, asked: TeamRequest) -> Response:
        return self._show_connection(asked, way=asked.request.query_params.get("way", ""))

    def connect(self, asked: TeamRequest) -> Response:
        name, way = channel_name(asked), asked.form.one("way")
        kind = read_settings(self._app, name).record.kind
        made, _without, fault = made_settings(asked.form, kind, way)
        if fault is None:
            unset = [one for one in _alternatives(kind) if one not in made]
            fault = told(lambda: change(self._app, name, made, unset=unset, actor=asked.actor))
        if fault is not None:
            return self._show_connection(asked, way=way, fault=fault)
        return self._gate.redirect(f"/app/channels/{quote(name, safe='')}?done=connected")

    def try_out(self, asked: TeamRequest) -> Response:
        """Connect, sign in and ask who it is; with an address also send one mail that counts nowhere."""
        name, to = channel_name(asked), asked.form.one("to")
        try:
            test = run_channel_test(self._app, name, to=to)
        except DataError:
            raise
        except (InputError, StateError, ConfigurationError) as error:
            return self._show(asked, fault=SettingsFault(sentence_of(error)))
        return self._show(asked, findings=test.findings, works=test.works, mail_to=to if test.campaign_id else "")

    def resume(self, asked: TeamRequest) -> Response:
        name = channel_name(asked)
        resume_routes(self._app, name)
        return self._gate.redirect(f"/app/channels/{quote(name, safe='')}?done=resumed")

    def show_removal(self, asked: TeamRequest) -> Response:
        return self._show_removal(asked)

    def remove(self, asked: TeamRequest) -> Response:
        remove(self._app, channel_name(asked), actor=asked.actor)
        return self._gate.redirect("/app/channels?done=removed")

    def _create(self, asked: TeamRequest, name: str, kind: str, values: Mapping[str, object]) -> None:
        configure(self._app, name, kind, values, is_new=True, actor=asked.actor)

    def _show_new(self, asked: TeamRequest, *, kind: str, way: str, fault: SettingsFault | None = None) -> Response:
        shared = {"user": asked.user, "page": "channels", "problem_text": fault.sentence if fault else ""}
        if not kind:
            choices = [(name, present(name)) for name in kinds()]
            return self._pages.respond("channel_kinds.html.j2", {**shared, "choices": choices})
        _require_kind(kind)
        ways = ways_of(kind)
        if ways and not any(one.name == way for one in ways):
            return self._pages.respond(
                "channel_ways.html.j2",
                {**shared, "ways": ways, "base": f"/app/channels/new?kind={quote(kind)}&way=", "is_new": True},
            )
        context = {
            **shared,
            "kind": kind,
            "presentation": present(kind),
            "name": asked.form.one("name") or self._free_name(kind),
            "name_error": fault.of_fields.get("name", "") if fault else "",
            **connection_context(kind, way, asked.form, fault),
        }
        return self._pages.respond("channel_new.html.j2", context, status=fault.status if fault else 200)

    def _show(
        self,
        asked: TeamRequest,
        *,
        fault: SettingsFault | None = None,
        notice: str = "",
        findings: Sequence[Finding] = (),
        works: bool = True,
        mail_to: str = "",
    ) -> Response:
        name = channel_name(asked)
        overview = find_channel(self._app, name)
        may_write = asked.user.allows(Permission.CHANNELS_WRITE)
        stored = read_settings(self._app, name) if overview.record.kind in kinds() else None
        is_typed = fault is not None and "version" in asked.form.fields
        context = {
            "user": asked.user,
            "page": "channels",
            "one": overview,
            "limits": _limits(overview.record.discovered_limits),
            "problems": [for_pages(text) for text in overview.problems],
            "path": f"/app/channels/{quote(name, safe='')}",
            "sections": settings_form(
                stored.described,
                stored.record.settings,
                typed=asked.form if is_typed else None,
                secrets_set={key: stored.set_at.get(key) for key in stored.secrets_set},
                without=_guided_settings(overview.record.kind),
                faults=fault.of_fields if fault else _NOTHING,
            )
            if stored and may_write
            else [],
            "has_ways": bool(ways_of(overview.record.kind)) if stored else False,
            "version": stored.version if stored else "",
            "may_write": may_write,
            "unreadable": for_pages(stored.unreadable) if stored and stored.unreadable else "",
            "problem_text": fault.sentence if fault else "",
            "notice": notice,
            "findings": [finding_context(one) for one in findings],
            "is_tried": bool(findings),
            "works": works,
            "mail_to": mail_to,
            "typed_to": asked.form.one("to") or asked.user.email,
        }
        return self._pages.respond("channel.html.j2", context, status=fault.status if fault else 200)

    def _show_connection(self, asked: TeamRequest, *, way: str, fault: SettingsFault | None = None) -> Response:
        name = channel_name(asked)
        record = read_settings(self._app, name).record
        ways, path = ways_of(record.kind), f"/app/channels/{quote(name, safe='')}"
        if not ways:
            raise HTTPException(404)
        shared = {
            "user": asked.user,
            "page": "channels",
            "problem_text": fault.sentence if fault else "",
            "channel": name,
            "path": path,
        }
        if not any(one.name == way for one in ways):
            context = {**shared, "ways": ways, "base": f"{path}/connection?way=", "is_new": False}
            return self._pages.respond("channel_ways.html.j2", context)
        context = {**shared, **connection_context(record.kind, way, asked.form, fault)}
        return self._pages.respond("channel_connection.html.j2", context, status=fault.status if fault else 200)

    def _show_removal(self, asked: TeamRequest) -> Response:
        name = channel_name(asked)
        removal, reason = None, ""
        try:
            removal = plan_removal(self._app, name)
        except StateError as error:
            reason = sentence_of(error)
        context = {
            "user": asked.user,
            "page": "channels",
            "channel": name,
            "path": f"/app/channels/{quote(name, safe='')}",
            "removal": removal,
            "reason": reason,
        }
        return self._pages.respond("channel_remove.html.j2", context)

    def _free_name(self, kind: str) -> str:
        """The kind, with a number if there is a channel of that name."""
        taken = {one.record.name for one in all_channels(self._app)}
        numbered = [kind, *(f"{kind}-{number}" for number in range(2, 100))]
        return next((name for name in numbered if name not in taken), "")


def channel_name(asked: TeamRequest) -> str:
    """The name of the channel in the path."""
    return str(asked.request.path_params["name"])


def ways_of(kind: str) -> Sequence[ConnectionWay]:
    """The ways to connect a channel of this kind; none if it has only settings."""
    found = kind_of(kind)
    return found.connection_ways() if issubclass(found, GuidedKind) else ()


def made_settings(form: Form, kind: str, way: str) -> tuple[Mapping[str, str], frozenset[str], SettingsFault | None]:
    """The settings that the answers of a form make, those that the form of settings has not, and what is wrong."""
    found = kind_of(kind)
    chosen = next((one for one in ways_of(kind) if one.name == way), None)
    if chosen is None or not issubclass(found, GuidedKind):
        return {}, _NO_NAMES, None
    without = _guided_settings(kind)
    try:
        return found.connection_settings(way, read_answers(form, chosen.questions)), without, None
    except InvalidSettingsError as error:
        return {}, without, SettingsFault(look_at_marked(), error.faults)


def connection_context(kind: str, way: str, form: Form, fault: SettingsFault | None) -> dict[str, object]:
    """The fields of a way to connect, and the usual settings beside them."""
    chosen = next((one for one in ways_of(kind) if one.name == way), None)
    faults = fault.of_fields if fault else _NOTHING
    typed = form if fault else None
    sections: list[FormSection] = settings_form(
        describe_settings(kind), {}, typed=typed, without=_guided_settings(kind), faults=faults
    )
    return {
        "way": chosen,
        "answers": answers_form(chosen.questions, typed=typed, faults=faults) if chosen else None,
        "sections": sections,
    }


def finding_context(one: Finding) -> dict[str, str]:
    """A finding as a row of a review."""
    levels = {DiagnosticStatus.OK: "fine", DiagnosticStatus.WARN: "warn", DiagnosticStatus.FAIL: "block"}
    check = one.check.removeprefix("relay ") if one.check == "relay relay" else one.check
    return {"level": levels[one.state], "check": check, "text": for_pages(one.sentence)}


def _guided_settings(kind: str) -> frozenset[str]:
    """The settings that answers make, and those that stand in their place."""
    return _alternatives(kind) if ways_of(kind) else _NO_NAMES


def _alternatives(kind: str) -> frozenset[str]:
    required = [one for one in describe_settings(kind) if one.is_required]
    return frozenset(name for one in required for name in (one.name, *one.alternatives))


def _require_kind(kind: str) -> None:
    if kind not in kinds():
        raise HTTPException(404)


def _done(asked: TeamRequest) -> str:
    return asked.request.query_params.get("done", "")


def _limits(discovered: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What the other side said that it takes, as pairs of words."""
    plain = {name: value for name, value in discovered.items() if isinstance(value, str | int | float)}
    return [
        (name.replace("_", " ").capitalize(), f"{value:,}" if isinstance(value, int) else str(value))
        for name, value in plain.items()
    ]
