"""Phrases that reject the content or the format of a message."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import Phrase, phrase
from distributor.mail.bounces.reasons import Reason

CONTENT: tuple[Phrase, ...] = (
    # What the mail says, or how it looks.
    phrase(
        Reason.SPAMDETECTED,
        r"\bspam\w*|\bsp[a4]m\b|\bube\b|\buce\b|\bunsolicited|\bjunk ?-?(?:mail|e-?mail)?\b|\bphish\w*"
        r"|bulk (?:e-?mail|mail|message)|looks like (?:an? )?(?:ad|advert)|advertis\w+|\b(?:ur|su)ibl?\b"
        r"|surbl|uribl|dspam|rspamd|cloudmark|spammy",
        r"(?:black|block)list\w* (?:url|link|uri|domain)(?: \S+){0,3} (?:in|found)"
        r"|url(?: \S+){0,4} (?:black|block)list|(?:considered|classified|identified|detected|flagged"
        r"|marked|categori[sz]ed|recogni[sz]ed|scored)(?: \S+){0,2} as(?: \S+){0,2} (?:junk|bulk|phish"
        r"|unwanted|suspicious|scam|fraud)",
        r"suspicious (?:due to|content|message|mail)|suspect content|suspected (?:spam|junk)"
        r"|content(?: \S+){0,3} (?:looks|appears|seems)"
        r"|message (?:content )?(?:rejected|refused|denied|blocked)(?: \S+){0,4} (?:content|scor\w+"
        r"|filter)|scored too high|bayes|hit(?:s)? (?:a )?(?:filter|rule)|denied by content filter"
        r"|unwanted (?:mail|message|content)|like(?:ly)? fraud|scam",
    ),
    phrase(
        Reason.POLICYVIOLATION,
        r"\bpolic(?:y|ies)\b|administrative(?:ly)? (?:prohibit|denied|reject|block|restrict)\w*"
        r"|\bprohibit\w*|headers? error|header line .{0,40}(?:reject|block|not)|(?:attachment|file"
        r"|extension|executable|zip|archive)s?(?: \S+){0,8} (?:not (?:allowed|accepted|permitted)|blocked"
        r"|banned|forbidden|rejected|denied|prohibited|illegal|restricted|removed)",
        r"(?:illegal|banned|blocked|forbidden|unauthori[sz]ed|dangerous|unsafe|restricted"
        r"|disallowed) (?:file |e-?mail )?(?:attachment|file|extension|content|word)"
        r"|message not (?:allowed|accepted)|e-?mail not accepted|violat\w+|message (?:was "
        r"|has been )?(?:rejected|refused|blocked) by (?:the |our |an? )?(?:administrator|server|gateway"
        r"|firewall|rule|filter)|by administrat\w+|site rule|transport ?rule|compliance",
        r"message contains(?: \S+){0,3} (?:prohibited|forbidden|restricted|unacceptable|blocked|url|link)"
        r"|because of (?:its|the) (?:content|attachment)|password[- ]protected|encrypted (?:file"
        r"|attachment|zip)"
        r"|(?:not|n't|never) (?:accept|allow|permit)\w*(?: \S+){0,4} (?:attachments?|executables?|archives?)\b",
    ),
)
