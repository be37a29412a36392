"""What a returned mail tells of one recipient, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand, find_command, find_host, find_reply_code, find_status


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceEvidence:
    """The traces of one failed delivery.

    `words` is what the server said, or the field that repeats it; `notice` what the notice says about this recipient;
    `surroundings` is what it says of all its recipients. `dialect` is the type of the Diagnostic-Code (`smtp`,
    `x-unix`), `action` that of the report (RFC 3464 section 2.3.3), `verdict` the reason where the reporting system
    itself names one.
    """

    recipient: str
    words: str = ""
    notice: str = ""
    surroundings: str = ""
    status: str = ""
    reply_code: str = ""
    command: SmtpCommand | None = None
    host: str = ""
    action: str = ""
    dialect: str = ""
    verdict: Reason | None = None

    def completed(self) -> BounceEvidence:
        """The same with codes, command and host read out of the texts where no field gives them."""
        around = "" if self.words else self.surroundings
        told = find_status(self.words) or ("" if self.words else find_status(self.notice) or find_status(around))
        status = told if told and not told.endswith(".0.0") else self.status or told
        return replace(
            self,
            status=status,
            reply_code=self.reply_code
            or find_reply_code(self.words)
            or find_reply_code(self.notice)
            or find_reply_code(around),
            command=self.command or find_command(self.words) or find_command(self.notice),
            host=self.host or find_host(self.words) or find_host(self.notice),
        )
