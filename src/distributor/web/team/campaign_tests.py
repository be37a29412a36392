"""Tests of a campaign: to oneself, to addresses, to a saved group; and the groups."""

from __future__ import annotations

from collections.abc import Callable
from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.errors import DataError, InputError, NotFoundError, StateError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.send_test import AskedTest, send_test
from distributor.flow.publishing.test_groups import add_group, addresses_of, change_group, remove_group, split_addresses
from distributor.storage import test_groups
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.campaign_review import number_in
from distributor.web.team.pages import TeamPages
from distributor.web.team.review_page import ReviewForm, ReviewPage
from distributor.web.team.wording import person_of

_INVALID = 422


class CampaignTestPages:
    """Sends tests. To oneself everyone may who takes part; to others and for groups it needs writing campaigns."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self._page = ReviewPage(app, pages)

    def routes(self) -> list[TeamRoute]:
        write = Permission.CAMPAIGNS_WRITE
        return [
            TeamRoute("POST", "/campaigns/{campaign_id}/test", self.send, write),
            TeamRoute("POST", "/campaigns/{campaign_id}/test-to-me", self.send_to_me, Permission.CAMPAIGNS_COMMENT),
            TeamRoute("GET", "/test-groups", self.show_groups, write),
            TeamRoute("POST", "/test-groups", self.add, write),
            TeamRoute("GET", "/test-groups/{group_id}", self.show_group, write),
            TeamRoute("POST", "/test-groups/{group_id}", self.change, write),
            TeamRoute("POST", "/test-groups/{group_id}/remove", self.remove, write),
        ]

    def send(self, asked: TeamRequest) -> Response:
        return self._send(asked, self._chosen_test)

    def send_to_me(self, asked: TeamRequest) -> Response:
        return self._send(asked, self._test_to_me)

    def show_groups(self, asked: TeamRequest) -> Response:
        return self._show_groups(asked)

    def add(self, asked: TeamRequest) -> Response:
        try:
            add_group(
                self._app,
                asked.form.one("name"),
                split_addresses(asked.form.exact("addresses")),
                actor=asked.actor.name,
            )
        except DataError:
            raise
        except InputError as error:
            return self._show_groups(asked, error=sentence_of(error))
        return self._gate.redirect("/app/test-groups?done=added")

    def show_group(self, asked: TeamRequest) -> Response:
        return self._show_group(asked)

    def change(self, asked: TeamRequest) -> Response:
        try:
            change_group(
                self._app,
                asked.number("group_id"),
                asked.form.one("name"),
                split_addresses(asked.form.exact("addresses")),
                version=number_in(asked, "version"),
                actor=asked.actor.name,
            )
        except DataError:
            raise
        except (InputError, StateError) as error:
            return self._show_group(asked, error=sentence_of(error))
        return self._gate.redirect("/app/test-groups?done=changed")

    def remove(self, asked: TeamRequest) -> Response:
        remove_group(self._app, asked.number("group_id"))
        return self._gate.redirect("/app/test-groups?done=removed")

    def _send(self, asked: TeamRequest, test_of: Callable[[TeamRequest], AskedTest]) -> Response:
        try:
            test_id = send_test(self._app, asked.number("campaign_id"), test_of(asked), actor=asked.actor.name)
        except DataError:
            raise
        except (InputError, StateError, NotFoundError) as error:
            return self._again(asked, error)
        return self._sent(asked, test_id)

    def _chosen_test(self, asked: TeamRequest) -> AskedTest:
        form = asked.form
        channel, _bar, via = form.one("way").partition("|")
        return AskedTest(
            channel_name=channel,
            via=via,
            # A post goes to the account of a channel.
            addresses=() if via else self._addresses(asked),
            seen_by=form.one("seen_by") if asked.user.allows(Permission.SUBSCRIBERS_READ) else "",
            key=self._key(asked),
        )

    def _test_to_me(self, asked: TeamRequest) -> AskedTest:
        channel = asked.form.one("way").partition("|")[0]
        return AskedTest(channel_name=channel, addresses=(asked.user.email,), key=self._key(asked))

    def _addresses(self, asked: TeamRequest) -> tuple[str, ...]:
        """Those of the chosen group and those that were typed."""
        typed = split_addresses(asked.form.exact("addresses"))
        if not asked.form.one("group"):
            return typed
        return (*addresses_of(self._app, number_in(asked, "group")), *typed)

    def _key(self, asked: TeamRequest) -> str:
        once = asked.form.one("once")
        return f"{asked.user.id}:{once}" if once else ""

    def _sent(self, asked: TeamRequest, test_id: int) -> Response:
        return self._gate.redirect(
            f"/app/campaigns/{asked.number('campaign_id')}/review?done=tested&test={test_id}#test"
        )

    def _again(self, asked: TeamRequest, error: Exception) -> Response:
        form = ReviewForm(part="test", error=sentence_of(error), status=_INVALID)
        return self._page.respond(asked, asked.number("campaign_id"), form)

    def _show_groups(self, asked: TeamRequest, *, error: str = "") -> Response:
        with self._app.database.begin() as connection:
            groups = test_groups.all_groups(connection)
        done = {
            "added": _("The group is saved."),
            "changed": _("The group is saved."),
            "removed": _("The group is removed."),
        }
        context = {
            "user": asked.user,
            "page": "campaigns",
            "groups": groups,
            "error": error,
            "notice": done.get(asked.request.query_params.get("done", ""), ""),
            "typed": {name: asked.form.exact(name) for name in ("name", "addresses")},
        }
        return self._pages.respond("test_groups.html.j2", context, status=_INVALID if error else 200)

    def _show_group(self, asked: TeamRequest, *, error: str = "") -> Response:
        with self._app.database.begin() as connection:
            group = test_groups.find(connection, asked.number("group_id"))
        typed = {"name": group.name, "addresses": "\n".join(group.addresses)}
        if error:
            typed = {name: asked.form.exact(name) for name in typed}
        context = {
            "user": asked.user,
            "page": "campaigns",
            "group": group,
            "changed_by": person_of(group.changed_by),
            "error": error,
            "typed": typed,
        }
        return self._pages.respond("test_group.html.j2", context, status=_INVALID if error else 200)
