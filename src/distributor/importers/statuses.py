"""The words with which services and spreadsheets describe a subscription, and what each of them means here.

A word that is in no table is refused by the importer: it may mean `no`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.subscriber_import import IGNORE, SUBSCRIBED, ImportedStatus, ImportOutcome
from distributor.domain.suppression import SuppressionReason

UNSUBSCRIBED = ImportedStatus(state=Membership.UNSUBSCRIBED)
BOUNCED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.HARD_BOUNCE,))
SOFT_BOUNCED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.SOFT_BOUNCES,))
COMPLAINED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.COMPLAINT,))
BLOCKLISTED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.IMPORTED,))
PENDING = ImportedStatus(state=Membership.PENDING)
DISABLED = ImportedStatus(state=Membership.UNSUBSCRIBED, status=SubscriberStatus.DISABLED)

# What a user may map a word to. Rows with a word that is mapped to None are passed over.
STATUSES: Mapping[str, ImportedStatus | None] = {
    ImportOutcome.SUBSCRIBED: SUBSCRIBED,
    ImportOutcome.PENDING: PENDING,
    ImportOutcome.UNSUBSCRIBED: UNSUBSCRIBED,
    ImportOutcome.BOUNCED: BOUNCED,
    ImportOutcome.COMPLAINED: COMPLAINED,
    ImportOutcome.BLOCKLISTED: BLOCKLISTED,
    ImportOutcome.DISABLED: DISABLED,
    IGNORE: None,
}

_NOT_IN_WORDS = re.compile(r"[\W_]+")


def normalize_word(text: str) -> str:
    """A word in lower case without accents, with one space for other characters: ``Opted_In`` becomes ``opted in``."""
    if text.isascii():
        return _NOT_IN_WORDS.sub(" ", text.lower()).strip()
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return _NOT_IN_WORDS.sub(" ", plain).strip()


def words_of(*groups: tuple[ImportedStatus, Iterable[str]]) -> dict[str, ImportedStatus | None]:
    """A table of normalized words from the words of each status."""
    return {normalize_word(word): status for status, words in groups for word in words}


# fmt: off
STATUS_WORDS: Mapping[str, ImportedStatus | None] = words_of(
    (SUBSCRIBED, (
        "subscribed", "subscriber", "active", "enabled", "confirmed", "opted in", "opt in", "optin", "double opt in",
        "single opt in", "verified", "approved", "registered", "accepted", "allowed", "granted", "consented",
        "marketing contact", "valid", "deliverable",
        "angemeldet", "abonniert", "aktiv", "bestätigt", "eingewilligt", "abonné", "inscrit", "actif", "confirmé",
        "suscrito", "activo", "confirmado", "iscritto", "attivo", "confermato", "ingeschreven", "aangemeld", "actief",
        "bevestigd", "inscrito", "ativo", "assinante", "zapisany", "aktywny", "potwierdzony", "подписан", "активен",
        "abonnée", "abonné e", "inscrite", "inscrit e", "suscrita", "iscritta", "inscrita", "подписана", "erteilt",
    )),
    (PENDING, (
        "pending", "unconfirmed", "not confirmed", "waiting", "waiting for confirmation", "awaiting confirmation",
        "unverified", "not verified", "unactivated", "requested", "invited", "opt in pending", "double opt in pending",
        "needs confirmation", "needs approval", "confirmation pending", "needs attention", "validating",
        "ausstehend", "unbestätigt", "nicht bestätigt", "wartend", "en attente", "non confirmé", "pendiente",
        "no confirmado", "sin confirmar", "in attesa", "non confermato", "in afwachting", "onbevestigd",
        "niet bevestigd", "pendente", "não confirmado", "oczekujący", "niepotwierdzony", "ожидает", "не подтвержден",
    )),
    (UNSUBSCRIBED, (
        "unsubscribed", "unsubscribe", "unsubscriber", "opted out", "opt out", "optout", "not subscribed",
        "non subscribed", "nonsubscribed", "never subscribed", "not opted in", "inactive", "not active", "deleted",
        "removed", "archived", "cancelled", "canceled", "left", "expired", "churned", "revoked", "withdrawn", "denied",
        "declined", "rejected", "refused", "not allowed", "redacted", "forgotten", "erased", "deactivated", "closed",
        "transactional", "non marketing contact", "paused", "dormant",
        "abgemeldet", "ausgetragen", "abbestellt", "gekündigt", "nicht angemeldet", "inaktiv", "gelöscht", "widerrufen",
        "désabonné", "désinscrit", "non abonné", "non inscrit", "inactif", "supprimé", "dado de baja", "baja",
        "no suscrito", "desuscrito", "inactivo", "eliminado", "disiscritto", "non iscritto", "cancellato", "inattivo",
        "annullato", "uitgeschreven", "afgemeld", "niet ingeschreven", "inactief", "verwijderd", "opgezegd",
        "descadastrado", "não inscrito", "cancelado", "inativo", "excluído", "wypisany", "nieaktywny", "usunięty",
        "отписан", "отписался", "неактивен", "удален", "désabonnée", "désabonné e", "désinscrite", "désinscrit e",
        "disiscritta", "отписана", "отписалась",
    )),
    (BOUNCED, (
        "bounced", "bounce", "hard bounce", "hard bounced", "hardbounce", "hard", "cleaned", "undeliverable",
        "undelivered", "invalid", "invalid email", "invalid address", "bad address", "malformed", "dead", "nonexistent",
        "does not exist", "unzustellbar", "ungültig", "zurückgewiesen", "rejeté", "invalide", "non valide", "rebotado",
        "inválido", "no válido", "rimbalzato", "non valido", "gebounced", "ongeldig", "devolvido", "odbity",
        "nieprawidłowy", "недоставлен",
    )),
    (SOFT_BOUNCED, ("soft bounce", "soft bounced", "soft bounces", "softbounce", "soft", "bouncing")),
    (COMPLAINED, (
        "complained", "complaint", "complaints", "spam", "spam complaint", "spam report", "spam reported",
        "marked as spam", "reported", "reported as spam", "reported spam", "abuse", "abuse complaint", "junk",
        "beschwerde", "plainte", "signalé comme spam", "queja", "denunciado", "segnalato", "reclamo", "klacht",
        "denúncia", "skarga", "жалоба",
    )),
    (BLOCKLISTED, (
        "blocklisted", "blocklist", "blacklisted", "blacklist", "blocked", "block", "suppressed", "banned", "barred",
        "excluded", "do not email", "do not mail", "do not contact", "never email", "quarantined", "spammy", "spamtrap",
        "spam trap", "disposable", "gesperrt", "blockiert", "bloqué", "bloqueado", "bloccato", "geblokkeerd",
        "zablokowany", "заблокирован",
    )),
    (DISABLED, ("disabled", "suspended", "deaktiviert", "désactivé", "deshabilitado", "disabilitato",
                "uitgeschakeld", "desativado", "wyłączony")),
)
# fmt: on
