"""Phrases about a mailbox that is full, disabled or moved, and about messages that are too large."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import BOX, PAUSED, PERSON, Phrase, phrase
from distributor.mail.bounces.reasons import Reason

MAILBOXES: tuple[Phrase, ...] = (
    # The mailbox is full.
    phrase(
        Reason.MAILBOXFULL,
        rf"{BOX}'?s?(?: \S+){{0,6}} (?:is |was |are )?(?:already |currently |temporarily )?(?:full\b"
        r"|over[- ]?quota|overdrawn|over (?:the )?quota)",
        r"\boverquota\b|\bover-?quota\w*|mbox(?:full)?\b.{0,30}full|full mail ?box|mailbox_?full|mbfull"
        r"|storage quota|diskspace quota",
        r"exceed\w*(?: \S+){0,3} storage (?:allocation|limit|space|quota)|(?:insufficient|not enough|no"
        r"|out of) (?:disk |storage |mailbox )(?:space|quota)(?: \S+){0,4} (?:user|recipient|mailbox"
        r"|account)",
        r"(?:not enough|no more|insufficient|no) (?:space|room|storage)(?: \S+){0,4} (?:user|recipient"
        r"|mail ?-?box|account)|(?:space|room|storage)(?: is)? (?:not enough|insufficient|exhausted|exceeded|used up)"
        r"|exhausted (?:\S+ ){0,3}(?:space|storage)|exeeded(?: \S+){0,3} (?:quota|storage|limit)",
        r"too much mail data|mail(?:box)? (?:size )?limit exceeded"
        r"|number of messages in (?:the )?(?:recipient's |user's )?mailbox|mailbox (?:size )?exceeds",
        r"(?:inbox|mailbox) is out of storage|would (?:exceed|be over|put)(?: \S+){0,4} (?:quota|limit|mailbox)",
        r"remaining quota|extended quota violation|delivery failed: over quota|local limit exceeded|quotaexceeded"
        r"|account is overquota|(?:mailbox|disk|storage|user) quota",
    ),
    # Quotas and limits also of the sender, of connections or of rates, which their words tell.
    phrase(
        Reason.MAILBOXFULL,
        rf"{BOX}'?s?(?: \S+){{0,6}} (?:has |have |would )?(?:exceed(?:s|ed|ing)?|reached|over"
        rf"|hit)(?: \S+){{0,5}} (?:quota|storage|capacity|disk)",
        rf"{BOX}'?s?(?: \S+){{0,3}} (?:has |have |would )?(?:exceed(?:s|ed|ing)?|reached"
        rf"|hit)(?: \S+){{0,2}} (?:limit|allowed size|maximum size|size limit)",
        r"quota (?:is )?(?:exceed|full|violat|reached|used up|limit)",
        r"(?:exceed\w*|over|out of|above|beyond)(?: \S+){0,3} (?:disk |storage |mailbox |hard |soft )?quota",
        r"has (?:too many|no more room|used up)",
        unless=r"\b(?:connections?|sessions?|rates?|sending|senders?|relay|submission|hourly|daily|recipients? per)\b"
        r"|\b(?:per|an|this|each|in one) (?:hour|day|minute|connection)\b|your ip\b",
    ),
    # The mail is too large, for this recipient or for the system.
    phrase(
        Reason.EXCEEDLIMIT,
        r"(?:message|mail|e-?mail|data)(?: \S+){0,3} too (?:large|big|long)(?: \S+){0,3} (?:recipient|user"
        r"|mailbox|account)",
        r"size (?:exceed|larger than)\S*(?: \S+){0,3} (?:recipient|user)(?:'s)?\b",
        r"(?:length|size) exceeds (?:an? |the )?administrative limit|messages? of this size (?:is"
        r"|are) not accepted (?:by|for) (?:the |this )?(?:recipient|user)",
        r"recipsizelimit",
    ),
    phrase(
        Reason.MESGTOOBIG,
        r"(?:message|mail|e-?mail|data|body|content|file|attachment|header|size)s?(?: \S+){0,3} (?:is "
        r"|was |are )?(?:far |much )?too (?:large|big|long|heavy)\b",
        r"too (?:large|big) (?:message|mail|e-?mail|attachment|for )|message toobig|messagetoolarge"
        r"|message_too_(?:large|big)",
        r"(?:message|mail|e-?mail|letter|data|body|size|length|attachment|file"
        r"|header)s?(?: \S+){0,3} (?:exceed|is (?:over|above|larger|bigger|greater|more)|larger than"
        r"|bigger than|greater than|has exceeded)\S*(?: \S+){0,6} (?:size|limit|maximum|max|length|bytes"
        r"|allowed|kb|mb)",
        r"exceed\w*(?: \S+){0,4} (?:message|mail|fixed|maximum|max)(?: \S+){0,2} size|max(?:imum"
        r"|imal)?(?: \S+){0,2} (?:message|mail|e-?mail) size|size limit",
        r"line (?:length )?limit exceeded|maximum line length|messages? (?:size|length) (?:limit|exceed"
        r"|violat)|sendsizelimit|message file too big|taille .{0,20}(?:message|limite|maxi)",
    ),
    # The mailbox exists, or did, and takes nothing at present.
    phrase(
        Reason.SUSPEND,
        rf"(?:{PERSON}|owner|domain|inbox|user'?s?)(?:\(s\))?(?: (?!message|mail|delivery)\S+){{0,6}} (?:is |are |was "
        r"|has been |have been |been |now |temporarily |currently |permanently |administratively ){0,3}"
        rf"{PAUSED}\b",
        r"(?:account|mail ?-?box|user) (?:is|was|has been) (?:temporarily |currently )?blocked(?! by)|past due"
        r"|non-?payment|not (?:currently )?(?:being )?accept(?:ed|ing)(?: \S+){0,2} (?:for"
        r"|at) this (?:mail ?-?box|account|address)",
        r"(?:blocked due to inactivity|(?:disabled|suspended|inactive|locked|frozen|deactivated|closed|discontinued)"
        r" (?:due to inactivity|(?:mail ?-?box|account|user|recipient|customer"
        r"|e-?mail address)\b))",
        r"email account that you tried to reach is (?:disabled|inactive)|boxunavailable|\bis (?:now "
        r"|currently )disabled\b|expired account|is (?:not"
        r"|no longer) (?:an )?active(?: user| account| mailbox)?\b",
        r"recipient suspend the service|suspended(?: \S+){0,3} (?:service|account)|account not active"
        r"|user[- ]?disabled|disableduser|mailbox is (?:temporarily )?(?:disabled|inactive)",
        r"not (?:been )?(?:activated|logged (?:in|on) (?:for|since|in))|inactiv\w+ (?:e-?mail|mail)"
        r"|has been (?:suspended"
        r"|disabled|deactivated|locked)|sorry, your message .{0,120}mailbox is disabled",
    ),
    phrase(
        Reason.HASMOVED,
        rf"{PERSON}(?: \S+){{0,3}} (?:has |have )(?:been )?(?:moved|changed(?: to)?\b|replaced)",
        r"has moved\b|have moved\b|moved to (?:a )?(?:new|another|<|…)|destination mailbox (?:has )?moved"
        r"|mailbox has moved|user moved",
        r"not local[;,.]? (?:please )?(?:try|use)|(?:please|kindly) (?:try|use|update)(?: \S+){0,4} (?:new"
        r"|following) (?:e-?mail )?address"
        r"|new (?:e-?mail )?address is|has been replaced by|address (?:has )?(?:been )?(?:changed"
        r"|is obsolete)",
        r"no longer on (?:this |the )?server",
    ),
)
