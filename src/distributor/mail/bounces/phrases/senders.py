"""Phrases that reject the sending host, relaying, unauthenticated mail, or the sending rate."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import LISTS, Phrase, phrase
from distributor.mail.bounces.reasons import Reason

SENDERS: tuple[Phrase, ...] = (
    # Mail is not passed on for us.
    phrase(
        Reason.NORELAYING,
        r"(?:relay(?:ing|ed)?|relais)(?: \S+){0,4} (?:denied|not (?:allowed|permitted|authori[sz]ed"
        r"|enabled|available|accepted)|prohibited|rejected|refused|disallowed|forbidden|restricted|blocked"
        r"|is not)",
        r"(?:not|never|no|deny|denied|refus\w+|cannot|can't|unable|unauthori[sz]ed|won't|don't|isn't"
        r"|aren't|disallow\w*)(?: \S+){0,4} (?:to )?relay(?:ing|ed)?\b(?!\.)(?!\w)",
        r"\brelaying (?:mail )?to\b|relay (?:access )?denied|mail relay|open relay|no relaying"
        r"|relaying blocked|not (?:a|an) (?:open|local) relay|rcpthosts|attempt to relay|denies relay"
        r"|local users? only",
        r"(?:domain|address|host|recipient)(?: \S+){0,3} (?:is |isn't |are )?(?:not |n't )(?:in my list"
        r"|hosted|handled|served|local|one of our)(?: \S+){0,3}(?: here| by this| on this| this server|$)",
        r"send to a non-local|not a gateway|we do not (?:serve|handle|accept mail for) (?:this"
        r"|that) domain|not permitted to relay|this (?:mail )?server is not configured to",
    ),
    # The sender's domain did not vouch for the mail: SPF, DKIM, DMARC.
    phrase(
        Reason.AUTHFAILURE,
        r"dmarc|\bspf\b|\bdkim\b|sender policy framework|domainkeys|sender ?id (?:check|fail)",
        r"authentication (?:checks?|results?|information|level|tests?)(?: \S+){0,4} (?:fail|not|required"
        r"|missing)|required authentication level|multiple authentication checks failed",
        r"unauthenticated (?:e-?mail|mail|message)|(?:e-?mail|message|mail|sender)(?: \S+){0,3} (?:is|was"
        r"|be|are) (?:unauthenticated|not authenticated)|sender is unauthenticated"
        r"|fails? (?:email )?authentication|must be authenticated with",
    ),
    phrase(
        Reason.VIRUSDETECTED,
        r"\bvirus(?:es)?\b(?!-free)|\binfected\b|\bmal-?ware\b|\btrojan\b|\bworm\b|malicious (?:software"
        r"|code|content|file|attachment|url|link)|ransomware|\beicar\b",
    ),
    # A blocklist, a banned host or network.
    phrase(
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
    phrase(
        Reason.NOTCOMPLIANTRFC,
        r"rfc[ -]?\d{0,4}[ -]?(?:non-?)?complian|not comply with|(?:not|non)[- ](?:\w+ ){0,3}(?:rfc|compliant)"
        r"|violat\w+(?: \S+){0,3} rfc|rfc ?\d{3,4}(?: \S+){0,4} (?:violat|section|require|standard|specif"
        r"|complian|not)",
        r"duplicate header|(?:duplicate|multiple|several|more than one|missing|no|without|lacks?|invalid|required"
        r"|malformed"
        r"|bad|illegal)(?: \S+){0,4} (?:from|to|date|message-?id|subject|sender|mandatory"
        r"|rfc) ?:? ?(?:\S+ )?headers?\b",
        r"\bbare (?:lf|cr|line ?feed|newline|carriage)|messages? missing (?:a )?(?:valid|from|date"
        r"|message)|headers? are not|improperly formatted|non-?ascii (?:char\w* )?in (?:the )?header"
        r"|unescaped 8-?bit|lone (?:cr|lf)|without a (?:valid )?(?:from|date|message-?id)|5\.6\.11\b"
        r"|smuggl",
    ),
    phrase(
        Reason.BADREPUTATION,
        r"(?<!barracuda )reputation|unexpected volume or user complaints|sender ?(?:score|base)|excessive complaints?"
        r"|user complaints|complaint rate|talosintelligence|too many complaints",
    ),
    # We open too many connections.
    phrase(
        Reason.TOOMANYCONN,
        r"already made numerous attempts to deliver",
        r"too many(?: \S+){0,3} (?:connections?|sessions?|connects?|threads)\b|(?:concurrent|simultaneous"
        r"|parallel)(?: \S+){0,2} (?:connections?|sessions?|deliver\w*)|connection (?:rate )?limit"
        r"|limit(?: \S+){0,3} (?:concurrent |simultaneous )?(?:connections|sessions)\b",
        r"(?:max\w*|number of|excessive|exceed\w*)(?: \S+){0,4} (?:connections?|sessions?)\b"
        r"|connection frequency|connections? per (?:hour|minute"
        r"|second)",
    ),
    phrase(
        Reason.BLOCKED,
        r"spamhaus|spam ?cop|sorbs\b|barracuda ?(?:central|networks|reputation)|\bnjabl\b|\b(?:rbl|dnsb?l"
        r"|xbl|sbl|pbl|cbl|dsbl|ordb|drbl|mapsrbl|dul|psbl|ubl|ivm\w+|ers)\b|abuseat|spam ?rats|uceprotect"
        r"|backscatterer|mail-?spike|invaluement|nix ?spam|dynablock|hostkarma|lashback|senderbase|njabl"
        r"|cymru|abuse\.net|real-?time (?:black|block)|trendmicro\.com",
        r"(?:ip|host|server|network|client|relay|mta|connect\w*|range|subnet|provider|isp|helo"
        rf"|dns)(?: \S+){{0,8}} (?:\S+ )?{LISTS}",
        rf"{LISTS}\w*(?: \S+){{0,6}} (?:ip|host|server|network|client|relay|provider|dns|at|by|in|on|recipient)\b",
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
        r"|mails?|recipients|users|commands)|you have been (?:\S+ )?(?:blocked|banned)|dictionary attack"
        r"|harvest(?:ing)? attack|temporarily blocked|bad helo"
        r"|invalid helo|helo (?:\S+ ){0,4}(?:rejected|invalid|denied|not)|(?:ehlo"
        r"|helo)(?: command)? rejected|client host (?:\S+ ){0,3}(?:blocked"
        r"|rejected)|you are not (?:welcome|allowed to connect)",
        r"(?:messages?|mail) from (?:\d{1,3}\.){3}\d{1,3}(?: \S+){0,4} (?:deferred|delayed)\b",
        r"cannot send e-?mail to yourself|open (?:http )?proxy|blocked for (?:abuse|spam)"
        r"|we do not accept (?:mail|e-?mail|messages) from (?:hosts|dynamic|this (?:ip|host|server)"
        r"|your (?:ip|host|server))|ip (?:address )?(?:is |was |has been )?(?:black|block|list|bann"
        r"|deni)\w*|suspicious (?:ip|host|network)|error: no valid sender host|rejected due to access list",
    ),
    # We send too fast.
    phrase(
        Reason.SPEEDING,
        r"(?:too (?:many|much)|exceed\w*|max\w*|limit\w*|number of|amount of)(?: \S+){0,5} (?:messages?|rcpts?"
        r"|mails?|e-?mails?|recipients?|deliveries|mail)\b(?: \S+){0,6} (?:hour|minute|day|second|period"
        r"|time ?frame|hourly|daily|short|limit|per|interval|too)\b",
        r"(?:message|mail|e-?mail|sending|send|sender|submission|recipient|receiving|receive|delivery"
        r"|hourly|daily|traffic) ?(?:rate|frequency|quota)(?: \S+){0,4} (?:limit\w*|exceed\w*|too|reached"
        r"|over)|rate[- ]?limit\w*|(?:hourly|daily|monthly|sending) (?:\S+ ){0,3}(?:limit|maximum|max)\b",
        r"receivingrate|throttl|slow down|too (?:fast|quickly|frequently|often|rapidly)|at a rate that prevents"
        r"|unusual (?:rate|amount|volume)|(?:sent|sending|send|received)(?: \S+){0,3} too many (?:messages?|mails?"
        r"|e-?mails?|recipients?)|has sent to too many|receiving(?: \S+){0,4} too quickly|excessive (?:volume|rate"
        r"|number)|(?:has )?exceeded(?: \S+){0,4} (?:messages|emails|mails) (?:per|allowed)",
        r"number of (?:the )?(?:rcpts?|recipients) (?:is |are )?(?:over|exceed|too)|out of allow rcpt"
        r"|thread limit",
        r"received too many messages|too much (?:mail|e-?mail|traffic)|mail flood|flooding|velocity"
        r"|please try again slower",
    ),
)
