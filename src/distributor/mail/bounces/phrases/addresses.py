"""Phrases that reject the sender or an unknown recipient."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import GAP, NOT, PERSON, Phrase, phrase
from distributor.mail.bounces.reasons import Reason

# Words for a sender, or for its verification, near which an unknown user is the sender.
_SENDER = (
    r"\b(?:sender|from:?|mail from|envelope|originator|return[- ]?path|reverse-?path|callout|call-?back|emetteur"
    r"|absender)\b"
)

# An unknown user without doubt, also where a gateway or filter says so and gives its policy as the reason.
UNKNOWN_USERS: tuple[Phrase, ...] = (
    phrase(
        Reason.USERUNKNOWN,
        r"\b(?:unknown|no such|non-?exist(?:ent|ing)|invalid)[- ](?:local |e-?mail |virtual )?"
        r"(?:user|recipient|mail ?box)\b",
        r"\bnot (?:in|on) (?:the |our |my |any )?(?:valid )?(?:user|recipient|mailbox|alias)s? (?:list|table|map)\b",
        r"\b(?:user|recipient|mail ?box|account|e-?mail address)(?: address| …){0,2} (?:is |was )?"
        r"(?:unknown|non-?existent|not found|(?:does not|doesn't) exist)\b",
        unless=_SENDER,
    ),
)

ADDRESSES: tuple[Phrase, ...] = (
    # The sender's address or domain.
    phrase(
        Reason.REJECTED,
        r"(?:sender|from|envelope|originat\w+|mail from|return[- ]?path|reverse-?path|emetteur"
        r"|exp[eé]diteur|absender)(?: \S+){0,5} (?:address |domain )?(?:reject\w*|denied|refus\w*|blocked"
        r"|not (?:allowed|accepted|permitted|valid|exist|found|authori[sz]ed|recogni[sz]ed|welcome)"
        r"|invalid\w*|unknown|unacceptable|does(?:n't| not)|can ?not be|could not|couldn't|unresolv\w*"
        r"|unverifi\w*|black ?list\w*|block ?list\w*|banned|prohibited|disallowed|inconnu\w*|bloqu\w*"
        r"|has no|is not|isn't|unvalidated)|(?:sending|sender'?s?) domain (?:has no|without|lacks)"
        r"|from: ?domain must|denies (?:the )?sender|\b(?:domain|address)(?: \S+){0,2} is (?:banned"
        r"|black ?listed|block ?listed)",
        r"(?:invalid|unknown|bad|unacceptable|rejected|refus\w*|denied|blocked|illegal|unresolvable|forged"
        r"|faked?|empty|null|unverified|wrong) (?:envelope |return )?(?:sender|from\b|originator|mail from"
        r"|return[- ]?path|reverse-?path)",
        r"(?:unable|failed|cannot|could not|can't|couldn't) to? ?(?:verify|validate|resolve|find"
        r"|check)(?: \S+){0,3} (?:sender|from|return|originating|envelope)|sender ver\w+|verify (?:mail ?from|sender"
        r"|return)\S* (?:fail|error)|mail ?from(?: \S+){0,6} mis-?match"
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
    # Unknown recipient.
    phrase(
        Reason.USERUNKNOWN,
        rf"{PERSON}(?:\(s\))?(?: in \S+)?{GAP} (?:is |was |are |were |has been )?(?:currently "
        rf"|now )?(?:unknown(?! (?:host|domain|server|command|mailer|error))"
        rf"|{NOT} (?:be |been |currently )?(?:found|known|exist\w*|listed|recogni[sz]ed|local|valid|registered|here|ok"
        r"|accepted here|our|defined|in (?:our|the|my|local)|hosted|present|available|delivered to|allowed|correct"
        r"|on (?:this|the|our) (?:server|system|domain)|a (?:valid|known|registered|local|member of (?:this "
        r"|the )?domain))|no(?:t)? such"
        r"|unrecogni[sz]ed|undeliverable|invalid|incorrect|wrong|non-?exist\w*|inconnue?|unavailable|vanished)\b",
        rf"{PERSON}{GAP} (?:does|did|do)(?: not|n't| n't|nt|n’t) (?:currently )?(?:exist|have|seem|like|appear|match)",
        rf"{PERSON}(?: \S+){{0,2}} (?:no|not|never) exist",
        r"(?:unknown|invalid|no such|bad|incorrect|wrong|illegal|unrecogni[sz]ed|non-?exist(?:ent|ing)|undeliverable"
        r"|unroutable|undefined|not existing|not a valid|no valid|not a known|(?:cannot|can't|could not|couldn't"
        r"|unable to) find|no)(?: local| virtual| final delivery| destination| e-?mail| mail| such| recipient| user"
        r"| valid| or illegal| or unknown| or invalid| alias| this| the){0,3} (?:user(?:id|name)?s?|recipients?"
        r"|mail ?-?box\w*|mail ?drop|accounts?|address\w*|addressee|id|person|people|name|alias(?:es)?|local[- ]?part"
        r"|subscriber|customer|individual|domain user|login|entry|rcptto|destinat(?:aire|ario)|mailname|employee)\b",
        rf"{PERSON}{GAP} (?:could ?n[o']t|cannot|can't|could not|can not) be (?:found|located|resolved|verified|reached"
        r"|delivered|identified|matched)|(?:cannot|can't|could not|couldn't|unable to|not able to) (?:find|locate"
        rf"|resolve|verify|identify)(?: \S+){{0,3}} {PERSON}",
        rf"{PERSON}{GAP} (?:is |are )?no longer (?:valid|available|exist\w*|in (?:use|service)|here|work\w*|employed"
        r"|with|accept\w*|an? )|no longer (?:(?:a )?valid|works?|employed|with (?:us|this|the)|here|in service"
        r"|(?:an? )?(?:employee|user|member|customer|student)|part of|at this)"
        r"|(?:left|has left) (?:the |our |this )?(?:company|organi[sz]ation|firm|employ|school|university)",
        r"(?:doesn't|does not|do not|don't|has no|have no|hasn't)(?: have)?(?: an?| any| valid| such| active){0,2}"
        r"(?: \S+)? (?:account|mail ?-?box|e-?mail address)",
        r"(?:is |there is |there's )?no (?:one|body|mail ?-?box|account|user|address|recipient)(?: \S+){0,2} (?:here|by"
        r"|with|of|at|in|on|for|named|found|matching|exists|that)|no (?:such )?user|no mail ?-?box|user-?not-?found"
        r"|recipient ?not ?found|nosuchuser|recipnotfound|nobody (?:here|by|of|with)",
        rf"{NOT} (?:be |been )?(?:found|listed|present|known|registered)(?: \S+){{0,3}} (?:ldap|directory|address ?book"
        r"|database|name ?server|(?:user|recipient|alias|mailbox) (?:list|table|map))|lookup in \S+ map failed"
        r"|did not match (?:any|exactly)|not exactly match|no match(?:es)? (?:to|for|found|in)",
        r"(?:cannot|can't|unable to) deliver mail (?:for|to) (?:this |that |the )?(?:user|recipient|…)"
        r"|(?:doesn't|does not|don't|do not) (?:handle|accept|take) mail for (?:that|this) (?:user|recipient|…)",
        r"address (?:rejected|refused)|mailbox (?:is )?unavailable|mailbox name (?:is )?not allowed|(?:incorrectly"
        r"|wrongly|improperly) addressed|mis-?addressed|not our (?:customer|user)|not listed in"
        r"|name (?:is )?not (?:found"
        r"|recogni[sz]ed)|is not a (?:valid|known|registered|local) |(?:user|recipient|mailbox|account|address) (?:was "
        r"|has been |is )?(?:removed|deleted|expunged)|deleted (?:user|account|mailbox)|has been deleted"
        r"|recipient verif\w+ fail\w*"
        r"|delivery to (?:this |that )?(?:address|user) (?:is )?not|email address (?:is )?(?:incorrect|wrong)"
        r"|unknown (?:in|at) (?:this|our|local)|user (?:doesn't|unknown)|unknown user",
    ),
    phrase(
        Reason.FILTERED,
        r"(?:rejected|refused|blocked|declined|denied|bounced) by (?:the )?(?:recipient|user|owner|addressee|intended"
        r"|domain filter|receiver)|(?:recipient|rcpt|mail ?-?box|user|account)(?:\(s\))?(?: \S+){0,4} (?:reject\w*"
        r"|refus\w*"
        r"|block\w*|declin\w*|denie[sd]|does not (?:want|wish|accept)|only accepts|(?:is )?not accepting|restricted)",
        r"(?:because|as) the (?:recipient|user|addressee) (?:is )?(?:only accept\w*|not accept\w*"
        r"|does not accept)|e-?mail preferences of the person|due to extended inbox rules|user's (?:filter"
        r"|preferences|rules|settings)|permanently rejected message|not accepting (?:mail|messages"
        r"|e-?mails?|it)|refuse(?:d|s)? to accept|we would love to have gotten this",
        r"message filtered|has been filtered|restricted (?:mailbox|recipient|address|group)"
        r"|(?:to )?(?:this|the) (?:mailbox|recipient|group|address|user)(?: \S+){0,3} (?:restrict\w*|only"
        r"|not allowed|rejected)|domain filter|delivery to this address is restricted"
        r"|this account is protected by",
    ),
)
