"""How servers word that they do not know or want the sender or the recipient."""

from __future__ import annotations

from distributor.channels.email.returns.reasons import Reason
from distributor.channels.email.returns.wording.phrase import Phrase, phrase

_PERSON = (
    r"(?:user(?: ?name)?|recipient|mail ?-?box|account|address|addressee|e-?mail(?: address| account)?"
    r"|login|destinataire|alias|local[- ]?part|person|customer)"
)
# Up to five words, none of which names another thing that may be unknown.
_GAP = r"(?: (?!server|domain|host|system|mx|sender|exchanger)\S+){0,5}"

ADDRESSES: tuple[Phrase, ...] = (
    # Our address or domain.
    phrase(
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
    phrase(
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
    phrase(
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
)
