"""How servers word their refusals, whoever they are: a table from reasons to patterns, searched from top to bottom.

The order is a part of the table: what names one cause comes before what several share, and a reason may come twice.
Patterns are searched in one line of lower-case text without addresses, and none of them backtracks without a bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.channels.email.returns.reasons import Reason
from distributor.channels.email.returns.words import Command


@dataclass(frozen=True, slots=True)
class Phrase:
    """Any of these words means this reason; some do so only in answer to a command."""

    reason: Reason
    pattern: re.Pattern[str]
    command: Command | None = None


def _phrase(reason: Reason, *patterns: str, command: Command | None = None) -> Phrase:
    return Phrase(reason, re.compile("|".join(patterns)), command)


_BOX = (
    r"(?:mail ?-?box|in ?box|mail ?drop|mail ?folder|mail ?dir|account|user|recipient|customer"
    r"|addressee|disk|disc|storage|store|mail ?store)"
)
_PERSON = (
    r"(?:user(?: ?name)?|recipient|mail ?-?box|account|address|addressee|e-?mail(?: address| account)?"
    r"|login|destinataire|alias|local[- ]?part|person|customer)"
)
_PAUSED = (
    r"(?:disabled|suspended|inactive|locked|frozen|deactivated|closed|discontinued|terminated|expired"
    r"|de-?activated|not active|no longer active|archived|on hold|dormant"
    r"|unavailable for delivery)"
)
# Up to five words, none of which names another thing that may be unknown.
_GAP = r"(?: (?!server|domain|host|system|mx|sender|exchanger)\S+){0,5}"
_LISTS = r"(?:black ?-?list|block ?-?list|deny ?-?list|reject ?-?list|bad ?list)"

PHRASES: tuple[Phrase, ...] = (
    # What would be mistaken for something else below.
    # Exchange names its own reasons.
    _phrase(Reason.USERUNKNOWN, r"resolver\.adr\.(?:recip\w*|ex\w*|group\w*)not ?found|recipientnotfound"),
    _phrase(Reason.REJECTED, r"resolver\.rst\.notauthorized"),
    _phrase(
        Reason.SECURITYERROR,
        r"resolver\.rst\.(?:auth|sendernotauth|senderauth)|smtpsend\.clientauth|delivery to this address is restricted",
    ),
    _phrase(Reason.EXCEEDLIMIT, r"resolver\.rst\.recipsizelimit"),
    _phrase(Reason.MESGTOOBIG, r"resolver\.rst\.sendsizelimit"),
    _phrase(Reason.FILTERED, r"resolver\.rst\."),
    _phrase(Reason.SYSTEMERROR, r"resolver\.adr\.|routing\.noconnector|mapi_e_"),
    _phrase(Reason.NETWORKERROR, r"resolver\.fwd\.loop|smtpsend\.dns\.mxloopback|routing\.loop"),
    _phrase(Reason.HOSTUNKNOWN, r"smtpsend\.dns\.nonexistentdomain"),
    _phrase(Reason.EXPIRED, r"queue\.expired"),
    _phrase(
        Reason.TOOMANYCONN,
        r"throttling failure",
        r"already made numerous attempts to deliver",
    ),
    _phrase(
        Reason.MAILBOXFULL,
        r"not (?:enough|sufficient) dis[ck] space",
        r"exceeding receiving limits|space has been used up|too many messages on the server",
    ),
    _phrase(
        Reason.POLICYVIOLATION,
        r"recipient is not accepting mail with|do not accept messages containing|mass mailer"
        r"|message given low priority",
        r"closed mailing list|not subscribed to this group|organizational settings|protocol violation",
        r"messages with multiple addresses|organi[sz]ation(?:al)? policy",
    ),
    _phrase(
        Reason.REJECTED,
        r"administrative prohibition|\bbatv\b|third-party dsns|unsigned dsn|not pre-approved|senderfilter",
        r"(?:to )?submit messages to this e-?mail system has been rejected|not a registered gateway user",
        r"rule imposed mailbox access|returned mail not accepted|recursive cname|bogus (?:mail from|sender)",
        r"sender is (?:a )?spammer|sender is in my|mail from not owned|domain is listed in spamhaus|bouncedeny",
        r"fully qualified (?:e-?mail |sender )?address required|valid-address-filter|different address or alias",
    ),
    _phrase(
        Reason.USERUNKNOWN,
        r"bad-?rcpt-?to|bad-?recipient-?to|valid-?rcpt-?to|bad-recipient|envelope recipient has been denied",
        r"is not a valid rfc-?\d{4} address|can't accept user|not present in (?:the )?directory"
        r"|user missing home directory|destination addresses were",
        r"recipient (?:is )?not (?:accepted|ok|exist)|rejected: account unavailable|recipients? was undeliverable",
    ),
    _phrase(
        Reason.SUSPEND,
        r"no longer accepts mail|archived recipient|destinataire archivee|(?:temporary|temporarily) locked",
        r"user is terminated|is a deactivated mailbox|rejected: temporarily inactive",
    ),
    _phrase(
        Reason.SYSTEMERROR,
        r"unable to connect to \S{1,30} daemon|interrupted system call|would create a mail loop"
        r"|aliasing/forwarding loop"
        r"|loop was found in the mail exchanger",
        r"there is no mdb|loops back to (?:my|it)self|error while being processed|error reading data",
    ),
    _phrase(
        Reason.NOTACCEPT,
        r"mail receiving disabled|no host exists for name \.|name server: \.: host not found \(null",
    ),
    _phrase(
        Reason.NORELAYING,
        r"specified domain is not allowed|don't handle mail for|not permitted to relay|as a relay|insecure mail relay",
    ),
    _phrase(
        Reason.CONTENTERROR,
        r"mime complexity|invalid mime headers|improperly[- ]formatted binary|unnecessary base64|header size exceeds",
        r"(?:message )?header size, or recipient list|improper use of 8-bit",
    ),
    _phrase(
        Reason.BLOCKED,
        r"may not be mail exchanger|go away|zombied|extreme bad ip|looks suspiciously like spammer"
        r"|currently sending spam",
        r"smtp server of your isp|you are sending spam|host network not allowed|requires confirmation",
        r"invalid ip for sending mail|too many spams from|sender ip (?:address )?rejected",
    ),
    _phrase(
        Reason.EXPIRED,
        r"could not find a gateway for|after multiple retries|within the allowed queue period"
        r"|has not been collected after",
        r"sitting in queue|server did not respond|message timed out|message too old",
    ),
    _phrase(Reason.EXPIRED, r"message expired, (?:connection|cannot|can't)"),
    _phrase(
        Reason.NETWORKERROR,
        r"host not found,? try again|(?:dns|name server|name service)[^.;]{0,60}(?:try again"
        r"|server failure|servfail)|dns query failed|malformed or unexpected name server reply",
    ),
    _phrase(Reason.HOSTUNKNOWN, r"host or domain name not found|: host not found|domain name not found"),
    _phrase(Reason.REJECTED, r"sending to/from an address|from: domain is invalid|provide a valid from"),
    _phrase(Reason.REJECTED, r"purported responsible address"),
    _phrase(Reason.REQUIREPTR, r"unverif\w+ sending ips?|mismatch\w* client ip|client ip .{0,40}mismatch"),
    _phrase(Reason.BLOCKED, r"a problem occurred\..{0,120}\(bl\)|ip=[\d.]+ - (?:a problem occurred|dialup|none/dyn)"),
    _phrase(
        Reason.SPAMDETECTED,
        rf"{_LISTS}\w* (?:url|link|uri)",
        r"\burl in (?:this|the|your) (?:e-?mail|message|mail).{0,40}listed",
    ),
    # The mailbox is full.
    _phrase(
        Reason.MAILBOXFULL,
        rf"{_BOX}'?s?(?: \S+){{0,6}} (?:is |was |are )?(?:already |currently |temporarily )?(?:full\b"
        r"|over[- ]?quota|overdrawn|over (?:the )?quota)",
        rf"{_BOX}'?s?(?: \S+){{0,6}} (?:has |have |would )?(?:exceed(?:s|ed|ing)?|reached|over"
        rf"|hit)(?: \S+){{0,5}} (?:quota|storage|capacity|disk)",
        rf"{_BOX}'?s?(?: \S+){{0,3}} (?:has |have |would )?(?:exceed(?:s|ed|ing)?|reached"
        rf"|hit)(?: \S+){{0,2}} (?:limit|allowed size|maximum size|size limit)",
        r"(?<!daily )(?<!hourly )(?<!sending )(?<!relay )(?<!rate )quota (?:is )?(?:exceed|full|violat"
        r"|reached|used up|limit)",
        r"(?:exceed\w*|over|out of|above"
        r"|beyond)(?: \S+){0,3}(?<!daily)(?<!hourly)(?<!sending)(?<!relay) (?:disk |storage |mailbox "
        r"|hard |soft )?quota",
        r"\boverquota\b|\bover-?quota\w*|mbox(?:full)?\b.{0,30}full|full mail ?box|mailbox_?full|mbfull"
        r"|storage quota|diskspace quota",
        r"exceed\w*(?: \S+){0,3} storage (?:allocation|limit|space|quota)|(?:insufficient|not enough|no"
        r"|out of) (?:disk |storage |mailbox )(?:space|quota)(?: \S+){0,4} (?:user|recipient|mailbox"
        r"|account)",
        r"(?:not enough|no more|insufficient|no) (?:space|room|storage)(?: \S+){0,4} (?:user|recipient"
        r"|mail ?-?box|account)",
        r"too much mail data|mail(?:box)? (?:size )?limit exceeded"
        r"|number of messages in (?:the )?(?:recipient's |user's )?mailbox|mailbox (?:size )?exceeds",
        r"(?:inbox|mailbox) is out of storage|has (?:too many|no more room|used up)|would (?:exceed"
        r"|be over|put)(?: \S+){0,4} (?:quota|limit|mailbox)|remaining quota",
        r"extended quota violation|benutzer hat zuviele mails|postfach .{0,20}(?:voll|überfüllt)"
        r"|speicherplatz .{0,30}(?:erschöpft|überschritten)",
        r"bo[iî]te .{0,40}(?:pleine|satur)|quota d[eé]pass|d[eé]passe.{0,30}quota|buz[oó]n .{0,30}llen"
        r"|cuota .{0,20}excedid|casell?a .{0,20}(?:piena|llena)",
        r"caixa (?:postal|de (?:correio|entrada)).{0,30}(?:cheia|lotada)|переполнен|превыш.{0,20}квот"
        r"|квот\w* превыш|skrzynka .{0,30}(?:pełna|przepełniona)",
        r"メールボックス.{0,20}(?:一杯|いっぱい|満杯|容量|超え)|容量.{0,12}(?:超過|超え|オーバー)|(?:邮箱|信箱|邮件箱|郵箱).{0,6}(?:已满|已滿|满|滿)|空间不足",
        r"delivery failed: over quota|local limit exceeded|quotaexceeded|account is overquota",
    ),
    # The mail is too large, for this recipient or for the system.
    _phrase(
        Reason.EXCEEDLIMIT,
        r"(?:message|mail|e-?mail|data)(?: \S+){0,3} too (?:large|big|long)(?: \S+){0,3} (?:recipient|user"
        r"|mailbox|account)",
        r"size (?:exceed|larger than)\S*(?: \S+){0,3} (?:recipient|user)(?:'s)?\b",
        r"(?:length|size) exceeds (?:an? |the )?administrative limit|messages? of this size (?:is"
        r"|are) not accepted (?:by|for) (?:the |this )?(?:recipient|user)",
        r"recipsizelimit",
    ),
    _phrase(
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
        r"nachricht .{0,20}zu gro(?:ß|ss)|mensaje .{0,20}(?:demasiado grande|tama[nñ]o)"
        r"|メール.{0,10}サイズ.{0,12}(?:超|制限|大き)|サイズ制限",
    ),
    # The mailbox exists, or did, and takes nothing at present.
    _phrase(
        Reason.SUSPEND,
        r"(?:mail ?-?box|account|user|recipient|customer|owner|domain|addressee|inbox|user'?s?"
        rf"|e-?mail account|recipient address)(?:\(s\))?(?: \S+){{0,6}} (?:is |are |was |has been "
        rf"|have been |been |temporarily |currently |permanently |administratively ){{0,3}}{_PAUSED}",
        r"(?:blocked due to inactivity|(?:disabled|suspended|inactive|locked|frozen|deactivated|closed|discontinued)"
        r" (?:due to inactivity|(?:mail ?-?box|account|user|recipient|customer"
        r"|e-?mail address)\b))",
        r"email account that you tried to reach is (?:disabled|inactive)|boxunavailable|is (?:not"
        r"|no longer) (?:an )?active(?: user| account| mailbox)?\b",
        r"recipient suspend the service|suspended(?: \S+){0,3} (?:service|account)|account not active"
        r"|user[- ]?disabled|disableduser|mailbox is (?:temporarily )?(?:disabled|inactive)",
        r"not (?:been )?(?:activated|logged (?:in|on))|inactiv\w+ (?:e-?mail|mail)|has been (?:suspended"
        r"|disabled|deactivated|locked)|sorry, your message .{0,120}mailbox is disabled",
        r"konto .{0,20}(?:gesperrt|deaktiviert)|compte .{0,30}(?:inactif|suspendu|d[eé]sactiv|ferm)"
        r"|cuenta .{0,20}(?:suspendida|inactiva|deshabilitada)|заблокирован|приостановлен|停用|冻结|凍結|利用停止",
    ),
    _phrase(
        Reason.HASMOVED,
        rf"{_PERSON}(?: \S+){{0,3}} (?:has |have )(?:been )?(?:moved|changed(?: to)?\b|replaced)",
        r"has moved\b|have moved\b|moved to (?:a )?(?:new|another|<|…)|destination mailbox (?:has )?moved"
        r"|mailbox has moved|user moved",
        r"(?:please|kindly) (?:try|use|update)(?: \S+){0,4} (?:new|following) (?:e-?mail )?address"
        r"|new (?:e-?mail )?address is|has been replaced by|address (?:has )?(?:been )?(?:changed"
        r"|is obsolete)",
        r"no longer on (?:this |the )?server|adresse .{0,30}(?:a chang[eé]|ge[aä]ndert)"
        r"|移転しました|変更(?:になり|され)ました",
    ),
    # Mail is not passed on for us.
    _phrase(
        Reason.NORELAYING,
        r"(?:relay(?:ing|ed)?|relais)(?: \S+){0,4} (?:denied|not (?:allowed|permitted|authori[sz]ed"
        r"|enabled|available|accepted)|prohibited|rejected|refused|disallowed|forbidden|restricted|blocked"
        r"|is not)",
        r"(?:not|never|no|deny|denied|refus\w+|cannot|can't|unable|unauthori[sz]ed|won't|don't|isn't"
        r"|aren't|disallow\w*)(?: \S+){0,4} (?:to )?relay(?:ing|ed)?\b(?!\.)(?!\w)",
        r"\brelaying (?:mail )?to\b|relay (?:access )?denied|mail relay|open relay|no relaying"
        r"|relaying blocked|not (?:a|an) (?:open|local) relay|rcpthosts|attempt to relay",
        r"(?:domain|address|host|recipient)(?: \S+){0,3} (?:is |isn't |are )?(?:not |n't )(?:in my list"
        r"|hosted|handled|served|local|one of our)(?: \S+){0,3}(?: here| by this| on this| this server|$)",
        r"send to a non-local|not a gateway|we do not (?:serve|handle|accept mail for) (?:this"
        r"|that) domain|not permitted to relay|this (?:mail )?server is not configured to",
    ),
    # The sender's domain did not vouch for the mail: SPF, DKIM, DMARC.
    _phrase(
        Reason.AUTHFAILURE,
        r"dmarc|\bspf\b|\bdkim\b|sender policy framework|domainkeys|sender ?id (?:check|fail)",
        r"authentication (?:checks?|results?|information|level|tests?)(?: \S+){0,4} (?:fail|not|required"
        r"|missing)|required authentication level|multiple authentication checks failed",
        r"unauthenticated (?:e-?mail|mail|message)|(?:e-?mail|message|mail|sender)(?: \S+){0,3} (?:is|was"
        r"|be|are) (?:unauthenticated|not authenticated)|sender is unauthenticated"
        r"|fails? (?:email )?authentication|must be authenticated with",
    ),
    _phrase(
        Reason.VIRUSDETECTED,
        r"\bvirus(?:es)?\b(?!-free)|\binfected\b|\bmal-?ware\b|\btrojan\b|\bworm\b|malicious (?:software"
        r"|code|content|file|attachment|url|link)|ransomware|\beicar\b|ウイルス|ウィルス|вирус|病毒",
    ),
    # A blocklist, a banned host or network.
    _phrase(
        Reason.REQUIREPTR,
        r"reverse (?:dns|lookup|mapping|hostname|host|name|resolution|address|a record"
        r"|\(ptr\))(?: \S+){0,6} (?:fail\w*|not|no|missing|required|invalid|does(?:n't)?|mismatch|cannot"
        r"|error|could|must|is)\b",
        r"\b(?:ptr|rdns)\b(?: \S+){0,8} (?:fail\w*|not|no|missing|required|invalid|doesn't|does|mismatch"
        r"|cannot|record|records|error|set|must)\b|(?:no|valid|missing|without|lack\w*|invalid|require\w*"
        r"|have|has|find|proper|generic|a|fix)(?: \S+){0,3} (?:ptr|rdns)\b",
        r"(?:no|invalid|without|lacks?|require\w*|cannot find your|can't find your|fix|failed|bad"
        r"|must have a?|unresolved|generic) reverse\b|reverse dns",
        r"cannot (?:find|resolve) your (?:reverse )?(?:host ?name|address|ip|domain|name)"
        r"|can'?t (?:determine|resolve) (?:your|the) (?:ip|host|address|purported)|unresolvable (?:relay"
        r"|client|host)",
        r"(?:client|your|connecting|sending|remote) (?:ip(?: address)?|host(?: ?name)?|mail server|server"
        r"|address)(?: \S+){0,3} (?:does not|doesn't|do not|cannot be|can't be|could not be|must) (?:have"
        r"|resolve|resolved|reverse)",
        r"unable to (?:find|resolve|verify)(?: \S+){0,2} (?:your|client|reverse"
        r"|the ptr)(?: \S+){0,2} (?:host ?name|name|dns|ip)|(?:ip|address)(?: \S+){0,3} (?:has no"
        r"|without)(?: \S+){0,2} (?:host ?name|dns|name)|ip name lookup failed|ip name possibly forged"
        r"|no host ?name for your|dns (?:ptr|reverse)",
    ),
    _phrase(
        Reason.NOTCOMPLIANTRFC,
        r"rfc[ -]?\d{0,4}[ -]?(?:non-?)?complian|(?:not|non)[- ](?:\w+ ){0,3}(?:rfc|compliant)"
        r"|violat\w+(?: \S+){0,3} rfc|rfc ?\d{3,4}(?: \S+){0,4} (?:violat|section|require|standard|specif"
        r"|complian|not)",
        r"(?:duplicate|multiple|several|more than one|missing|no|without|lacks?|invalid|required|malformed"
        r"|bad|illegal)(?: \S+){0,4} (?:from|to|date|message-?id|subject|sender|mandatory"
        r"|rfc) ?:? ?(?:\S+ )?headers?\b",
        r"\bbare (?:lf|cr|line ?feed|newline|carriage)|messages? missing (?:a )?(?:valid|from|date"
        r"|message)|headers? are not|improperly formatted|non-?ascii (?:char\w* )?in (?:the )?header"
        r"|unescaped 8-?bit|lone (?:cr|lf)|without a (?:valid )?(?:from|date|message-?id)|5\.6\.11\b"
        r"|smuggl",
    ),
    _phrase(
        Reason.BADREPUTATION,
        r"(?<!barracuda )reputation|unexpected volume or user complaints|sender ?(?:score|base)|excessive complaints?"
        r"|user complaints|complaint rate|talosintelligence|too many complaints",
    ),
    _phrase(
        Reason.BLOCKED,
        r"spamhaus|spam ?cop|sorbs\b|barracuda ?(?:central|networks|reputation)|\bnjabl\b|\b(?:rbl|dnsb?l"
        r"|xbl|sbl|pbl|cbl|dsbl|ordb|drbl|mapsrbl|dul|psbl|ubl|ivm\w+|ers)\b|abuseat|spam ?rats|uceprotect"
        r"|backscatterer|mail-?spike|invaluement|nix ?spam|dynablock|hostkarma|lashback|senderbase|njabl"
        r"|cymru|abuse\.net|real-?time (?:black|block)|trendmicro\.com",
        r"(?:ip|host|server|network|client|relay|mta|connect\w*|range|subnet|provider|isp|helo"
        rf"|dns)(?: \S+){{0,8}} (?:\S+ )?{_LISTS}",
        rf"{_LISTS}\w*(?: \S+){{0,6}} (?:ip|host|server|network|client|relay|provider|dns|at|by|in|on|recipient)\b",
        r"(?:your|client|sender|sending|source|this|remote|the|server|connecting) ?'?s? (?:smtp |mail "
        r"|sending |source |remote |host |server )?(?:ip(?:v4|v6)?(?: address(?:es)?)?|host(?: ?name)?"
        r"|network|(?:mail ?)?server|mta|isp|provider|subnet|connection)(?: \S+){0,8} (?:block\w*|ban\w*"
        r"|barred|denied|refused|not (?:allowed|permitted|welcome|accepted|authori[sz]ed)|rejected|listed"
        r"|unacceptable|bloqu\w*)",
        r"(?:blocked|banned|refused|rejected|denied|not accept\w*|do not accept|don't accept"
        r"|bloqu\w*)(?: \S+){0,4} (?:ip(?: address)?|host|network|client|server|isp|connections?"
        r"|mail from this (?:ip|host|server))\b",
        r"connections? (?:was |is |has been |from \S+ |were )?(?:refused|rejected|denied|dropped"
        r"|not (?:accepted|allowed|authori[sz]ed)|reset by peer|blocked)(?! to talk)"
        r"|not accepting connections|refus\w+ (?:the )?connections?|no smtp access|access (?:from"
        r"|by) (?:your )?(?:ip|host|server)|no access from",
        r"(?:dynamic|dial-?up|residential|generic|consumer|dsl|dhcp|cable|unassigned)(?: \S+){0,4} (?:ip"
        r"|address|addresses|host|hosts|range|network|client|pool|user|users|hostnames?|relay)\b",
        r"messages? from \S+ weren't sent|too many (?:unwanted|spam|bad|invalid|unknown) (?:messages"
        r"|mails?|recipients|users|commands)|you have been (?:blocked|banned)|temporarily blocked|bad helo"
        r"|invalid helo|helo (?:\S+ ){0,4}(?:rejected|invalid|denied|not)|(?:ehlo"
        r"|helo)(?: command)? rejected|adresse ip .{0,20}bloqu|client host (?:\S+ ){0,3}(?:blocked"
        r"|rejected)|you are not (?:welcome|allowed to connect)",
        r"cannot send e-?mail to yourself|open (?:http )?proxy|blocked for (?:abuse|spam)"
        r"|we do not accept (?:mail|e-?mail|messages) from (?:hosts|dynamic|this (?:ip|host|server)"
        r"|your (?:ip|host|server))|ip (?:address )?(?:is |was |has been )?(?:black|block|list|bann"
        r"|deni)\w*|suspicious (?:ip|host|network)|error: no valid sender host|rejected due to access list",
    ),
    # We send too fast, or over too many connections.
    _phrase(
        Reason.TOOMANYCONN,
        r"too many(?: \S+){0,3} (?:connections?|sessions?|connects?|threads)\b|(?:concurrent|simultaneous"
        r"|parallel)(?: \S+){0,2} (?:connections?|sessions?|deliver\w*)|connection (?:rate )?limit"
        r"|limit(?: \S+){0,3} (?:concurrent |simultaneous )?(?:connections|sessions)\b",
        r"(?:max\w*|number of|excessive|exceed\w*)(?: \S+){0,4} (?:connections?|sessions?)\b"
        r"|connection frequency|trop de connexions|zu viele verbindungen|connections? per (?:hour|minute"
        r"|second)",
    ),
    _phrase(
        Reason.SPEEDING,
        r"(?:too (?:many|much)|exceed\w*|max\w*|limit\w*|number of|amount of)(?: \S+){0,5} (?:messages?"
        r"|mails?|e-?mails?|recipients?|deliveries|mail)\b(?: \S+){0,6} (?:hour|minute|day|second|period"
        r"|time ?frame|hourly|daily|short|limit|per|interval|too)\b",
        r"(?:message|mail|e-?mail|sending|send|sender|submission|recipient|receiving|receive|delivery"
        r"|hourly|daily|traffic) ?(?:rate|frequency|quota)(?: \S+){0,4} (?:limit\w*|exceed\w*|too|reached"
        r"|over)|rate[- ]?limit\w*|(?:hourly|daily|monthly|sending) (?:\S+ ){0,3}(?:limit|maximum|max)\b",
        r"receivingrate|throttl|slow down|too (?:fast|quickly|frequently|often|rapidly)|at a rate that prevents"
        r"|unusual rate|(?:sent|sending|send|received)(?: \S+){0,3} too many (?:messages?|mails?|e-?mails?"
        r"|recipients?)|has sent to too many|receiving(?: \S+){0,4} too quickly|excessive (?:volume|rate"
        r"|number)|(?:has )?exceeded(?: \S+){0,4} (?:messages|emails|mails) (?:per|allowed)",
        r"received too many messages|mail flood|flooding|velocity|please try again slower"
        r"|zu viele (?:nachrichten|e-?mails)|送信数",
    ),
    # What the mail says, or how it looks.
    _phrase(
        Reason.SPAMDETECTED,
        r"\bspam\w*|\bsp[a4]m\b|\bube\b|\buce\b|\bunsolicited|\bjunk ?-?(?:mail|e-?mail)?\b|\bphish\w*"
        r"|bulk (?:e-?mail|mail|message)|looks like (?:an? )?(?:ad|advert)|advertis\w+|\b(?:ur|su)ibl?\b"
        r"|surbl|uribl|dspam|rspamd|cloudmark|spammy|垃圾|迷惑メール",
        r"(?:black|block)list\w* (?:url|link|uri|domain)(?: \S+){0,3} (?:in|found)"
        r"|url(?: \S+){0,4} (?:black|block)list|(?:considered|classified|identified|detected|flagged"
        r"|marked|categori[sz]ed|recogni[sz]ed|scored)(?: \S+){0,2} as(?: \S+){0,2} (?:junk|bulk|phish"
        r"|unwanted|suspicious|scam|fraud)",
        r"suspicious (?:due to|content|message|mail)|content(?: \S+){0,3} (?:looks|appears|seems)"
        r"|message (?:content )?(?:rejected|refused|denied|blocked)(?: \S+){0,4} (?:content|scor\w+"
        r"|filter)|scored too high|bayes|hit(?:s)? (?:a )?(?:filter|rule)|denied by content filter"
        r"|unwanted (?:mail|message|content)|like(?:ly)? fraud|scam",
    ),
    _phrase(
        Reason.POLICYVIOLATION,
        r"\bpolic(?:y|ies)\b|administrative(?:ly)? (?:prohibit|denied|reject|block|restrict)\w*"
        r"|\bprohibit\w*|headers? error|header line .{0,40}(?:reject|block|not)|(?:attachment|file"
        r"|extension|executable|zip|archive)s?(?: \S+){0,8} (?:not (?:allowed|accepted|permitted)|blocked"
        r"|banned|forbidden|rejected|denied|prohibited|illegal|restricted|removed)",
        r"(?:illegal|banned|blocked|forbidden|unauthori[sz]ed|dangerous|unsafe|restricted"
        r"|disallowed) (?:file |e-?mail )?(?:attachment|file|extension|content|word)"
        r"|message not (?:allowed|accepted)|e-?mail not accepted|confidential|violat\w+|message (?:was "
        r"|has been )?(?:rejected|refused|blocked) by (?:the |our |an? )?(?:administrator|server|gateway"
        r"|firewall|rule|filter)|by administrat\w+|site rule|transport ?rule|compliance",
        r"message contains(?: \S+){0,3} (?:prohibited|forbidden|restricted|unacceptable|blocked|url|link)"
        r"|because of (?:its|the) (?:content|attachment)|password[- ]protected|encrypted (?:file"
        r"|attachment|zip)",
    ),
    # Our address or domain.
    _phrase(
        Reason.REJECTED,
        r"(?:sender|from|envelope|originat\w+|mail from|return[- ]?path|reverse-?path|emetteur"
        r"|exp[eé]diteur|absender)(?: \S+){0,5} (?:address |domain )?(?:reject\w*|denied|refus\w*|blocked"
        r"|not (?:allowed|accepted|permitted|valid|exist|found|authori[sz]ed|recogni[sz]ed|welcome)"
        r"|invalid\w*|unknown|unacceptable|does(?:n't| not)|can ?not be|could not|couldn't|unresolv\w*"
        r"|unverifi\w*|black ?list\w*|block ?list\w*|banned|prohibited|disallowed|inconnu\w*|bloqu\w*"
        r"|has no|is not|isn't)",
        r"(?:invalid|unknown|bad|unacceptable|rejected|refus\w*|denied|blocked|illegal|unresolvable|forged"
        r"|faked?|empty|null|unverified|wrong) (?:envelope |return )?(?:sender|from\b|originator|mail from"
        r"|return[- ]?path|reverse-?path)",
        r"(?:unable|failed|cannot|could not|can't|couldn't) to? ?(?:verify|validate|resolve|find"
        r"|check)(?: \S+){0,3} (?:sender|from|return|originating|envelope)|sender ver\w+"
        r"|sender (?:address )?verif\w*|callout|call-?back|backscatter",
        r"(?:not|isn't|aren't) (?:a )?(?:member|subscriber|subscribed)|not (?:allowed|authori[sz]ed"
        r"|permitted|entitled)(?: \S+){0,2} to (?:send|post|mail|e-?mail|write|submit)"
        r"|permission to (?:post|send)|may not exist, or you may not|closed list"
        r"|posting (?:is )?(?:not allowed|restricted)|members? only|approved senders?",
        r"(?:sending|send|mail|message|e-?mails?) (?:to/)?from(?: \S+){0,6} (?:black ?list\w*|block\w*"
        r"|reject\w*|refus\w*|not accept\w*|denied|banned|prohibited|not (?:allowed|permitted))|(?:do|does"
        r"|did)(?: not|n't) accept(?: \S+){0,3} (?:mail|messages|e-?mail)s? from"
        r"|refus\w+(?: \S+){0,2} (?:mail|messages|e-?mail)s? from|(?:your|sender) (?:e-?mail |mail "
        r"|sender )?(?:address|domain)(?: \S+){0,3} (?:block|black|reject|bann|refus|deni|prohibit|not)\w*",
        r"bounces? (?:are |is )?not (?:allowed|accepted)|null sender|empty (?:envelope|sender)|<> (?:is "
        r"|was )?(?:not|reject)|domain of sender|must exist|sender'?s? domain"
        r"|domain .{0,40}does not exist in dns|fake sender|forged|spoof\w*|no such domain as|impersonat",
    ),
    # There is nobody of that name.
    _phrase(
        Reason.USERUNKNOWN,
        rf"{_PERSON}(?:\(s\))?(?: in \S+)?{_GAP} (?:is |was |are |were )?(?:currently )?(?:unknown"
        r"|not (?:be )?(?:found|known|exist\w*|listed|recogni[sz]ed|local|valid|registered|here"
        r"|accepted here|our|a valid|a known|defined|in (?:our|the|my|local)|hosted|present|available here"
        r"|delivered to)|unrecogni[sz]ed|undeliverable|invalid|non-?existent|nonexist\w*|inconnue?"
        r"|unavailable|vanished|not? such)",
        rf"{_PERSON}{_GAP} (?:does(?: not|n't| n't)|did(?: not|n't)|do(?: not|n't)"
        r"|doesnt) (?:currently )?(?:exist|have|seem|like|appear|match)",
        r"(?:unknown|invalid|no such|bad|incorrect|wrong|illegal|unrecogni[sz]ed|non-?existent"
        r"|non-?existing|nonexistent|undeliverable|unroutable|undefined|not existing|not a valid|no valid"
        r"|not a known|cannot find|can't find|could not find|unable to find|no)(?: local| virtual"
        r"| final delivery| destination| e-?mail| mail| such| recipient| user| valid| or illegal| this"
        r"| the){0,3} (?:user(?:id|name)?s?|recipients?|mail ?-?box\w*|accounts?|address\w*|addressee|id"
        r"|person|people|name|alias|local[- ]?part|subscriber|customer|individual|domain user|user here"
        r"|login|entry|destinat\w+|mailname|employee)\b",
        rf"{_PERSON}{_GAP} (?:could ?n[o']t|cannot|can't|could not|can not) be (?:found|located"
        r"|resolved|verified|reached|delivered)|(?:cannot|can't|could not|couldn't|unable to"
        rf"|not able to) (?:find|locate|resolve|verify|identify)(?: \S+){{0,3}} {_PERSON}",
        rf"{_PERSON}{_GAP} (?:is |are )?no longer (?:valid|available|exist\w*|in (?:use|service)"
        r"|here|work\w*|employed|with|accept\w*|an? )|no longer (?:valid|a valid|works?|employed"
        r"|with (?:us|this|the)|here|in service)|(?:left|has left) (?:the |our |this )?(?:company"
        r"|organi[sz]ation|firm|employ)",
        r"unknown user|user unknown|user doesn't|doesn't have an? \S+ account|(?:there is "
        r"|there's )?no (?:one|body|mail ?-?box|account|user|address|recipient) (?:here|by|with|of|at|in"
        r"|for|named|found|matching|exists|that)|no (?:such )?user|no mail ?-?box|user-?not-?found"
        r"|recipient ?not ?found|nosuchuser|recipnotfound",
        r"address (?:rejected|refused)|mailbox (?:is )?unavailable|mailbox name not allowed"
        r"|not our (?:customer|user)|recipient name is not recogni[sz]ed|not listed in|name not found"
        r"|is not a (?:valid|known|registered|local) |not a (?:valid|registered|known|local) (?:e-?mail"
        r"|user|mailbox|recipient|address)|account (?:was )?deleted|deleted (?:user|account|mailbox)"
        r"|has been deleted|(?:user|recipient|mailbox) (?:was |has been |is )?(?:removed|deleted)"
        r"|delivery to (?:this |that )?(?:address|user) (?:is )?not|no such (?:e-?mail|address|local)"
        r"|email address (?:is )?(?:incorrect|wrong)",
        r"utilisateur inconnu|destinataire (?:inconnu|invalide)|adresse (?:\S+ ){0,6}(?:inconnue|invalide"
        r"|inexistante|erron)|destinataire invalide|n'existe pas|benutzer (?:\S+ ){0,4}(?:unbekannt"
        r"|nicht (?:gefunden|bekannt|vorhanden))|unbekannte[rn]? (?:benutzer|empf)"
        r"|empf[aä]nger(?:adresse)? (?:\S+ ){0,4}(?:unbekannt|nicht|existiert)|existiert nicht",
        r"usuario (?:\S+ ){0,2}(?:desconocido|no existe|inexistente)|no existe"
        r"|utente (?:\S+ ){0,2}(?:sconosciuto|inesistente|non)|non esiste"
        r"|usu[aá]rio (?:\S+ ){0,2}(?:desconhecido|inexistente|n[aã]o)|n[aã]o existe|nieznany u"
        r"|nie istnieje|пользовател\w* (?:\S+ ){0,3}не (?:найден|существует)|не существует|нет такого"
        r"|неверный (?:адрес|получател)|адресат не найден|недоступен",
        r"(?:宛先|あて先|メールアドレス|アドレス|ユーザー?|受信者).{0,20}(?:見つかり|存在し|ありません|不明|間違)|該当.{0,12}(?:ありません|いません)|用户不存在"
        r"|收件人不存在|邮箱不存在|帐号不存在|无此用户|不存在",
    ),
    _phrase(
        Reason.FILTERED,
        r"(?:rejected|refused|blocked|declined|denied) by (?:the )?(?:recipient|user|owner|addressee"
        r"|intended|domain filter|receiver)|recipient(?: \S+){0,4} (?:reject\w*|refus\w*|block\w*"
        r"|declin\w*|does not (?:want|wish|accept)|only accepts|not accepting|is not accepting|denied"
        r"|restricted)|user (?:has )?(?:reject\w*|refus\w*|blocked)",
        r"(?:because|as) the (?:recipient|user|addressee) (?:is )?(?:only accept\w*|not accept\w*"
        r"|does not accept)|e-?mail preferences of the person|due to extended inbox rules|user's (?:filter"
        r"|preferences|rules|settings)|permanently rejected message|not accepting (?:mail|messages"
        r"|e-?mails?|it)|refuse(?:d|s)? to accept|recipient (?:rejected|refused|denied)"
        r"|we would love to have gotten this|受信拒否|指定受信|拒否設定|拒收",
        r"message filtered|has been filtered|resolver\.rst|restricted (?:mailbox|recipient|address|group)"
        r"|(?:to )?(?:this|the) (?:mailbox|recipient|group|address|user)(?: \S+){0,3} (?:restrict\w*|only"
        r"|not allowed|rejected)|domain filter|delivery to this address is restricted"
        r"|this account is protected by",
    ),
    # The domain.
    _phrase(
        Reason.NOTACCEPT,
        r"null ?mx|no smtp service|(?:host|domain|server|system|address|site"
        r"|machine)(?: \S+){0,3} (?:does not|doesn't|do not|don't|not|isn't|never|no longer) (?:accept"
        r"|receive|accepting|receiving|take)\w*(?: \S+){0,2} (?:mail|e-?mail|smtp|messages)"
        r"|does not accept (?:mail|e-?mail|smtp)|smtp mail not accepted",
        r"no mx (?:record|host|found|entries|servers?)|no (?:valid )?mail (?:exchanger|exchange|server"
        r"|host)s?\b|couldn't find a mail exchanger|no mx\b|without mx|lack\w* (?:an? )?mx"
        r"|mx(?: records?)? (?:not found|missing|do(?:es)? not exist)|no such mx|smtp protocol diff",
    ),
    _phrase(
        Reason.HOSTUNKNOWN,
        r"\b[\w-]{1,60}(?:\.[\w-]{1,60}){1,6} does not exist|(?:host"
        r"|domain)(?: ?name)?(?: \S+){0,3} (?:is |was )?(?:unknown|not (?:be )?found|not (?:known|exist\w*"
        r"|valid|recogni[sz]ed|registered)|does(?:n't| not) exist|could ?n[o']t be found|is not exist"
        r"|must resolve|invalid|couldn't be found|nonexist\w*|non-?exist\w*)",
        r"(?:unknown|no such|invalid|illegal|bad|non-?existent|unroutable|unrouteable|unresolvable"
        r"|undefined|cannot find|can't find|couldn't find|could not find|unable to find|unable to resolve"
        r"|cannot resolve|could not resolve|couldn't resolve)(?: mail| any| this| the| remote| destination"
        r"| recipient| target| e-?mail){0,2} (?:host|domain|server|address|mail ?server|site|machine"
        r"|system)s?\b",
        r"name or service not known|nxdomain|unrouteable|no address associated with"
        r"|host or domain name not found|host not found|dns (?:lookup )?fail\w* .{0,40}not found"
        r"|address lookup failed|unknown mail server|(?:mail )?server could not be found"
        r"|domain (?:name )?(?:is )?(?:expired|unavailable)|domaine inconnu|unbekannte dom"
        r"|неизвестный домен|ドメイン.{0,12}(?:存在し|見つかり)|hostname lookup fail",
    ),
    # The way there, and the systems on it.
    _phrase(
        Reason.NETWORKERROR,
        r"hop ?count|too many hops|routing loop|mail(?:er)?(?:ing)? ?-?loops?\b|forwarding loop"
        r"|mail forwarding|loop(?:ing)? (?:detected|back)|message (?:is )?loop\w*"
        r"|maximum (?:number of )?(?:hops|allowed times)|more than the maximum allowed times"
        r"|too many \"?received|loop detect|possible (?:mail )?loop|in a loop|delivered-to.{0,40}loop",
        r"network (?:is )?(?:error|unreachable|problem|failure)|no route to host|host (?:is )?unreachable"
        r"|dns (?:error|server|failure|timeout|problem|temporar)|name server(?: error|:)"
        r"|name service error|(?:host|domain)(?: ?name)? lookup fail\w*|domain lookup|temporary (?:dns"
        r"|lookup|name)|smtp connection\. |wasn't able to establish an smtp connection|socket error"
        r"|address family|dns lookup|could not (?:contact|query) dns|host name lookup|resolv\w+ (?:failure"
        r"|error)|routing error|could not be routed|unable to route|network error",
    ),
    _phrase(
        Reason.SYSTEMFULL,
        r"mail system full|no space left on device|(?:file ?system|disk|partition|spool"
        r"|queue)(?: \S+){0,3} (?:is )?full\b|insufficient (?:system (?:storage|resources)|disk space"
        r"|storage)|not enough (?:disk|free) space|out of (?:disk|storage) space"
        r"|requested mail action aborted: exceeded storage",
    ),
    _phrase(
        Reason.MAILERERROR,
        r"\bmailer error|command (?:died|failed|output|timed out|returned)|exit (?:status|value|code)"
        r"|exited with|died with|procmail|maildrop|spamc\b|operating system error|x-unix|pipe (?:to"
        r"|deliver)|returned (?:with )?(?:error |exit )?(?:code|status)|error \d{1,3} from (?:program"
        r"|command)|\bprogram (?:failure|error)|delivery agent (?:fail|error)|sieve|vacation program"
        r"|error running|child (?:process|exited)",
    ),
    _phrase(Reason.REJECTED, r"access denied", command=Command.MAIL),
    _phrase(
        Reason.SECURITYERROR,
        r"authenticat\w*(?: \S+){0,4} (?:required|fail\w*|needed|first|error|invalid|rejected|turned on"
        r"|mechanism|not|credential\w*|necessary|expected)|(?:must|please|need\w*|require\w*|do(?:es)?n't"
        r"|not)(?: \S+){0,4} (?:authenticat\w*|log ?in|auth)\b|smtp auth|authorization (?:fail\w*"
        r"|required)|not authori[sz]ed|unauthori[sz]ed|unauthenticated senders?|authentication",
        r"start ?tls|\btls\b|\bssl\b|encrypt\w*|certificat\w*|access (?:is )?denied|permission denied"
        r"|insufficient (?:security|permission|privilege|right)|security (?:error|reason|feature|check"
        r"|restriction|issue|problem)|credentials?|not (?:been )?verified|verification (?:failure|failed"
        r"|error|required)|insecure|you are not allowed|you don't authenticate|restricted (?:from|by)"
        r"|no permission",
    ),
    _phrase(
        Reason.SYNTAXERROR,
        r"syntax(?:ally)?\b|malformed|parameter not (?:implemented|recogni[sz]ed)|command (?:not "
        r"|un)(?:recogni[sz]ed|implemented|known|supported)|unrecogni[sz]ed command|bad (?:sequence"
        r"|command|address syntax)|out of (?:sequence|order)|incorrectly constructed|improper (?:command"
        r"|syntax|address)|invalid (?:command|parameter|argument|address format|characters?)|(?:ehlo"
        r"|helo) first|line too long|nested too deep|unsupported (?:command|parameter|option)"
        r"|command parameter",
    ),
    _phrase(
        Reason.CONTENTERROR,
        r"content (?:error|not supported|rejected|conversion|type)|conver(?:sion"
        r"|t)(?: \S+){0,4} (?:fail\w*|not|error|required|impossible|prohibited|lost)"
        r"|\bmime\b(?: \S+){0,5} (?:error|invalid|malformed|unsupported|not|broken|corrupt|violat\w*)"
        r"|(?:invalid|malformed|broken|bad|corrupt\w*|illegal) (?:mime|content|boundary|charset|encoding"
        r"|message (?:body|content|format))|8-?bit|charset|media (?:error|not supported)|message (?:header"
        r"|body|format)(?: \S+){0,3} (?:invalid|error|bad|malformed|unacceptable)|too many (?:attachments"
        r"|mime|parts)|message filter|improper 8",
    ),
    _phrase(
        Reason.SYSTEMERROR,
        r"(?:system|internal|server|local|configuration|config|temporary|unexpected|database|directory"
        r"|lookup table|backend|software|processing|transaction)(?: \S+){0,2} (?:error|problem|malfunction"
        r"|failure|failed|trouble|exception|fault)|(?:service|server|system|resources?|mailbox server"
        r"|facility|delivery|mail)(?: \S+){0,3} (?:is |are )?(?:currently |temporarily "
        r"|now ){0,2}(?:unavailable|not available|refused|down|offline|busy|overloaded|not responding"
        r"|under maintenance|misconfigured)",
        r"\bldap\b|can'?t create (?:user )?output file|(?:cannot|could not|can't|unable to) (?:open|load"
        r"|create|write|lock|append|access|read|contact|store|accept|process|queue|save)|i/o error"
        r"|queue file|\blmtp\b|misconfig\w*|out of memory|memory (?:allocation|exhaust)|maintenance"
        r"|timeout while|loops back to (?:my|it)self|mail for \S+ loops back|service (?:refuse|shutting"
        r"|closing)|insufficient resources|aborted|failure in|try (?:again )?later\b.{0,20}service"
        r"|all recipients|local delivery",
    ),
    _phrase(
        Reason.EXPIRED,
        r"time(?:d)?[ -]?out\b|expired?\b|(?:could|can)(?: ?not"
        r"|n't) (?:be )?deliver\w*(?: \S+){0,3} (?:for|in|within|after|the last|since"
        r"|until) (?:(?:more than|the (?:last|past)) )?\d"
        r"|retry (?:time|timeout|limit|period)|(?:been )?in (?:the |its )?queue(?: \S+){0,2} (?:too long"
        r"|for)|(?:giving|gave|given) up|delay(?:ed)?\b|too old|(?:has |have )?(?:not"
        r"|n't) (?:yet )?been (?:able|delivered)|not reachable|did not accept our requests to connect"
        r"|(?:stopped|stop) trying|delivery attempts?|maximum (?:retr\w+|attempts|time)|no answer"
        r"|not responding|could not connect|couldn't connect|unable to connect|failed to connect"
        r"|cannot connect|connect(?:ion)? (?:fail\w*|error|lost|attempt)|lost connection"
        r"|connection (?:was )?(?:lost|closed|terminated|died|interrupted)|conversation with"
        r"|unable to contact|could not (?:be )?contact\w*|still (?:being retried|undelivered|trying)"
        r"|will (?:keep|continue|be retried|retry)",
    ),
)
