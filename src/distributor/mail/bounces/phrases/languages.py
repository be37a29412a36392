"""Phrases in other languages than English, with and without accents."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import Phrase, phrase
from distributor.mail.bounces.reasons import Reason

LANGUAGES: tuple[Phrase, ...] = (
    phrase(
        Reason.MAILBOXFULL,
        # German, Dutch
        r"postfach .{0,30}(?:voll|überfüllt|ueberfuellt)|zu ?viele (?:e-?)?mails auf dem server"
        r"|speicherplatz .{0,30}(?:erschöpft|überschritten|voll)|(?:postvak|mailbox) .{0,20}(?:is|zit) vol\b",
        # French
        r"bo[iî]te .{0,40}(?:pleine|satur)|quota .{0,20}d[eé]pass|d[eé]passe.{0,30}quota|espace .{0,30}satur",
        # Spanish, Portuguese, Italian
        r"(?:buz[oó]n|casilla|cuenta) .{0,30}(?:llen[oa]|excedid)|(?:cuota|cota|quota) .{0,30}(?:exced|superad|agotad)"
        r"|caixa (?:postal|de (?:correio|entrada)).{0,30}(?:cheia|lotada)|limite de espa[cç]o"
        r"|casell?a .{0,30}(?:piena|esaurit)|spazio .{0,20}(?:esaurito|insufficiente)",
        # Polish, Czech, Russian, Turkish
        r"skrzynka .{0,30}(?:pełna|pelna|przepełniona|przepelniona)|schr[aá]nka .{0,20}pln[aá]"
        r"|переполнен|превыш.{0,20}квот|квот\w* превыш|(?:posta )?kutusu .{0,10}dolu",
        r"メールボックス.{0,20}(?:一杯|いっぱい|満杯|容量|超え)|容量.{0,12}(?:超過|超え|オーバー)|受信容量"
        r"|(?:邮箱|信箱|邮件箱|郵箱).{0,6}(?:已满|已滿|满|滿)|空间(?:不足|已满)|용량.{0,6}초과",
    ),
    phrase(
        Reason.SUSPEND,
        r"(?:konto|mailbox|postfach|(?<!ip[- ])adresse) .{0,30}(?:gesperrt|deaktiviert|geschlossen)"
        r"|(?:compte|bo[iî]te|adresse(?! ip)) .{0,40}(?:inacti|suspend|d[eé]sactiv|ferm[eé]|bloqu)",
        r"(?:cuenta|casilla|buz[oó]n|usuario) .{0,40}(?:suspendid|inactiv|deshabilitad|expirad|bloquead|desactivad)"
        r"|(?:conta|caixa|usu[aá]rio) .{0,40}(?:suspens|inativ|bloquead|desativad|desabilitad)",
        r"(?:indirizzo|casella|utente|account|mailbox) .{0,30}(?:bloccat|disattivat|disabilitat|sospes|inattiv)"
        r"|(?:konto|skrzynka) .{0,40}(?:zablokowan|nieaktywn|zawieszon|wyłączon|wylaczon)"
        r"|(?:schr[aá]nka|účet) .{0,30}(?:zablokov|deaktiv)",
        r"(?:ящик|аккаунт|пользовател|запись).{0,30}(?:заблокирован|отключ[её]н|приостановлен)|заблокирован"
        r"|приостановлен"
        r"|停用|冻结|凍結|利用停止|已(?:被)?(?:禁用|停用|锁定)",
    ),
    phrase(
        Reason.USERUNKNOWN,
        # German, Dutch, the north
        r"(?:benutzer|empf(?:ä|ae|a)nger(?:adresse)?|adressat|postfach|mailbox|adresse) .{0,60}(?:unbekannt"
        r"|nicht (?:gefunden|bekannt|vorhanden|erreichbar)|existiert nicht)|unbekannte[rn]? (?:benutzer|empf|adress)"
        r"|existiert nicht|kein(?:e|en)? (?:solche[rn]? )?(?:benutzer|empf|mailbox|postfach)"
        r"|(?:gebruiker|adres|ontvanger) .{0,30}(?:onbekend|niet gevonden|bestaat niet)|bestaat niet"
        r"|(?:ok[aä]nd|ukjent|ukendt) (?:anv[aä]ndare|bruker|bruger|mottagare|modtager)|finns inte",
        # French
        r"(?:utilisateur|destinataire|adresse|bo[iî]te) .{0,60}(?:inconnu|invalide|inexistant|erron[eé]|introuvable)"
        r"|n'existe (?:pas|plus)|aucun (?:utilisateur|destinataire)",
        # Spanish, Portuguese, Italian
        r"(?:usuario|destinatario|direcci[oó]n|cuenta|casilla|buz[oó]n) .{0,40}(?:desconocid|no (?:existe|v[aá]lid"
        r"|encontrad)|inexistente|inv[aá]lid)|no existe",
        r"(?:usu[aá]rio|destinat[aá]rio|endere[cç]o|conta|caixa) .{0,40}(?:desconhecid|inexistente|inv[aá]lid"
        r"|n[aã]o (?:existe|encontrad|[eé] v[aá]lid))|n[aã]o existe",
        r"(?:utente|destinatario|indirizzo|casella|destin\.) .{0,40}(?:sconosciut|inesistente|errat|non (?:esiste|valid"
        r"|trovat|[eè] valid))|non esiste",
        # Polish, Czech, Russian, Turkish
        r"nie (?:istnieje|ma takiego|znaleziono)|nieznany (?:u[zż]ytkownik|odbiorca|adresat)"
        r"|(?:u[zž]ivatel|p[rř][ií]jemce|schr[aá]nka|adresa) .{0,30}(?:neexistuje|nezn[aá]m)|neexistuje",
        r"(?:пользовател|получател|адресат|ящик|адрес)\w* .{0,40}не (?:найден|существует|зарегистрирован)"
        r"|не существует|нет такого|неверный (?:адрес|получател)|недоступен|неизвестный (?:пользовател|получател)"
        r"|(?:kullan[iı]c[iı]|adres) .{0,20}(?:bulunamad[iı]|yok)",
        r"(?:宛先|あて先|メールアドレス|アドレス|ユーザー?|受信者).{0,20}(?:見つかり|存在し|ありません|不明|間違)"
        r"|該当.{0,12}(?:ありません|いません)|(?:用户|收件人|邮箱|帐号|账号|地址).{0,6}不存在|无此用户|不存在"
        r"|存在しません|(?:사용자|수신자|메일 ?주소).{0,12}(?:없|존재하지)",
    ),
    phrase(
        Reason.SPAMDETECTED,
        r"antyspam\w*|antispam-? ?(?:filter|system|regel)|als spam (?:erkannt|eingestuft)"
        r"|(?:considerad|identificad|classificad|detectad)\w* (?:como|come) spam|consid[eé]r[eé] comme (?:du )?spam"
        r"|классифицирован.{0,20}спам|\bспам|垃圾|迷惑メール|스팸",
    ),
    phrase(Reason.VIRUSDETECTED, r"ウイルス|ウィルス|вирус|病毒"),
    phrase(
        Reason.MESGTOOBIG,
        r"nachricht .{0,30}zu gro(?:ß|ss)|mensaje .{0,30}(?:demasiado grande|tama[nñ]o)|messaggio .{0,20}troppo grande"
        r"|mensagem .{0,20}(?:muito grande|tamanho)|message .{0,20}trop (?:gros|volumineux)|taille .{0,20}(?:message"
        r"|limite|maxi)|размер .{0,30}(?:превыш|велик)|メール.{0,10}サイズ.{0,12}(?:超|制限|大き)|サイズ制限"
        r"|邮件(?:大小|太大|过大)",
    ),
    phrase(
        Reason.BLOCKED,
        r"adresse ip .{0,30}(?:bloqu|refus|list)|ip[- ]adresse .{0,30}(?:gesperrt|blockiert|gelistet)|sperrliste"
        r"|lista negra|(?:direcci[oó]n )?ip .{0,30}bloquead|liste noire|ч[её]рн\w+ спис",
    ),
    phrase(Reason.FILTERED, r"受信拒否|指定受信|拒否設定|拒收"),
    phrase(Reason.HASMOVED, r"adresse .{0,30}(?:a chang[eé]|ge[aä]ndert)|移転しました|変更(?:になり|され)ました"),
    phrase(Reason.HOSTUNKNOWN, r"domaine inconnu|unbekannte dom|неизвестный домен|ドメイン.{0,12}(?:存在し|見つかり)"),
    phrase(
        Reason.REJECTED,
        r"(?:emetteur|exp[eé]diteur|absender|remitente|remetente|mittente)(?: \S+){0,5} (?:inconnu|bloqu|refus|invalid"
        r"|abgelehnt|gesperrt|rechazad|rejeitad|rifiutat|interdit|non autoris|no autoriz|nicht)",
    ),
    phrase(Reason.TOOMANYCONN, r"trop de connexions|zu viele verbindungen|demasiadas conexiones"),
    phrase(Reason.SPEEDING, r"zu viele (?:nachrichten|e-?mails)|送信数|発信数制限"),
    phrase(
        Reason.NORELAYING,
        r"relais (?:\S+ ){0,3}(?:non autoris|refus|interdit)|relay (?:\S+ ){0,3}n[aã]o (?:permit|autori)",
    ),
)
