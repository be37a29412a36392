"""Delivery status fields (RFC 3464, RFC 6533) of each recipient.

They are read from a `message/delivery-status` part, or from the text of systems that write the same fields there.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

from distributor.domain.address import mailbox_key
from distributor.mail.bounces.address_search import find_address
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import STATUS
from distributor.mail.bounces.reports import MAX_RECIPIENTS

_FIELD = re.compile(r"([A-Za-z][A-Za-z-]{2,40})[ \t]*:[ \t]*(.*)")
_OF_A_RECIPIENT = frozenset(
    {
        "final-recipient",
        "original-recipient",
        "action",
        "status",
        "diagnostic-code",
        "remote-mta",
        "x-actual-recipient",
        "x-powermta-bouncecategory",
    }
)
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")
_BEGINS = frozenset({"final-recipient", "original-recipient", "action"})
_STATUS = re.compile(rf"2\.\d\.\d{{1,3}}|{STATUS}")
# The actions of RFC 3464 section 2.3.3 that report a failure, and other words for them.
_FAILED = re.compile(r"(?:fail\w*|delayed|expired|bounced|undeliver\w*|error)\b", re.IGNORECASE)
_SUCCEEDED = re.compile(r"(?:delivered|relayed|expanded)\b", re.IGNORECASE)
# How RFC 3461 section 4 (xtext) and RFC 6533 section 3 write characters that must not stand in an address field.
_ENCODED = re.compile(r"\+([0-9A-F]{2})|\\x\{([0-9A-F]{2,6})\}")
_REFUSED = re.compile(r"(?<![\d.])[45]\d\d\b")
# PowerMTA states the category itself (user's guide, "Bounce categories"); unspecific categories are left out.
_POWERMTA = {
    "bad-domain": Reason.HOSTUNKNOWN,
    "bad-mailbox": Reason.USERUNKNOWN,
    "inactive-mailbox": Reason.SUSPEND,
    "message-expired": Reason.EXPIRED,
    "no-answer-from-host": Reason.NETWORKERROR,
    "policy-related": Reason.POLICYVIOLATION,
    "quota-issues": Reason.MAILBOXFULL,
    "routing-errors": Reason.SYSTEMERROR,
    "spam-related": Reason.SPAMDETECTED,
}
_MAX_VALUE = 4000


@dataclass(slots=True)
class _Group:
    fields: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStatus:
    """The recipients of a report: failed or delayed ones, and successful ones.

    `is_report`: there were delivery status fields.
    """

    failed: tuple[BounceEvidence, ...] = ()
    succeeded: tuple[BounceEvidence, ...] = ()
    is_report: bool = False


def parse_delivery_status(text: str) -> DeliveryStatus:
    """Parse the delivery status fields in a text."""
    groups = (group for group in _groups(text) if _recipient(group) or group.get("status") or group.get("action"))
    # Notices of mail loops repeat themselves: the first group about each recipient counts.
    by_recipient: dict[tuple[str, bool], _Group] = {}
    for group in groups:
        by_recipient.setdefault((_recipient(group).lower(), _has_failed(group)), group)
    failed = [group for (_, has_failed), group in by_recipient.items() if has_failed]
    succeeded = [group for group in by_recipient.values() if _SUCCEEDED.match(group.get("action"))]
    return DeliveryStatus(
        failed=tuple(_evidence(group) for group in failed[:MAX_RECIPIENTS]),
        succeeded=tuple(_evidence(group) for group in succeeded[:MAX_RECIPIENTS]),
        is_report=bool(by_recipient),
    )


def _groups(text: str) -> list[_Group]:
    """The fields grouped by recipient. Some systems omit the blank line between groups, some add one within."""
    groups = [_Group()]
    for block in re.split(r"\n[ \t]*\n", text):
        fresh = True
        for name, value in _unfold(block):
            if name not in _OF_A_RECIPIENT:
                continue
            current = groups[-1]
            if name in current.fields and (name in _BEGINS or fresh):
                groups.append(_Group())
            elif name in current.fields:
                value = f"{current.fields[name]} {value}"
            fresh = False
            groups[-1].fields[name] = value[:_MAX_VALUE]
    return groups


def _unfold(block: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for line in block.split("\n"):
        found = _FIELD.fullmatch(line)
        if found:
            fields.append((found[1].lower(), found[2].strip()))
        elif fields and line[:1] in (" ", "\t") and len(fields[-1][1]) < _MAX_VALUE:
            name, value = fields[-1]
            # Domino breaks its diagnostic at a fixed column and puts one space before the rest.
            joint = "" if value.lower().startswith("x-notes") else " "
            fields[-1] = (name, value + joint + line.strip())
    return fields


def _recipient(group: _Group) -> str:
    """Final-Recipient, unless it is a source route or an internal name; then Original-Recipient."""
    final = group.get("final-recipient").partition(";")[2].strip() or group.get("final-recipient")
    if final.startswith("@") or "@" not in final:
        return find_address(group.get("original-recipient")) or find_address(group.get("x-actual-recipient"))
    return find_address(final) or find_address(group.get("original-recipient"))


def _addresses(group: _Group) -> tuple[str, ...]:
    """Every address by which the fields name the recipient, as written and decoded."""
    found: dict[str, None] = {}
    for name in _RECIPIENT_FIELDS:
        written = group.get(name).partition(";")[2] or group.get(name)
        for spelling in (written, _ENCODED.sub(_character, written)):
            bare = spelling.strip("<> \t")
            if address := bare if mailbox_key(bare) else find_address(spelling):
                found[address] = None
    return tuple(found)


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1] or escaped[2], 16)
    return chr(code) if code <= sys.maxunicode and chr(code).isprintable() else escaped[0]


def _has_failed(group: _Group) -> bool:
    """Whether delivery failed, by Action, or if that is missing, by the codes."""
    if group.get("action"):
        return bool(_FAILED.match(group.get("action")))
    refused = group.get("status")[:1] in ("4", "5") or _REFUSED.search(group.get("diagnostic-code"))
    return bool(_recipient(group) and refused)


def _evidence(group: _Group) -> BounceEvidence:
    diagnostic = group.get("diagnostic-code")
    diagnostic_type, semicolon, words = diagnostic.partition(";")
    if not semicolon or " " in diagnostic_type.strip():
        diagnostic_type, words = "", diagnostic
    status = _STATUS.search(group.get("status"))
    # PowerMTA explains the status in brackets; other systems put there what the diagnostic lacks.
    explained = re.search(r"\(([^()]{3,200})\)", group.get("status"))
    return BounceEvidence(
        recipient=_recipient(group),
        reply_text=words.strip() or (explained[1] if explained else ""),
        status=status[0] if status else "",
        host=group.get("remote-mta").partition(";")[2].strip().partition(" ")[0].lower(),
        action=re.match(r"[a-z]*", group.get("action").lower())[0],  # type: ignore[index]  # matches always
        diagnostic_type=diagnostic_type.strip().lower(),
        stated_reason=_POWERMTA.get(group.get("x-powermta-bouncecategory").lower()),
        reported_as=_addresses(group),
    )
