"""Histories and the audit log in words. What is stored is short and the same in every language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from gettext import gettext as _
from gettext import ngettext

from distributor.domain.campaign import CampaignAction
from distributor.domain.user import AuditAction, Role

_Found = re.Match[str]


def action_name(action: CampaignAction) -> str:
    """What happened to a campaign."""
    return {
        CampaignAction.CREATED: _("Created"),
        CampaignAction.DUPLICATED: _("Copied"),
        CampaignAction.EDITED: _("Edited"),
        CampaignAction.REVIEWED: _("Reviewed"),
        CampaignAction.APPROVED: _("Approved"),
        CampaignAction.SCHEDULED: _("Scheduled"),
        CampaignAction.RESCHEDULED: _("Times changed"),
        CampaignAction.UNDONE: _("Taken back: a draft again"),
        CampaignAction.RELEASED: _("Sending began"),
        CampaignAction.PAUSED: _("Paused"),
        CampaignAction.RESUMED: _("Resumed"),
        CampaignAction.TESTED: _("Test sent"),
        CampaignAction.CANCELLED: _("Cancelled"),
        CampaignAction.RETRIED: _("Failed ones tried again"),
        CampaignAction.SETTLED: _("Unknown ones settled"),
        CampaignAction.DETAILS_REMOVED: _("Removed when its retention time had passed"),
    }[action]


def audit_action_name(action: str) -> str:
    """What somebody did, as the audit log has it."""
    names: Mapping[str, str] = {
        AuditAction.SIGNED_IN: _("Signed in"),
        AuditAction.SIGN_IN_FAILED: _("Sign-in failed"),
        AuditAction.SIGNED_OUT: _("Signed out"),
        AuditAction.SESSIONS_ENDED: _("Ended sessions"),
        AuditAction.USER_CREATED: _("Invited"),
        AuditAction.PROFILE_CHANGED: _("Changed the profile"),
        AuditAction.ROLE_CHANGED: _("Changed the role"),
        AuditAction.DISABLED: _("Disabled the account"),
        AuditAction.ENABLED: _("Enabled the account"),
        AuditAction.LINK_CREATED: _("Made a link for a password"),
        AuditAction.DELIVERIES_SETTLED: _("Settled deliveries"),
        AuditAction.RESET_REQUESTED: _("Asked for a new password"),
        AuditAction.PASSWORD_SET: _("Set the password"),
        AuditAction.DENIED: _("Was refused"),
        AuditAction.CALENDAR_FEED_MADE: _("Made a calendar feed"),
        AuditAction.CALENDAR_FEED_REMOVED: _("Removed the calendar feed"),
        AuditAction.SITE_CHANGED: _("Changed the brand and site"),
        AuditAction.CHANNEL_CREATED: _("Added a channel"),
        AuditAction.CHANNEL_CHANGED: _("Changed a channel"),
        AuditAction.CHANNEL_REMOVED: _("Removed a channel"),
        AuditAction.SOURCE_ADDED: _("Added a source"),
        AuditAction.SOURCE_CHANGED: _("Changed a source"),
        AuditAction.SOURCE_REMOVED: _("Removed a source"),
        AuditAction.TAG_CHANGED: _("Changed a tag"),
        AuditAction.TAG_RENAMED: _("Renamed a tag"),
        AuditAction.TAG_MERGED: _("Merged a tag"),
        AuditAction.CHANNEL_TESTED: _("Tried a channel"),
        AuditAction.SIGNING_KEY_CHANGED: _("Changed a signing key"),
        AuditAction.NOTICES_CHANGED: _("Changed who is told of troubles"),
        AuditAction.QUARANTINE_RETRIED: _("Had an item in quarantine tried again"),
        AuditAction.QUARANTINE_DISCARDED: _("Discarded an item in quarantine"),
    }
    return names.get(action, action)


def role_name(role: Role) -> str:
    return {
        Role.OWNER: _("Owner"),
        Role.ADMIN: _("Admin"),
        Role.EDITOR: _("Editor"),
        Role.MARKETER: _("Marketer"),
        Role.APPROVER: _("Approver"),
        Role.VIEWER: _("Viewer"),
    }[role]


def detail_of(action: CampaignAction, detail: str) -> str:
    """What a campaign's history adds to an action. What somebody or a server has said stays as it is."""
    return _in_words(_OF_CAMPAIGNS, action, detail)


def audit_detail_of(action: str, detail: str) -> str:
    """What the audit log adds to an action. Names of settings stay as they are."""
    return _in_words(_OF_AUDITS, action, detail)


def _in_words(known: Mapping[str, tuple[str, Callable[[_Found], str]]], action: str, detail: str) -> str:
    pattern, spell = known.get(action, ("", str))
    found = re.fullmatch(pattern, detail, re.DOTALL)
    return spell(found) if found and detail else detail


def _count(written: str) -> int:
    return int(written.replace(",", ""))


def _released(found: _Found) -> str:
    count = _count(found[2])
    words = ngettext("on %(channel)s, to %(count)s recipient", "on %(channel)s, to %(count)s recipients", count)
    return words % {"channel": found[1], "count": f"{count:,}"}


def _reviewed(found: _Found) -> str:
    blocking, warnings = int(found[1]), int(found[2])
    parts = []
    if blocking:
        parts.append(ngettext("%(count)s must be mended", "%(count)s must be mended", blocking) % {"count": blocking})
    if warnings:
        parts.append(ngettext("%(count)s warning", "%(count)s warnings", warnings) % {"count": warnings})
    return ", ".join(parts) or _("everything is fine")


def _tested(found: _Found) -> str:
    count = int(found[3])
    words = ngettext(
        "over %(channel)s to %(count)s address (campaign %(number)s)",
        "over %(channel)s to %(count)s addresses (campaign %(number)s)",
        count,
    )
    return words % {"channel": found[2], "count": count, "number": found[1]}


def _cancelled(found: _Found) -> str:
    count = int(found[1])
    words = ngettext("%(count)s recipient will not get it", "%(count)s recipients will not get it", count)
    return words % {"count": f"{count:,}"}


def _duplicated(found: _Found) -> str:
    words = _("as campaign %(number)s") if found[1] == "as" else _("from campaign %(number)s")
    return words % {"number": found[2]}


def _edited(found: _Found) -> str:
    parts = {
        "name": _("name"),
        "article": _("articles"),
        "channel": _("channels"),
        "audience": _("audience"),
        "zone": _("time zone"),
        "track opens": _("counting of opens"),
        "track clicks": _("counting of clicks"),
        "unknown policy": _("what becomes of unknown ones"),
        "message options": _("words"),
        "channel options": _("words of channels"),
        "needs approval": _("whether somebody approves it"),
        "on change": _("what happens after a change"),
        "times": _("times"),
    }
    return ", ".join(parts.get(one, one) for one in found[0].split(", "))


def _retried(found: _Found) -> str:
    words = _("%(retried)s of %(failed)s") % {"retried": f"{int(found[1]):,}", "failed": f"{int(found[2]):,}"}
    return words + found[3]


def _settled(found: _Found) -> str:
    how = {"as sent": _("as sent"), "as not sent": _("as not sent"), "to be sent again": _("to be sent again")}[
        found[3]
    ]
    if found[1]:
        return _("delivery %(number)s %(how)s: %(why)s") % {"number": found[1], "how": how, "why": found[4]}
    count = int(found[2])
    return _("%(count)s %(how)s: %(why)s") % {"count": f"{count:,}", "how": how, "why": found[4]}


def _sessions_ended(found: _Found) -> str:
    return ngettext("%(count)s session", "%(count)s sessions", int(found[0])) % {"count": found[0]}


def _notices_changed(found: _Found) -> str:
    count = int(found[1])
    addresses = ngettext("%(count)s address", "%(count)s addresses", count) % {"count": count}
    return ", ".join((addresses, _("no web hook") if found[2] == "no" else _("a web hook")))


def _role(found: _Found) -> str:
    return role_name(Role(found[0]))


def _role_changed(found: _Found) -> str:
    before, after = role_name(Role(found[1])), role_name(Role(found[2]))
    return _("from %(before)s to %(after)s") % {"before": before, "after": after}


def _link_created(found: _Found) -> str:
    return _("sent by mail") if found[0] == "by mail" else _("shown on the page")


_ROLES = "|".join(Role)
_SETTLED = (
    r"(?:delivery (\d+)|(\d+) deliveries of unknown outcome) settled (as sent|as not sent|to be sent again): (.*)"
)
# What is stored of each action, and how it is said.
_OF_CAMPAIGNS: Mapping[str, tuple[str, Callable[[_Found], str]]] = {
    CampaignAction.RELEASED: (r"(.+): ([\d,]+)", _released),
    CampaignAction.REVIEWED: (r"(\d+) blocking, (\d+) warnings", _reviewed),
    CampaignAction.TESTED: (r"campaign (\d+), over (.+) to (\d+)", _tested),
    CampaignAction.CANCELLED: (r"(\d+) not sent", _cancelled),
    CampaignAction.DUPLICATED: (r"(as|from) campaign (\d+)", _duplicated),
    CampaignAction.EDITED: (r"[a-z]+(?: [a-z]+)?(?:, [a-z]+(?: [a-z]+)?)*", _edited),
    CampaignAction.RETRIED: (r"(\d+) of (\d+) failed deliveries(.*)", _retried),
    CampaignAction.SETTLED: (_SETTLED, _settled),
}
_OF_AUDITS: Mapping[str, tuple[str, Callable[[_Found], str]]] = {
    AuditAction.SESSIONS_ENDED: (r"\d+", _sessions_ended),
    AuditAction.USER_CREATED: (_ROLES, _role),
    AuditAction.ROLE_CHANGED: (rf"from ({_ROLES}) to ({_ROLES})", _role_changed),
    AuditAction.LINK_CREATED: ("by mail|shown", _link_created),
    AuditAction.RESET_REQUESTED: ("by mail", _link_created),
    AuditAction.DELIVERIES_SETTLED: (_SETTLED, _settled),
    AuditAction.NOTICES_CHANGED: (r"(\d+) addresses, (a|no) web hook", _notices_changed),
}
