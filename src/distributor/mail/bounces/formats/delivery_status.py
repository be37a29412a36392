"""Delivery status reports (RFC 3464, RFC 6533): the fields that say what became of each recipient.

They are read from a `message/delivery-status` part, and from the text of systems that write the same fields there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from distributor.mail.bounces.address_search import find_address
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import STATUS

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
_BEGINS = frozenset({"final-recipient", "original-recipient", "action"})
_STATUS = re.compile(rf"2\.\d\.\d{{1,3}}|{STATUS}")
# The actions of RFC 3464 section 2.3.3 by which something failed, and what others write for them.
_FAILED = re.compile(r"(?:fail\w*|delayed|expired|bounced|undeliver\w*|error)\b", re.IGNORECASE)
_REFUSED = re.compile(r"(?<![\d.])[45]\d\d\b")
# PowerMTA names the category itself (its user's guide, "Bounce categories"); those which say nothing are left out.
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
_LONGEST_VALUE = 4000
_MOST_RECIPIENTS = 500


@dataclass(slots=True)
class _Group:
    fields: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStatus:
    """The failed recipients of a report, and whether it is one at all: it may tell of successes only."""

    failed: tuple[BounceEvidence, ...]
    is_report: bool


def parse_delivery_status(text: str) -> DeliveryStatus:
    """Read the fields of a report out of a text."""
    groups = [group for group in _groups(text) if _recipient(group) or group.get("status") or group.get("action")]
    failed = tuple(_evidence(group) for group in groups[:_MOST_RECIPIENTS] if _has_failed(group))
    return DeliveryStatus(failed=failed, is_report=bool(groups))


def _groups(text: str) -> list[_Group]:
    """The fields of one recipient after another. Some systems put no blank line between two, some put one within."""
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
            groups[-1].fields[name] = value[:_LONGEST_VALUE]
    return groups


def _unfold(block: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for line in block.split("\n"):
        found = _FIELD.fullmatch(line)
        if found:
            fields.append((found[1].lower(), found[2].strip()))
        elif fields and line[:1] in (" ", "\t") and len(fields[-1][1]) < _LONGEST_VALUE:
            name, value = fields[-1]
            # Domino cuts its diagnostic at a column, whatever stands there, and puts one blank in front of the rest.
            joint = "" if value.lower().startswith("x-notes") else " "
            fields[-1] = (name, value + joint + line.strip())
    return fields


def _recipient(group: _Group) -> str:
    """Final-Recipient, unless it is a route or a name inside the receiving system; then what the sender wrote."""
    final = group.get("final-recipient").partition(";")[2].strip() or group.get("final-recipient")
    if final.startswith("@") or "@" not in final:
        return find_address(group.get("original-recipient")) or find_address(group.get("x-actual-recipient"))
    return find_address(final) or find_address(group.get("original-recipient"))


def _has_failed(group: _Group) -> bool:
    """Whether the fields say so: by the action, or where that is missing or cut off, by the codes."""
    if group.get("action"):
        return bool(_FAILED.match(group.get("action")))
    refused = group.get("status")[:1] in ("4", "5") or _REFUSED.search(group.get("diagnostic-code"))
    return bool(_recipient(group) and refused)


def _evidence(group: _Group) -> BounceEvidence:
    diagnostic = group.get("diagnostic-code")
    dialect, semicolon, words = diagnostic.partition(";")
    if not semicolon or " " in dialect.strip():
        dialect, words = "", diagnostic
    status = _STATUS.search(group.get("status"))
    # PowerMTA explains a status in brackets; elsewhere the brackets hold what the diagnostic lacks.
    explained = re.search(r"\(([^()]{3,200})\)", group.get("status"))
    return BounceEvidence(
        recipient=_recipient(group),
        words=words.strip() or (explained[1] if explained else ""),
        status=status[0] if status else "",
        host=group.get("remote-mta").partition(";")[2].strip().partition(" ")[0].lower(),
        action=re.match(r"[a-z]*", group.get("action").lower())[0],  # type: ignore[index]  # matches always
        dialect=dialect.strip().lower(),
        verdict=_POWERMTA.get(group.get("x-powermta-bouncecategory").lower()),
    )
