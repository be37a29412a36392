"""Phrases about domains that accept no mail, and about errors of mail systems and networks."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import Phrase, phrase
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand

SYSTEMS: tuple[Phrase, ...] = (
    # The domain.
    phrase(
        Reason.NOTACCEPT,
        r"null ?mx|no smtp service|(?:host|domain|server|system|address|site"
        r"|machine)(?: \S+){0,3} (?:does not|doesn't|do not|don't|not|isn't|never|no longer) (?:accept"
        r"|receive|accepting|receiving|take)\w*(?: \S+){0,2} (?:mail|e-?mail|smtp|messages)"
        r"|does not accept (?:mail|e-?mail|smtp)|smtp mail not accepted",
        r"no mx (?:record|host|found|entries|servers?)|no (?:valid )?mail (?:exchanger|exchange|server"
        r"|host)s?\b|couldn't find a mail exchanger|no (?:usable |valid |working )?mx\b|without mx|lack\w* (?:an? )?mx"
        r"|mx(?: records?)? (?:not found|missing|do(?:es)? not exist)|no such mx|smtp protocol diff",
    ),
    phrase(
        Reason.HOSTUNKNOWN,
        r"\b[\w-]{1,60}(?:\.[\w-]{1,60}){1,6} does not exist|(?:host"
        r"|domain)(?: ?name)?(?: \S+){0,3} (?:is |was )?(?:unknown|not (?:be )?found|not (?:known|exist\w*"
        r"|valid|recogni[sz]ed|registered)|does(?:n't| not) exist|could ?n[o']t be (?:found|resolved)|is not exist"
        r"|must resolve|invalid|couldn't be found|nonexist\w*|non-?exist\w*)",
        r"(?:unknown|no such|invalid|illegal|bad|non-?existent|unroutable|unrouteable|unresolvable"
        r"|undefined|cannot find|can't find|couldn't find|could not find|unable to find|unable to resolve"
        r"|cannot resolve|could not resolve|couldn't resolve)(?: mail| any| this| the| remote| destination"
        r"| recipient| target| e-?mail){0,2} (?:host|domain|server|address|mail ?server|site|machine"
        r"|system)s?\b",
        r"name or service not known|no such host|nxdomain|unrouteable|no address associated with"
        r"|host or domain name not found|host not found|dns (?:lookup )?fail\w* .{0,40}not found"
        r"|address lookup failed|unknown mail server|(?:mail )?server could not be found"
        r"|domain (?:name )?(?:is )?(?:expired|unavailable)"
        r"|hostname lookup fail",
    ),
    # The way there, and the systems on it.
    phrase(
        Reason.NETWORKERROR,
        r"hop ?count|too many hops|routing loop|mail(?:er)?(?:ing)? ?-?loops?\b|forwarding loop"
        r"|mail forwarding|loop(?:ing)? (?:detected|back)|(?:message|mail) (?:is )?loop\w*"
        r"|maximum (?:number of )?(?:hops|allowed times)|more than the maximum allowed times"
        r"|too many \"?received|loop detect|possible (?:mail )?loop|in a loop|looping (?:message|mail)"
        r"|name resolution|delivered-to.{0,40}loop",
        r"network (?:is )?(?:error|unreachable|problem|failure)|no route to host|host (?:is )?unreachable"
        r"|dns (?:error|server|failure|timeout|problem|temporar)|name server(?: error|:)"
        r"|name service error|(?:host|domain)(?: ?name)? lookup fail\w*|domain lookup|temporary (?:dns"
        r"|name)|smtp connection\. |wasn't able to establish an smtp connection|socket error"
        r"|address family|dns lookup|could not (?:contact|query) dns|host name lookup|resolv\w+ (?:failure"
        r"|error)|routing error|could not be routed|unable to route|network error",
    ),
    phrase(
        Reason.SYSTEMFULL,
        r"mail system full|no space left on device|(?:file ?system|disk|partition|spool"
        r"|queue)(?: \S+){0,3} (?:is )?full\b|insufficient (?:system (?:storage|resources)|disk space"
        r"|storage)|not enough (?:disk|free) space|out of (?:disk|storage) space"
        r"|requested mail action aborted: exceeded storage",
    ),
    phrase(
        Reason.MAILERERROR,
        r"\bmailer error|command (?:died|failed|output|timed out|returned)|exit (?:status|value|code)"
        r"|exited with|died with|procmail|maildrop|spamc\b|operating system error|x-unix|pipe (?:to"
        r"|deliver)|returned (?:with )?(?:error |exit )?(?:code|status)|error \d{1,3} from (?:program"
        r"|command)|\bprogram (?:failure|error)|delivery agent (?:fail|error)|sieve|vacation program"
        r"|error running|child (?:process|exited)",
    ),
    phrase(Reason.REJECTED, r"access denied", command=SmtpCommand.MAIL),
    phrase(
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
    phrase(
        Reason.SYNTAXERROR,
        r"syntax(?:ally)?\b|malformed|parameter not (?:implemented|recogni[sz]ed)|command (?:not "
        r"|un)(?:recogni[sz]ed|implemented|known|supported)|unrecogni[sz]ed command|bad (?:sequence"
        r"|command|address syntax)|out of (?:sequence|order)|incorrectly constructed|improper (?:command"
        r"|syntax|address)|invalid (?:command|parameter|argument|address format|characters?)|(?:ehlo"
        r"|helo) first|line too long|nested too deep|unsupported (?:command|parameter|option)"
        r"|command parameter",
    ),
    phrase(
        Reason.CONTENTERROR,
        r"content (?:error|not supported|reject(?:ed)?|conversion|type)|conver(?:sion"
        r"|t)(?: \S+){0,4} (?:fail\w*|not|error|required|impossible|prohibited|lost)"
        r"|\bmime\b(?: \S+){0,5} (?:error|invalid|malformed|unsupported|not|broken|corrupt|violat\w*)|mime/?rejec"
        r"|(?:invalid|malformed|broken|bad|corrupt\w*|illegal) (?:mime|content|boundary|charset|encoding"
        r"|message (?:body|content|format))|8-?bit|charset|media (?:error|not supported)|message (?:header"
        r"|body|format)(?: \S+){0,3} (?:invalid|error|bad|malformed|unacceptable)|too many (?:attachments"
        r"|mime|parts)|message filter|improper 8",
    ),
    phrase(
        Reason.SYSTEMERROR,
        r"(?:system|internal|server|local|configuration|config|temporary|unexpected|database|directory"
        r"|lookup|lookup table|backend|software|processing|transaction)(?: \S+){0,2} (?:error|problem|malfunction"
        r"|failure|failed|trouble|exception|fault)|(?:service|server|system|resources?|mailbox server"
        r"|facility|delivery|mail|load)(?:\(\w\))?(?: \S+){0,3} (?:is |are )?(?:currently |temporarily "
        r"|now |too ){0,2}(?:unavailable|not available|refused|down|offline|out of service|busy|high|overloaded"
        r"|rejected (?:your "
        r"|this |the )?message|not responding"
        r"|under maintenance|misconfigured)",
        r"\bldap\b|can'?t create (?:user )?output file|(?:cannot|can not|could not|can't|unable to) (?:open|load"
        r"|switch|exec|chdir"
        r"|create|write|lock|append|access|read|contact|store|accept|process|queue|save)|(?:i/o|input/output) error"
        r"|queue file|\blmtp\b|misconfig\w*|out of memory|memory (?:allocation|exhaust)|maintenance"
        r"|timeout while|loops back to (?:my|it)self|mail for \S+ loops back|service (?:refuse|shutting"
        r"|closing)|insufficient resources|aborted|failure in|try (?:again )?later\b.{0,20}service"
        r"|local delivery",
    ),
    phrase(
        Reason.EXPIRED,
        r"time(?:d)?[ -]?out\b|expired?\b|(?:could|can)(?: ?not"
        r"|n't) (?:be )?deliver\w*(?: \S+){0,3} (?:for|in|within|after|the last|since"
        r"|until) (?:(?:more than|the (?:last|past)) )?\d"
        r"|retry (?:time|timeout|limit|period)|(?:been )?in (?:the |its )?queue(?: \S+){0,2} (?:too long"
        r"|for)|delay(?:ed)?\b|too old|(?:has |have )?(?:not"
        r"|n't) (?:yet )?been (?:able|delivered)|not reachable|did not accept our requests to connect"
        r"|(?:stopped|stop) trying|delivery attempts?|maximum (?:retr\w+|attempts|time)|no answer"
        r"|not responding|could not connect|couldn't connect|unable to connect|failed to connect"
        r"|cannot connect|connect(?:ion)? (?:fail\w*|error|lost|attempt)|lost connection"
        r"|connection (?:was )?(?:lost|closed|terminated|died|interrupted)|conversation with"
        r"|unable to contact|could not (?:be )?contact\w*|still (?:being retried|undelivered|trying)"
        r"|will (?:keep|continue|be retried|retry)",
    ),
)
