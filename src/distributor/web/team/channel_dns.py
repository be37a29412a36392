"""The DNS of a channel's mails: records to copy, what is found of them, and the keys that sign."""

from __future__ import annotations

from collections.abc import Sequence
from gettext import gettext as _
from urllib.parse import quote

from starlette.responses import Response

from distributor.domain.diagnostics import DnsRecord, Finding
from distributor.domain.errors import DataError, InputError, StateError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_dns import look_up_dns, resolver_of
from distributor.flow.operations.signing_keys import (
    UnpublishedKeyError,
    activate_keys,
    key_ring,
    make_keys,
    remove_key,
    retire_key,
)
from distributor.mail.dkim.keys import Algorithm
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.channels import channel_name, finding_context
from distributor.web.team.pages import TeamPages


class ChannelDnsPages:
    """Everyone sees the records, because who publishes them may be anyone; owners and admins change keys."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.CHANNELS_READ, Permission.CHANNELS_WRITE
        return [
            TeamRoute("GET", "/channels/{name}/dns", self.show, read),
            TeamRoute("POST", "/channels/{name}/dns/keys", self.make_key, write),
            TeamRoute("POST", "/channels/{name}/dns/keys/{selector}/activate", self.activate, write),
            TeamRoute("POST", "/channels/{name}/dns/keys/{selector}/retire", self.retire, write),
            TeamRoute("POST", "/channels/{name}/dns/keys/{selector}/remove", self.remove, write),
        ]

    def show(self, asked: TeamRequest) -> Response:
        done = {
            "made": _("The key is made. Publish its record, then let it sign."),
            "active": _("Mails are signed with it from now on."),
            "retired": _("The key signs no more. Keep its record for a week, for mails on their way."),
            "removed": _("The key is deleted. Remove its record from the DNS too."),
        }
        query = asked.request.query_params
        # Asks the DNS, and changes nothing.
        findings = look_up_dns(self._app, channel_name(asked)) if query.get("check") else ()
        return self._show(asked, findings=findings, notice=done.get(query.get("done", ""), ""))

    def make_key(self, asked: TeamRequest) -> Response:
        """A key under a name with the date in it. A form that is sent twice makes one."""
        name, now = channel_name(asked), self._app.clock()
        selector = f"d{now:%Y%m%d}"
        taken = {one.selector for one in key_ring(self._app, name).entries}
        if selector not in taken:
            make_keys(self._app, name, selectors=[(selector, Algorithm.RSA)], actor=asked.actor)
        return self._back(asked, "made")

    def activate(self, asked: TeamRequest) -> Response:
        try:
            activate_keys(
                self._app, channel_name(asked), [_selector(asked)], lookup=resolver_of(self._app), actor=asked.actor
            )
        except UnpublishedKeyError as error:
            problem = _("Readers’ mail servers would not find the key yet: %(fault)s. It may take an hour.")
            return self._show(asked, problem=problem % {"fault": error.fault})
        return self._back(asked, "active")

    def retire(self, asked: TeamRequest) -> Response:
        retire_key(self._app, channel_name(asked), _selector(asked), actor=asked.actor)
        return self._back(asked, "retired")

    def remove(self, asked: TeamRequest) -> Response:
        remove_key(self._app, channel_name(asked), _selector(asked), actor=asked.actor)
        return self._back(asked, "removed")

    def _back(self, asked: TeamRequest, done: str) -> Response:
        return self._gate.redirect(f"/app/channels/{quote(channel_name(asked), safe='')}/dns?done={done}")

    def _show(
        self, asked: TeamRequest, *, findings: Sequence[Finding] = (), notice: str = "", problem: str = ""
    ) -> Response:
        name = channel_name(asked)
        context = {
            "user": asked.user,
            "page": "channels",
            "channel": name,
            "path": f"/app/channels/{quote(name, safe='')}",
            "may_write": asked.user.allows(Permission.CHANNELS_WRITE),
            "notice": notice,
            **dns_context(self._app, name, findings, problem),
        }
        return self._pages.respond("channel_dns.html.j2", context, status=409 if problem else 200)


def dns_context(app: AppContext, name: str, findings: Sequence[Finding], problem: str = "") -> dict[str, object]:
    """The keys of a channel with their records, and what was found with the records to publish."""
    try:
        entries = key_ring(app, name).entries
    except DataError:
        raise
    except (InputError, StateError) as error:
        entries, problem = (), sentence_of(error)
    keys = [
        {
            "selector": one.selector,
            "domain": one.domain,
            "state": one.state.value,
            "since": one.since,
            "record": _shown(DnsRecord(one.record_name, "TXT", one.record)),
        }
        for one in entries
    ]
    return {
        "keys": keys,
        "findings": [
            {**finding_context(one), "record": _shown(one.record) if one.record else None} for one in findings
        ],
        "is_checked": bool(findings),
        "problem_text": problem,
    }


def _shown(record: DnsRecord) -> dict[str, str]:
    return {"name": record.name, "type": record.type, "value": record.value}


def _selector(asked: TeamRequest) -> str:
    return str(asked.request.path_params["selector"])
