"""What is known about one failed recipient before it is classified."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand, find_command, find_host, find_reply_code, find_status


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceEvidence:
    """Codes and texts about one failed delivery, as fields and notices report them.

    `reply_text` is the reply of the remote server, or the Diagnostic-Code that repeats it; `notice` the part of the
    notice about this recipient, `surroundings` the part about all recipients. `diagnostic_type` is the type of the
    Diagnostic-Code (`smtp`, `x-unix`), `action` the Action of the report (RFC 3464 section 2.3.3), `stated_reason` the
    reason if the reporting system itself names one, `reported_as` all addresses by which it names the recipient.
    """

    recipient: str
    reply_text: str = ""
    notice: str = ""
    surroundings: str = ""
    status: str = ""
    reply_code: str = ""
    command: SmtpCommand | None = None
    host: str = ""
    action: str = ""
    diagnostic_type: str = ""
    stated_reason: Reason | None = None
    reported_as: tuple[str, ...] = ()

    def completed(self) -> BounceEvidence:
        """A copy with codes, command and host taken from the texts where no field gives them."""
        around = "" if self.reply_text else self.surroundings
        found = find_status(self.reply_text) or (
            "" if self.reply_text else find_status(self.notice) or find_status(around)
        )
        status = found if found and not found.endswith(".0.0") else self.status or found
        return replace(
            self,
            status=status,
            reply_code=self.reply_code
            or find_reply_code(self.reply_text)
            or find_reply_code(self.notice)
            or find_reply_code(around),
            command=self.command or find_command(self.reply_text) or find_command(self.notice),
            host=self.host or find_host(self.reply_text) or find_host(self.notice),
        )
