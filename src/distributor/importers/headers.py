"""The headers of columns: one form for all spellings, and which of them may say who wants mail."""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = re.compile(r"[\W_]+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")


def normalize_header(header: str) -> str:
    """A header in lower case without accents, with underscores between its words: ``E-Mail`` becomes ``e_mail``."""
    words = _CAMEL_CASE.sub("_", header)
    if not header.isascii():
        decomposed = unicodedata.normalize("NFKD", words.casefold())
        words = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _SEPARATORS.sub("_", words.casefold()).strip("_")


def header_key(header: str) -> str:
    """A header as the tables of importers have it, without underscores: ``optIn``, ``Opt-in`` and ``OPTIN`` are one."""
    return normalize_header(header).replace("_", "")


# Parts of the headers of columns that say who wants mail, without accents.
_PARTS = (
    "optin|optout|opted|subscri|unsub|newsletter|permis|permit|consent|consens|consint|suppress|blacklist|"
    "blocklist|blocked|bounce|complain|gdpr|dsgvo|rgpd|marketing|erlaub|einwillig|anmeld|abmeld|austrag|zustimm|"
    "werbung|werbe|widerruf|widerspr|sperr|kundig|austritt|geloscht|toestemm|afgemeld|uitgeschr|ingeschr|inscri|"
    "iscri|desinscr|disiscr|abonn|suscri|zgod|wypis|zapis|rezygn|odwolan|accept|allow|agree|reject|declin|refus|"
    "revok|withdr|confirm|verif|bestatig|bevestig|potwierdz|disabl|enabl|deactiv|inactiv|inaktiv|deliverab|"
    "contactable|reachable|mailable|quarantin|dontmail|donot|noemail|nomail|nospam|privacy|datenschutz|communicat|"
    "notif|unwanted|robinson|exclud|exclusion|objected|objection|oppos|silenc|contacter|contactar|contatar|"
    "contattare|molestar|status|statut|подпис|отпис|соглас|рассыл|afmeld|uitschrij|cancell|bloque|odhlas|odber|"
    "avregistr|avanmal|peruut|leirat|feliratk|dezabon|abonelik|διαγραφ|εγγραφ|退订|退訂|拒否|拒收|解除|停止|订阅|購読|配信|"
    "수신|구독|해지|لغاء|اشتراك|הסר|רשימ|abgemeld|angemeld|abbest|ausgetrag|lopetet|nocontact|situacao|assinante|"
    "descadastr|cancela|conferma|подтвер|статус|inschrijf|cleaned|cleantime|unzustell|ungultig|rebota|rimbalz|"
    "beschwerde|plainte|queja|reclam|klacht|blockier|blocc|geblok|zablok|suspend|deaktiv|desactiv|deshabilit|"
    "disabilit|uitgeschakel|desativ|wyłaczon|"
    "rundbrief|rundmail|infomail|infolettre|boletin|nieuwsbrief|biuletyn|hirlevel|nyhetsbrev|nyhedsbrev|uutiskirje|bulten"
)
_CONSENT_LIKE = re.compile(unicodedata.normalize("NFKD", _PARTS))
# The same, as whole words.
_SHORT_WORDS = (
    "opt opts sub subs unsub abo abos spam junk abuse mailing mailings mailinglist state zustand estado stato active "
    "activated aktiv actif activo attivo ativo actief aktywny deleted removed archived cancel canceled cancelled doi "
    "soi churn churned valid invalid banned ban left quit paused muted wants want receive receives receiving willing "
    "can preference preferences ok dnc dnd dne blocking block avg lopd lgpd stop baja alta altas alive dead gone off "
    "kein keine nicht geen niet nie nao never dont"
)
_WORDS = frozenset(_SHORT_WORDS.split())
# Parts of an address, as customer databases name them: `Mailing State`.
_OF_ADDRESS = re.compile(
    r"\b(mailing|billing|shipping|other|home|work|business|postal)_"
    r"(street|city|state|zip|postal|post|country|address|province|region|county|latitude|longitude|line)"
)
# Columns of other matters, or counts, that often hold two values only.
# fmt: off
KEYS_OF_OTHER_MATTERS = frozenset(map(header_key, (
    "id", "uid", "uuid", "record id", "contact id", "user id", "customer id", "external id", "order status",
    "payment status", "lead status", "deal status", "marital status", "shipping status", "state code", "state province",
    "html email", "text email", "format", "sent", "opened", "clicked", "opens", "clicks", "open rate", "click rate",
    "emails sent", "emails opened", "emails clicked", "total sent", "total opens", "total clicks", "unique opens",
    "unique clicks", "orders", "orders count", "total orders", "total spent", "age", "score", "rating",
    "member rating", "latitude", "longitude", "gmtoff", "dstoff", "city", "country", "region", "zip", "zip code",
    "postal code", "phone", "phone number", "mobile", "company", "birthday", "gender", "tax exempt", "points",
    "last activity", "marketing source", "count", "quantity", "visits",
)))
# fmt: on
# Words of other questions that are answered with yes or no: a header of nothing else is about them.
_OTHER_QUESTIONS = (
    "vip customer customers client clients buyer buyers order orders ordered purchase purchases purchased bought paid "
    "paying payer premium trial donor donors donated sponsor staff employee employees student students adult male "
    "female gender sex rank level points score html discount coupon voucher gift refund refunded invoice company "
    "business private b2b b2c vat tax phone mobile app kids children pet pets dog cat car house owner homeowner "
    "retired married kunde kundin kunden bestellung bestellt gekauft bezahlt zahlend spender spenderin mitarbeiter "
    "mitarbeiterin studentin rabatt gutschein firma firmenkunde privatkunde geschlecht kinder rang punkte stufe "
    "haustier klient klant cliente fidelite acheteur commande donateur pedido compra comprador ordine acquisto "
    "bestelling zamowienie"
)
_ABOUT_OTHERS = frozenset(_OTHER_QUESTIONS.split())
_QUESTION_WORDS = frozenset(("is", "has", "was", "had", "ist", "hat", "est", "a", "es", "e"))


def is_consent_like(header: str) -> bool:
    """Whether a column with this header may say who wants mail."""
    name = _OF_ADDRESS.sub("", normalize_header(header))
    key = name.replace("_", "")
    return key not in KEYS_OF_OTHER_MATTERS and (
        bool(_CONSENT_LIKE.search(key)) or not _WORDS.isdisjoint(name.split("_"))
    )


def asks_something_else(header: str) -> bool:
    """Whether the yes and no in a column with this header say nothing about mail."""
    words = set(normalize_header(header).split("_")) - _QUESTION_WORDS
    return bool(words) and words <= _ABOUT_OTHERS
