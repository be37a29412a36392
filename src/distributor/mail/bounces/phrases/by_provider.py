"""Phrases and codes of individual mailbox providers, as documented on their postmaster pages.

A provider is recognized by the name of its servers or by the domain of the recipient. Patterns are searched in
lower-case text without addresses, with links.
"""

from __future__ import annotations

from dataclasses import dataclass

from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPhrases:
    """`hosts` is searched in "server recipient-domain"; `rules` are tried in order."""

    name: str
    hosts: LazyPattern
    rules: tuple[tuple[Reason, LazyPattern], ...]


def _provider(name: str, hosts: str, *rules: tuple[Reason, str]) -> ProviderPhrases:
    return ProviderPhrases(
        name=name,
        hosts=LazyPattern(hosts),
        rules=tuple((reason, LazyPattern(pattern)) for reason, pattern in rules),
    )


PROVIDERS: tuple[ProviderPhrases, ...] = (
    # support.google.com/a/answer/3726730: SMTP errors of Gmail
    _provider(
        "google",
        r"\b(?:aspmx|google|googlemail|gmail)\b",
        (Reason.SUSPEND, r"p=disableduser|account that you tried to reach is (?:disabled|inactive)"),
        (Reason.MAILBOXFULL, r"p=overquota"),
        (Reason.USERUNKNOWN, r"p=nosuchuser|account that you tried to reach does not exist"),
        (Reason.REQUIREPTR, r"\b[45]\.7\.25\b|does not have a ptr record"),
        (Reason.AUTHFAILURE, r"\b[45]\.7\.(?:2[67]|30|40)\b|unauthenticated (?:e-?mail|sender)|p=unauthenticated"),
        (Reason.NOTCOMPLIANTRFC, r"messages missing a valid|p=rfcmessagenoncompliant"),
        (Reason.SPEEDING, r"p=receivingrate|at a rate that prevents|\b[45]\.7\.28\b|unusual rate of"),
        (Reason.POLICYVIOLATION, r"p=blockedmessage|its content presents a potential|illegal attachment"),
    ),
    # learn.microsoft.com: NDR codes of Exchange Online; postmaster.live.com: errors of Outlook.com
    _provider(
        "microsoft",
        r"\b(?:outlook|hotmail|live|msn|office365|exchangelabs)\b",
        (Reason.AUTHFAILURE, r"\b5\.7\.(?:23|509|515)\b"),
        (
            Reason.BLOCKED,
            r"\b(?:sc|dy|oc|av)-?00[1-9]\b|\bs(?:3140|3150|775)\b|\b5\.7\.(?:511|6[0-4]\d|708)\b|weren't sent",
        ),
        (Reason.SPEEDING, r"\brp-00[1-9]\b|\b5\.(?:1\.90|2\.12[12]|7\.(?:23[23]|508|705))\b|submissionquotaexceeded"),
        (Reason.TOOMANYCONN, r"exceeded the connection limit"),
        # Recipients that a directory does not hold are refused at the edge.
        (Reason.USERUNKNOWN, r"\b5\.(?:1\.(?:10|351))\b|\b5\.4\.1\b.{0,80}recipient address rejected"),
        (Reason.NORELAYING, r"\b5\.7\.(?:54|64)\b|tenantattribution"),
        (Reason.REJECTED, r"\b5\.1\.8\b|\b5\.7\.50[1-3]\b"),
    ),
    # senders.yahooinc.com/smtp-error-codes
    _provider(
        "yahoo",
        r"\byahoodns\b",
        (Reason.AUTHFAILURE, r"\bdmarc\b|\bdkim\b|\bspf\b|unable to authenticate|\(au0\d\)"),
        (Reason.REJECTED, r"\btss0?4\b|due to (?:unexpected volume|user complaints)"),
        (Reason.BLOCKED, r"\[(?:bl|ts|tss|ipts|cp|gl|con)\d{1,2}\]|spamhaus|permanently deferred"),
        (Reason.SPEEDING, r"max message per connection"),
        (Reason.SUSPEND, r"\(554\.30\)"),
        (Reason.USERUNKNOWN, r"doesn't have an? \S+ account|mailbox not found|is no longer valid"),
        (Reason.POLICYVIOLATION, r"not accepted for policy reasons|message not allowed - \["),
    ),
    _provider(
        "yahoo.co.jp",
        r"\b(?:yahoo\.co\.jp|ybb\.ne\.jp)\b",
        (Reason.POLICYVIOLATION, r"not accepted for policy reasons|message not allowed"),
        (Reason.SUSPEND, r"disabled or discontinued|mailbox is disabled"),
        (Reason.USERUNKNOWN, r"doesn't have an? \S+ account"),
    ),
    # Codes and words that only Yahoo uses: they identify it where the name of its server is not known.
    _provider(
        "yahoo by its words",
        r"",
        (
            Reason.USERUNKNOWN,
            r"delivery error: dd (?:this user doesn't have an? \S+ account|.{0,80}is no longer valid)",
        ),
        (Reason.BLOCKED, r"\[ts0?3\].{0,60}permanently deferred"),
    ),
    # support.apple.com: postmaster information for iCloud Mail
    _provider(
        "icloud",
        r"\b(?:icloud|me|mac|apple)\.com\b",
        (Reason.AUTHFAILURE, r"\bdmarc\b|\bdkim\b|\bspf\b"),
        (
            Reason.BLOCKED,
            r"not accepting connections|proofpoint|\[(?:cs|hm|ip|vm|ld|dns|pr)\d{1,2}\].{0,80}(?:block|reputation)",
        ),
        (Reason.HASMOVED, r"no longer on server"),
        (Reason.USERUNKNOWN, r"inactive email address"),
        (Reason.POLICYVIOLATION, r"due to local policy"),
    ),
    # postmaster.orange.fr and laposte.net: the last three digits say what is meant
    _provider(
        "orange and laposte",
        r"\b(?:orange|wanadoo|laposte|voila)\.(?:fr|net|com)\b",
        (Reason.USERUNKNOWN, r"(?:ofr|lpn)\d{0,3}_(?:416|418)\b|destinataire.{0,20}invalide"),
        (Reason.MAILBOXFULL, r"(?:ofr|lpn)\d{0,3}_417\b|mailbox full"),
        (Reason.SUSPEND, r"(?:ofr|lpn)\d{0,3}_(?:420|513)\b"),
        (Reason.TOOMANYCONN, r"(?:ofr|lpn)\d{0,3}_104\b|too many connections"),
        (Reason.BLOCKED, r"(?:ofr|lpn)\d{0,3}_(?:10[1-35]|109|511)\b|client host blocked|adresse ip"),
        (Reason.REJECTED, r"(?:ofr|lpn)\d{0,3}_(?:40[235]|42[45])\b|emetteur (?:invalide|bloqu)"),
        (Reason.AUTHFAILURE, r"(?:ofr|lpn)\d{0,3}_(?:515|517|401)\b|\bdmarc\b|\bspf\b"),
        (Reason.SPAMDETECTED, r"(?:ofr|lpn)\d{0,3}_(?:506|507|510|516|518|519|52[1236])\b"),
        (Reason.MESGTOOBIG, r"(?:ofr|lpn)\d{0,3}_(?:514|552)\b|message too large"),
        (Reason.POLICYVIOLATION, r"(?:ofr|lpn)\d{0,3}_(?:6[34]\d|611|550)\b|#2\d\d lpn"),
        (Reason.SYSTEMERROR, r"(?:ofr|lpn)\d{0,3}_(?:505|503|509|302)\b|essayer plus tard"),
    ),
    # godaddy.com help: "Fix rejected email with a bounce error", codes IB…
    _provider(
        "godaddy",
        r"\bsecureserver\.net\b",
        (Reason.SPEEDING, r"\bib(?:501|60[67]\w?|610)\b|too many (?:recipients|messages)"),
        (Reason.TOOMANYCONN, r"\bib007\b|too many connections"),
        (Reason.REQUIREPTR, r"\bib(?:108|11[01])\b|reverse dns|\bptr\b"),
        (Reason.AUTHFAILURE, r"\bib508\b|\bdmarc\b|\bspf\b|\bdkim\b"),
        (Reason.REJECTED, r"\bib(?:502|506)\b|domain is invalid"),
        (Reason.VIRUSDETECTED, r"\bib705\b|virus"),
        (Reason.SPAMDETECTED, r"\bib(?:212|510|703)\b|judged to be spam"),
        (Reason.BLOCKED, r"\bib(?:1\d\d|504)\b"),
    ),
    # service.mail.qq.com: what the replies of QQ Mail mean
    _provider(
        "qq",
        r"\bqq\.com\b",
        (Reason.AUTHFAILURE, r"\bdmarc\b|\bspf\b|\bdkim\b"),
        (
            Reason.TOOMANYCONN,
            r"connection frequency limited|(?:sender|domain) frequency limited|mailbox unavailable or access denied",
        ),
        (Reason.SPEEDING, r"frequency limited"),
        (Reason.BLOCKED, r"connection denied|suspected bounce attack|suspected spam ip"),
        (Reason.SPAMDETECTED, r"mail content denied|suspected spam|spam"),
        (Reason.REJECTED, r"rejected by recipients?|domain may not exist or dns check failed"),
    ),
    # The mail servers of docomo answer so when the recipient's box is full.
    _provider("docomo", r"\bdocomo\b", (Reason.MAILBOXFULL, r"too much mail data")),
    # Those of au name the user that they do not know, except where they filter.
    _provider(
        "au",
        r"\b(?:ezweb|au|uqmobile|dion)\.(?:ne\.jp|com)\b",
        (Reason.FILTERED, r"(?:\b550:? ?:|^:|: :) ?user unknown"),
        (Reason.USERUNKNOWN, r"….{0,5}user unknown"),
    ),
    # mail.i.ua/err
    _provider(
        "i.ua",
        r"\b(?:i\.ua|email\.ua|ua\.fm)\b",
        (Reason.NORELAYING, r"/err/1\b"),
        (Reason.USERUNKNOWN, r"/err/2\b"),
        (Reason.SUSPEND, r"/err/3\b"),
        (Reason.MAILBOXFULL, r"/err/[45]\b"),
        (Reason.MESGTOOBIG, r"/err/6\b"),
        (Reason.BLOCKED, r"/err/(?:[89]|10)\b"),
    ),
    # spectrum.net: "Understanding email error codes"; cox.com: "Email error codes"
    _provider(
        "spectrum and cox",
        r"\b(?:charter|spectrum|rr|twc|cox|brighthouse)\.(?:net|com)\b",
        (Reason.REQUIREPTR, r"\bcxdns\b"),
        (Reason.REJECTED, r"\bcxsndr\b"),
        (Reason.TOOMANYCONN, r"aup#(?:in|out)-1[13]\d0|\bcxcnct\b|too many (?:concurrent )?(?:connections|sessions)"),
        (Reason.SPEEDING, r"\bcx(?:mxrt|thrt|mj)\b|too many (?:messages|recipients)"),
        (Reason.SPAMDETECTED, r"aup#(?:i|in|out)-15[12]0|\burlbl\d+"),
        (Reason.BLOCKED, r"aup#|\b(?:cxbl|cxjb|cdrbl|ipbl\d+)\b"),
    ),
    # postmaster.facebook.com/response_codes
    _provider(
        "facebook",
        r"\b(?:facebook|facebookmail|fb)\.com\b",
        (Reason.USERUNKNOWN, r"\b(?:rcp-p1|int-p[134])\b|recipient address does not exist"),
        (Reason.FILTERED, r"\b(?:rcp-p2|int-p7)\b"),
        (Reason.MAILBOXFULL, r"\bint-p7\b"),
        (Reason.MESGTOOBIG, r"\b(?:msg-p1|int-p2)\b"),
        (Reason.CONTENTERROR, r"\bmsg-p2\b"),
        (Reason.NOTACCEPT, r"\bpol-p3\b"),
        (Reason.VIRUSDETECTED, r"\bpol-p4\b"),
        (Reason.SECURITYERROR, r"\bpol-p[25]\b"),
        (Reason.SPAMDETECTED, r"\b(?:pol-p[67]|int-p6)\b"),
        (Reason.BLOCKED, r"\b(?:pol-[tp]1|dns-p[12]|con-t[24])\b"),
        (Reason.SPEEDING, r"\b(?:pol-t[2-9]|con-t[13])\b"),
        (Reason.SYSTEMERROR, r"\b(?:rcp-t1|int-t\d)\b"),
    ),
)


def reason_of_provider(host: str, domain: str, text: str) -> Reason | None:
    """The reason that `text` stands for at the provider of the server `host` or the recipient's `domain`."""
    where = f"{host} {domain}"
    for provider in PROVIDERS:
        if provider.hosts.search(where):
            for reason, pattern in provider.rules:
                if pattern.search(text):
                    return reason
    return None
