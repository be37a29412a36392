"""What particular mailbox providers mean by words and codes of their own, as their postmaster pages explain: a table.

A provider is known by the name of its servers or by the domain of the recipient. Patterns are searched in lower-case
text without addresses, with links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.channels.email.returns.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`hosts` is searched in "server recipient-domain"; `rules` are tried in order."""

    name: str
    hosts: re.Pattern[str]
    rules: tuple[tuple[Reason, re.Pattern[str]], ...]


def _provider(name: str, hosts: str, *rules: tuple[Reason, str]) -> Provider:
    return Provider(
        name=name,
        hosts=re.compile(hosts),
        rules=tuple((reason, re.compile(pattern)) for reason, pattern in rules),
    )


PROVIDERS: tuple[Provider, ...] = (
    # support.google.com/a/answer/3726730
    _provider(
        "google",
        r"\b(?:aspmx|google|googlemail|gmail)\b",
        (Reason.SUSPEND, r"p=disableduser|account that you tried to reach is (?:disabled|inactive)"),
        (Reason.MAILBOXFULL, r"p=overquota|is over quota|out of storage space"),
        (Reason.USERUNKNOWN, r"p=nosuchuser|account that you tried to reach does not exist"),
        (
            Reason.REQUIREPTR,
            r"p=(?:iprdns|ptr)|\b[45]\.7\.25\b|does not have a ptr record|ip address does not (?:have|match)",
        ),
        (
            Reason.AUTHFAILURE,
            r"\b[45]\.7\.(?:2[4679]|3[02])\b.{0,40}(?:auth|spf|dkim|dmarc|unauth)|unauthenticated (?:e-?mail"
            r"|sender)|dmarc policy|p=unauthenticatedemail",
        ),
        (Reason.AUTHFAILURE, r"\b[45]\.7\.(?:26|27|24|30|40)\b"),
        (
            Reason.NOTCOMPLIANTRFC,
            r"messages missing a valid|rfcmessagenoncompliant|not rfc ?(?:5322|2822) compliant"
            r"|multiple (?:from|addresses in)|duplicate headers|p=missing",
        ),
        (Reason.SECURITYERROR, r"\b[45]\.7\.29\b|tls is required|must issue a starttls"),
        (
            Reason.SPEEDING,
            r"receivingrate|at a rate that prevents|unusual rate|\b[45]\.7\.28\b"
            r"|daily (?:user )?sending (?:quota|limit)|too (?:many|quickly)|has exceeded .{0,30}(?:limit"
            r"|quota)|rate limit",
        ),
        (Reason.BADREPUTATION, r"(?:very )?low reputation"),
        (
            Reason.POLICYVIOLATION,
            r"illegal attachment|blocked because its content|security issue|this message was blocked"
            r"|blockedmessage|p=policy|banned sender|\b5\.7\.0\b.{0,40}attachment",
        ),
        (
            Reason.BLOCKED,
            r"ip(?:v6)? (?:address )?.{0,60}(?:blocked|not authorized)|mail sent from your ip address has been"
            r"|unusual amount of unsolicited",
        ),
        (Reason.SPAMDETECTED, r"unsolicited|suspicious|likely spam|unsolicitedmessageerror|spam"),
        (Reason.MESGTOOBIG, r"exceeded google's message size|message size limit|maxsizeerror"),
        (Reason.NORELAYING, r"relay (?:denied|access)|mailrelay|not permitted to relay"),
        (Reason.REJECTED, r"sender.{0,30}(?:not|denied|invalid)|domain.{0,30}not.{0,20}sender"),
    ),
    # learn.microsoft.com: NDR codes of Exchange Online; postmaster.live.com: errors of Outlook.com
    _provider(
        "microsoft",
        r"\b(?:outlook|hotmail|live|msn|office365|microsoft|exchangelabs)\b",
        (
            Reason.AUTHFAILURE,
            r"\b5\.7\.(?:23|509|51[25]|7[05]0|9\d\d)\b.{0,40}(?:spf|dkim|dmarc|auth|access)|dmarc"
            r"|\b5\.7\.(?:509|515)\b|spf validation",
        ),
        (Reason.MAILBOXFULL, r"mailbox is full|quotaexceeded|storedrv\.deliver.{0,40}(?:quota|full)|\b5\.2\.2\b"),
        (Reason.BADREPUTATION, r"reputation|\b4\.7\.(?:650|651|652)\b"),
        (
            Reason.BLOCKED,
            r"\b(?:sc|dy|oc|s|av)-?00[1-9]\b|\bs(?:3140|3150|775)\b|\b5\.7\.(?:511|60[3-9]|6[1-4]\d|70[38]"
            r"|71[1-3])\b|block list|banned sending ip|access denied, banned|weren't sent"
            r"|traffic not accepted from this ip|\b4\.7\.(?:500|700)\b",
        ),
        (
            Reason.TOOMANYCONN,
            r"rp-00[12]|too many concurrent|exceeded the connection limit|\b4\.3\.2\b.{0,60}connection",
        ),
        (
            Reason.SPEEDING,
            r"rp-00[3-9]|throttl|\b4\.7\.(?:26|0)\b.{0,40}rate|exceeded .{0,40}(?:rate|limit|quota)"
            r"|\b5\.[12]\.90\b|\b5\.7\.(?:233|232)\b|submissionquota|message rate|receive limit"
            r"|too many messages|\b5\.2\.121\b|\b5\.2\.122\b",
        ),
        (
            Reason.SPAMDETECTED,
            r"\b5\.7\.(?:350|51[0-9])\b.{0,40}spam|(?:sc|oc|ns|sf|cs)-?00[1-4].{0,30}(?:spam|content)"
            r"|considered spam|content that .{0,40}spam",
        ),
        (
            Reason.SUSPEND,
            r"mailbox (?:is )?disabled|\b5\.2\.1\b.{0,60}(?:disabled|inactive)|account (?:is )?(?:disabled"
            r"|inactive|suspended)|tenant.{0,30}(?:disabled|suspended)",
        ),
        (Reason.EXPIRED, r"queue\.expired|\b[45]\.4\.(?:316|300)\b|message expired"),
        (
            Reason.NETWORKERROR,
            r"hop count exceeded|\b[45]\.4\.(?:14|6|31[1578])\b|loop detected|routingloop|dns query failed"
            r"|\b4\.4\.31[27]\b",
        ),
        (
            Reason.HOSTUNKNOWN,
            r"\b5\.4\.310\b|dns domain .{0,200}does not exist|domain .{0,200}does not exist|\b5\.1\.2\b",
        ),
        (
            Reason.NORELAYING,
            r"\b5\.7\.(?:64|367)\b|relay access denied|tenantattribution|unable to relay|\b5\.4\.(?:1"
            r"|101)\b.{0,60}relay|smtp.{0,10}relay",
        ),
        (
            Reason.USERUNKNOWN,
            r"\b5\.(?:1\.(?:10|351)|5\.0)\b|recipient ?not ?found|resolver\.adr|user unknown|unknown address"
            r"|mailbox unavailable",
        ),
        (
            Reason.SECURITYERROR,
            r"resolver\.rst\.(?:auth|notauth|senderauth|sendernotauth)|authentication required|\b5\.7\.(?:57|3"
            r"|134|136)\b|clientauth|\b5\.7\.1\b.{0,60}(?:unauthenticated|not authenticated)|starttls",
        ),
        (
            Reason.FILTERED,
            r"recipient address rejected: access denied|\b5\.7\.1(?:2[3-9]|3[0-7])\b|resolver\.rst|mailboxnot"
            r"|restricted",
        ),
        (Reason.MESGTOOBIG, r"messagetoolarge|message size exceeds|sizelimit"),
        (
            Reason.POLICYVIOLATION,
            r"transport\.rules|rejectmessage|transport rule|dlp|\b5\.7\.(?:320|300|5\d\d)\b.{0,40}polic",
        ),
        (
            Reason.REJECTED,
            r"sender address rejected|\b5\.1\.8\b|sender.{0,40}(?:denied|not valid|blocked)|\b5\.7\.50[1-8]\b"
            r"|bad outbound sender|spoof",
        ),
        (Reason.SYSTEMERROR, r"storedrv|resource|internal error|\b4\.3\.[12]\b|temporary server error"),
    ),
    # senders.yahooinc.com/smtp-error-codes
    _provider(
        "yahoo",
        r"\byahoodns\b",
        (Reason.AUTHFAILURE, r"dmarc|dkim|spf|unable to authenticate"),
        (
            Reason.REJECTED,
            r"\[(?:ip|t)s+s?0?4\]|tss0?4|temporarily deferred due to (?:unexpected volume|user complaints)"
            r"|unexpected volume or user complaints",
        ),
        (
            Reason.BLOCKED,
            r"\[(?:bl|ts|tss|ipts|cp|gl|con)\d{1,2}\]|spamhaus|permanently deferred"
            r"|connections? (?:not accepted|will not be accepted)",
        ),
        (Reason.SPEEDING, r"receiving mail too quickly|max message per connection|\[rl\d+\]|rate limit"),
        (
            Reason.SUSPEND,
            r"mailbox is (?:disabled|inactive)|\(554\.30\)|account (?:has been|is) (?:disabled|discontinued)",
        ),
        (
            Reason.USERUNKNOWN,
            r"doesn't have an? \S+ account|mailbox not found|user (?:is )?unknown|is no longer valid"
            r"|no mailbox|not a valid mailbox",
        ),
        (Reason.MAILBOXFULL, r"over ?quota|mailbox is full"),
        (Reason.POLICYVIOLATION, r"not accepted for policy reasons|message not allowed|\[(?:ph|aup|sv|pr|av)\w*\]"),
        (Reason.NOTCOMPLIANTRFC, r"headers are not rfc"),
        (Reason.SPAMDETECTED, r"spam"),
        (Reason.SYSTEMERROR, r"resources temporarily unavailable|internal server error|temporary domain failure"),
    ),
    _provider(
        "yahoo.co.jp",
        r"\byahoo\.(?:co\.jp|example\.co\.jp)|ybb\.ne\.jp",
        (Reason.POLICYVIOLATION, r"not accepted for policy reasons|message not allowed"),
        (Reason.SUSPEND, r"disabled or discontinued|mailbox is disabled"),
        (Reason.USERUNKNOWN, r"doesn't have an? \S+ account"),
    ),
    # support.apple.com/en-us/102322 (iCloud Mail, postmaster)
    _provider(
        "icloud",
        r"\b(?:icloud|me|mac|apple)\.com\b",
        (Reason.AUTHFAILURE, r"dmarc|\bdkim\b|\bspf\b|\[(?:cs01|hm0[1-3])\].{0,60}(?:auth|dmarc)"),
        (
            Reason.BLOCKED,
            r"\[(?:cs|hm|ip|vm|ld|dns)\d\d\]|not accepting connections|blocked .{0,40}(?:spamhaus|proofpoint"
            r"|cloudmark)|proofpoint|ip .{0,60}blocked|\[pr\d\]",
        ),
        (Reason.HASMOVED, r"no longer on server"),
        (Reason.USERUNKNOWN, r"inactive email address|user (?:does not exist|unknown)|mailbox.{0,20}not"),
        (Reason.MAILBOXFULL, r"over quota|mailbox full"),
        (Reason.POLICYVIOLATION, r"local policy|policy"),
        (Reason.SPAMDETECTED, r"spam|message content rejected"),
        (Reason.SPEEDING, r"too many|rate"),
    ),
    # postmaster.orange.fr, help.laposte.net: the last three digits say what is meant
    _provider(
        "orange and laposte",
        r"\b(?:orange|wanadoo|laposte|voila)\.(?:fr|net|com)\b",
        (
            Reason.USERUNKNOWN,
            r"(?:ofr|lpn)\d{0,3}_(?:416|418|419|422|429)\b|adresse .{0,40}destinataire.{0,20}invalide"
            r"|adresse destinataire invalide",
        ),
        (Reason.MAILBOXFULL, r"(?:ofr|lpn)\d{0,3}_417\b|mailbox full"),
        (Reason.SUSPEND, r"(?:ofr|lpn)\d{0,3}_(?:420|513)\b"),
        (Reason.BLOCKED, r"(?:ofr|lpn)\d{0,3}_(?:10[1235]|109|102|108|511)\b|client host blocked|adresse ip"),
        (Reason.TOOMANYCONN, r"(?:ofr|lpn)\d{0,3}_104\b|too many connections"),
        (
            Reason.REJECTED,
            r"(?:ofr|lpn)\d{0,3}_(?:403|405|402|424|425)\b|emetteur (?:invalide|bloqu)|adresse .{0,20}emetteur",
        ),
        (Reason.AUTHFAILURE, r"(?:ofr|lpn)\d{0,3}_(?:515|517|401)\b|dmarc|\bspf\b"),
        (Reason.SPAMDETECTED, r"(?:ofr|lpn)\d{0,3}_(?:506|507|510|516|518|519|521|522|523|526)\b|ofr_506"),
        (Reason.SYSTEMERROR, r"(?:ofr|lpn)\d{0,3}_(?:505|503|509|302)\b|essayer plus tard"),
        (Reason.EXPIRED, r"(?:ofr|lpn)\d{0,3}_(?:201|305|50[12])\b"),
        (Reason.MESGTOOBIG, r"(?:ofr|lpn)\d{0,3}_(?:514|552)\b|message too large"),
        (Reason.POLICYVIOLATION, r"(?:ofr|lpn)\d{0,3}_(?:63\d|64\d|611|550)\b|#2\d\d lpn"),
        (Reason.CONTENTERROR, r"(?:ofr|lpn)\d{0,3}_(?:512|524)\b"),
    ),
    # godaddy.com help: "Resolving email bounces", codes IB…
    _provider(
        "godaddy",
        r"\bsecureserver\.net\b|godaddy",
        (Reason.SPEEDING, r"\bib60[67]\w?\b|too many (?:recipients|messages)|\bib(?:501|607|610)\b"),
        (Reason.BLOCKED, r"\bib(?:1\d\d|2\d\d|01|504|110|113)\b|connection refused|banned"),
        (Reason.REQUIREPTR, r"\bib(?:108|111)\b|reverse dns"),
        (Reason.SPAMDETECTED, r"\bib(?:21[02]|508|705|504|510)\b|spam"),
        (Reason.REJECTED, r"\bib(?:502|506)\b|domain is invalid"),
        (Reason.AUTHFAILURE, r"dmarc|spf|dkim|authentication"),
        (Reason.USERUNKNOWN, r"recipient not found|account .{0,40}does not exist|no such user"),
        (Reason.MAILBOXFULL, r"full|quota"),
        (Reason.SUSPEND, r"account .{0,20}(?:disabled|suspended)"),
    ),
    # service.mail.qq.com
    _provider(
        "qq",
        r"\bqq\.com\b|\bqq\.example|exmail",
        (Reason.AUTHFAILURE, r"dmarc|spf|dkim|suspected.*(?:bounce|forg)"),
        (Reason.BLOCKED, r"ip (?:is )?(?:frequency|black|block)|connection denied|suspected bounce attack|ip domain"),
        (Reason.TOOMANYCONN, r"connection frequency limited|too many connections|connection (?:limit|frequen)"),
        (
            Reason.SPEEDING,
            r"sending frequency|frequency limited|mail (?:sending )?too|domain frequency|sender frequency",
        ),
        (Reason.SPAMDETECTED, r"spam|content denied|mail content"),
        (Reason.SUSPEND, r"mailbox unavailable or access denied|mailbox (?:disabled|suspended)|账户.*(?:停|冻)"),
        (
            Reason.REJECTED,
            r"mail (?:is )?rejected by (?:the )?recipient|sender (?:is )?(?:invalid|denied)"
            r"|domain may not exist|dns check failed",
        ),
        (
            Reason.USERUNKNOWN,
            r"mailbox not found|no such (?:user|mailbox)|account .{0,20}not|non-?existent|user not found",
        ),
        (Reason.MAILBOXFULL, r"mailbox (?:is )?full|space (?:is )?(?:full|shortage)|quota"),
    ),
    # smtp.docomo.ne.jp answers "Unknown user" to DATA when the recipient filters; Too much mail data: the box is full.
    _provider(
        "docomo",
        r"\bdocomo\b",
        (Reason.MAILBOXFULL, r"too much mail data|552 "),
        (Reason.SYNTAXERROR, r"50[0-4] "),
        (Reason.EXPIRED, r"452 |service not available"),
    ),
    _provider(
        "au",
        r"\b(?:ezweb|au|uqmobile|dion)\.(?:ne\.jp|com)\b",
        (Reason.FILTERED, r"(?:550:? ?:|^:) ?user unknown|: : user unknown|\b550:? : ?user unknown"),
        (Reason.USERUNKNOWN, r"….{0,5}user unknown"),
        (Reason.SPEEDING, r"too many recipients|rate|too fast"),
    ),
    # mail.i.ua/err
    _provider(
        "i.ua",
        r"\bi\.ua\b|\bemail\.ua\b|\bua\.fm\b",
        (Reason.NORELAYING, r"/err/1\b"),
        (Reason.USERUNKNOWN, r"/err/2\b"),
        (Reason.SUSPEND, r"/err/3\b|frozen"),
        (Reason.MAILBOXFULL, r"/err/(?:4|5)\b"),
        (Reason.BLOCKED, r"/err/(?:[89]|10)\b"),
        (Reason.MESGTOOBIG, r"/err/6\b"),
    ),
    # spectrum.net: understanding email error codes
    _provider(
        "spectrum and cox",
        r"\b(?:charter|spectrum|rr|twc|cox|brighthouse)\.(?:net|com)\b",
        (
            Reason.SPEEDING,
            r"\baup#(?:in-?1[12]\d0|out-?1[12]\d0|cxmj|cxsnd|cxbl|i-1[37]\d0)\b|rate|too many messages|e-?1[25]\d0\b",
        ),
        (Reason.BLOCKED, r"\baup#|blocked|ims block|e-?(?:1\d\d0|21\d0|31\d0)\b|reputation"),
        (Reason.USERUNKNOWN, r"recipient (?:rejected|unknown)|no such|mailbox not found"),
    ),
    # mimecast.com: SMTP error codes
    _provider(
        "mimecast",
        r"\bmimecast\b",
        (
            Reason.BLOCKED,
            r"\b(?:550|554) .{0,20}(?:local cbl|local rbl|email rejected due to security|ip .{0,40}block)|blacklist",
        ),
        (Reason.REJECTED, r"envelope blocked|sender .{0,40}(?:block|reject)|user requested|administrative lockout"),
        (Reason.USERUNKNOWN, r"invalid recipient|recipient email address is possibly incorrect"),
        (Reason.SPAMDETECTED, r"spam|anti-?spoof|rejected by header based"),
        (Reason.EXPIRED, r"internal resource|recipient server unavailable"),
        (Reason.VIRUSDETECTED, r"virus|malware|message contains unsafe"),
    ),
    # help.mail.ru/mail-help/postmaster
    _provider(
        "mail.ru",
        r"\b(?:mail|inbox|list|bk)\.ru\b",
        (Reason.AUTHFAILURE, r"dmarc|spf|dkim"),
        (Reason.USERUNKNOWN, r"invalid mailbox|user .{0,40}(?:not found|invalid)|no such user|account is unavailable"),
        (Reason.SPAMDETECTED, r"spam message|spam"),
        (Reason.MAILBOXFULL, r"over ?quota|full"),
        (Reason.SPEEDING, r"ratelimit|rate limit|too many"),
        (Reason.BLOCKED, r"blacklist|blocked|not allowed|reject.{0,20}ip"),
    ),
    # postmaster.facebook.com/response_codes
    _provider(
        "facebook",
        r"\b(?:facebook|facebookmail|fb)\.com\b",
        (
            Reason.USERUNKNOWN,
            r"\brcp-p2\b.{0,60}(?:exist|valid)|recipient address does not exist|\b(?:rcp-p1|int-p1|int-p3|int-p4)\b",
        ),
        (Reason.FILTERED, r"\b(?:rcp-p2|rcp-t4|con-t1|con-t3|int-p7)\b|preferences"),
        (Reason.MESGTOOBIG, r"\b(?:msg-p1|int-p2)\b"),
        (Reason.CONTENTERROR, r"\bmsg-p2\b"),
        (Reason.MAILBOXFULL, r"\bint-p7\b"),
        (Reason.NOTACCEPT, r"\bpol-p3\b"),
        (Reason.VIRUSDETECTED, r"\bpol-p4\b"),
        (Reason.SECURITYERROR, r"\bpol-p[25]\b"),
        (Reason.BLOCKED, r"\bpol-[tp][167]\b|\bdns-p[12]\b|\bcon-t[24]\b"),
        (Reason.SPAMDETECTED, r"\b(?:pol-p6|pol-p7|int-p6)\b"),
        (Reason.SYSTEMERROR, r"\b(?:rcp-t1|int-t\d)\b"),
        (Reason.EXPIRED, r"\bpol-t\d\b|\bcon-t\d\b"),
    ),
    _provider(
        "gmx and 1&1",
        r"\b(?:gmx|web\.de|1and1|kundenserver|mail\.com|ionos)\b",
        (Reason.USERUNKNOWN, r"mailbox unavailable|no such user|unknown recipient"),
        (Reason.MAILBOXFULL, r"quota|mailbox full"),
        (Reason.BLOCKED, r"policy restrictions|reject due to policy|ip .{0,40}block|bad dns|blacklist|nemesis"),
        (Reason.AUTHFAILURE, r"dmarc|spf|dkim|sender authentication"),
        (Reason.SPAMDETECTED, r"spam"),
    ),
    _provider(
        "zoho",
        r"\bzoho\b",
        (Reason.AUTHFAILURE, r"dmarc|spf|dkim"),
        (Reason.POLICYVIOLATION, r"access restricted|by (?:the )?(?:recipient|admin)|polic"),
        (Reason.USERUNKNOWN, r"invalid email recipients|relaying issues.{0,40}user"),
        (Reason.BLOCKED, r"greylist|blocked|reputation"),
    ),
)


def provider_verdict(host: str, domain: str, text: str) -> Reason | None:
    """What the provider at `host`, or of the recipient's `domain`, is known to mean by `text`."""
    where = f"{host} {domain}"
    for provider in PROVIDERS:
        if provider.hosts.search(where):
            for reason, pattern in provider.rules:
                if pattern.search(text):
                    return reason
    return None
