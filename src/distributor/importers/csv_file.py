"""CSV from any source. Its columns are in force for every importer, except for headers that the importer names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.consent import ANY
from distributor.importers.statuses import UNSUBSCRIBED

NAME = "csv"


def _columns(target: str, headers: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(headers, target)


# As people and services write them in English, German, French, Spanish, Italian, Dutch, Portuguese and Polish; case,
# accents, spaces and signs between the words do not matter.
# fmt: off
COLUMNS: Mapping[str, str] = {
    **_columns("email", (
        "email", "email address", "mail", "mail address", "contact email", "subscriber email", "user email",
        "E-Mail-Adresse", "Mailadresse", "Adresse e-mail", "Adresse mail", "Adresse de courriel", "Courriel",
        "Correo electrónico", "Correo", "Dirección de correo electrónico", "Dirección de correo",
        "Dirección de e-mail", "Indirizzo email", "Indirizzo di posta elettronica", "Posta elettronica",
        "E-mailadres", "Endereço de e-mail", "Endereço de correio eletrónico", "Adres e-mail", "E-postadress",
        "E-mailadresse", "Электронная почта", "メールアドレス",
    )),
    **_columns("name", (
        "name", "full name", "display name", "contact name", "subscriber name", "vollständiger Name",
        "Vor- und Nachname", "Nom complet", "Nom et prénom", "Nombre completo", "Nombre y apellidos", "Nome completo",
        "Nome e cognome", "Volledige naam", "Naam", "Imię i nazwisko", "Fullt navn",
    )),
    **_columns("first_name", (
        "first name", "given name", "given names", "fname", "forename", "Vorname", "Prénom", "Nombre", "Nome",
        "Primeiro nome", "Voornaam", "Imię", "Förnamn", "Fornavn", "Имя",
    )),
    **_columns("last_name", (
        "last name", "family name", "surname", "lname", "Nachname", "Familienname", "Zuname", "Nom",
        "Nom de famille", "Apellido", "Apellidos", "Cognome", "Achternaam", "Sobrenome", "Apelido", "Nazwisko",
        "Efternamn", "Etternavn", "Фамилия",
    )),
    **_columns("language", ("language", "lang", "locale", "Sprache", "Langue", "Idioma", "Lingua", "Taal", "Język")),
    **_columns("zone", ("zone", "timezone", "Zeitzone", "Fuseau horaire", "Zona horaria", "Fuso orario", "Tijdzone",
                        "Fuso horário", "Strefa czasowa")),
    **_columns("tags", ("tags", "labels", "Schlagwörter", "Étiquettes", "Etiquetas", "Etichette", "Tagi")),
    "attributes": "attributes",
    "address": "address",
    # Bounces that were not reason enough for the service to stop; those that were have columns of their own.
    **_columns("ignore", ("bounces", "bounce count", "soft bounces", "bounced soft", "soft bounce count",
                          "bounce score")),
    **_columns("ip_address", ("consent ip address", "consent ip")),
    **_columns("status", (
        "status", "state", "subscription status", "subscription state", "subscriber status", "email status",
        "email subscriber status", "contact status", "member status", "opt in status", "consent status",
        "marketing status", "newsletter status",
        "marketing contact status", "email marketing status", "consent action", "Abostatus", "Anmeldestatus", "Zustand",
        "Statut", "Estado", "Stato", "Situação", "Статус",
    )),
    **_columns("subscribed", (
        "subscribed", "is subscribed", "subscribed to emails", "subscribed to newsletter", "opt in", "opted in",
        "opt in email", "email opt in", "marketing opt in", "newsletter opt in", "has opted in", "is opted in",
        "accepts marketing", "accepts email marketing", "accepts emails", "accept marketing", "email marketing consent",
        "marketing consent", "marketing permission", "email consent", "email permission", "consent", "has consent",
        "consented", "consent given", "gdpr consent", "gdpr", "newsletter", "newsletter subscription",
        "wants newsletter", "receive newsletter", "receives newsletter", "receive emails", "allow email",
        "allow emails", "email allowed", "can email", "mailing list", "active", "is active", "enabled", "is enabled",
        "permission", "agreed", "agrees to marketing", "Einwilligung", "Newsletter-Einwilligung", "Newsletter erlaubt",
        "Newsletter abonniert", "Newsletter gewünscht", "Erlaubnis", "Erlaubnis zum Marketing", "Werbeerlaubnis",
        "Zustimmung", "angemeldet", "abonniert", "aktiv", "DSGVO", "DSGVO-Einwilligung", "Consentement",
        "Consentement RGPD", "RGPD", "Abonné", "Inscrit", "Inscrit à la newsletter", "Accepte le marketing", "Actif",
        "Consentimiento", "Suscrito", "Acepta marketing", "Activo", "Consenso", "Consenso marketing", "Iscritto",
        "Attivo", "Toestemming", "Ingeschreven", "Aangemeld", "Actief", "Consentimento", "Inscrito", "Assinante",
        "Ativo", "Zgoda", "Zgoda marketingowa", "Zapisany", "Aktywny", "Согласие",
    )),
    **_columns("unsubscribed", (
        "unsubscribed", "unsubscribe", "is unsubscribed", "has unsubscribed", "unsubscribed at", "unsubscribed on",
        "unsubscribe date", "unsubscribed date", "date unsubscribed", "unsubscribe time", "unsub time", "unsub date",
        "unsubscribed from all email", "unsubscribed from all", "global unsubscribe", "opt out", "opted out",
        "has opted out", "is opted out", "email opt out", "has opted out of email", "opted out of email",
        "opt out date", "opt out time", "opted out at", "marketing opt out", "do not email", "do not mail",
        "do not contact", "do not send", "no email", "no emails", "no newsletter", "no marketing", "email disabled",
        "deleted", "is deleted", "deleted at", "archived", "archived at", "removed", "removed at", "cancelled at",
        "deactivated", "deactivated at",
        "left at", "abgemeldet", "abgemeldet am", "Abmeldedatum", "Abmeldung", "ausgetragen", "ausgetragen am",
        "abbestellt", "kein Newsletter", "keine Werbung", "gelöscht", "Désabonné", "Désinscrit",
        "Date de désinscription", "Date de désabonnement", "Dado de baja", "Baja", "Fecha de baja", "Disiscritto",
        "Data di disiscrizione", "Uitgeschreven", "Uitgeschreven op", "Afgemeld", "Descadastrado",
        "Data de cancelamento", "Wypisany", "Data wypisania", "Отписан",
    )),
    **_columns("confirmed", (
        "confirmed", "is confirmed", "confirmed at", "double opt in", "doi", "opt in confirmed", "email confirmed",
        "confirm time", "confirmation time", "confirmation date", "confirm date",
        "activated", "activated at",
        "verified", "is verified", "email verified", "bestätigt", "bestätigt am", "Confirmé", "Confirmado",
        "Confermato", "Bevestigd", "Potwierdzony", "Подтвержден",
        # Who has no time of the opt-in has not opted in yet.
        "subscribed at", "subscribed on", "subscription date", "subscribe date", "opt in date", "opt in time",
        "opted in at", "opt in at", "date subscribed", "consent date", "consent at", "consent time", "Anmeldedatum",
        "angemeldet am", "Einwilligung am", "Einwilligungsdatum", "Date d'inscription", "Fecha de alta",
        "Fecha de suscripción", "Data di iscrizione", "Inschrijfdatum",
    )),
    **_columns("bounced", (
        "bounced", "is bounced", "has bounced", "bounced at", "bounce date", "hard bounce", "hard bounced",
        "hard bounces", "bounced hard", "hard bounced at", "is hard bounced", "email hard bounced", "cleaned",
        "clean time",
        "undeliverable", "invalid", "is invalid", "invalid email", "unzustellbar", "ungültig", "Rebotado", "Rimbalzato",
    )),
    **_columns("complained", (
        "complained", "is complained", "has complained", "complaint", "complaints", "complained at", "spam",
        "spam complaint", "spam complaints", "spam report", "spam reports", "marked as spam", "reported spam", "abuse",
        "Beschwerde", "Plainte", "Queja", "Reclamo", "Klacht",
    )),
    **_columns("blocklisted", (
        "blocklisted", "is blocklisted", "blocklist", "blacklisted", "is blacklisted", "blacklist", "email blacklisted",
        "blocked", "is blocked", "suppressed", "email suppressed",
        "is suppressed", "suppressed at", "suppression", "banned", "is banned",
        "gesperrt", "blockiert", "Sperrliste", "Bloqué", "Bloqueado", "Bloccato", "Geblokkeerd", "Zablokowany",
    )),
    **_columns("disabled", ("disabled", "is disabled", "disabled at", "suspended", "is suspended", "deaktiviert",
                            "Désactivé", "Deshabilitado", "Disabilitato", "Uitgeschakeld", "Desativado", "Wyłączony")),
    **_columns("evidence.signed_up_at", ("signup date", "sign up date", "signed up at", "signup at", "date added")),
    **_columns("evidence.opted_in_from", ("opt in ip", "optin ip", "signup ip", "sign up ip", "subscribe ip",
                                          "ip signup")),
    **_columns("evidence.confirmed_from", ("confirm ip", "confirmation ip")),
    **_columns("evidence.consent_text", ("consent text", "consent source", "consent method", "opt in source",
                                         "signup source", "Einwilligungstext")),
    **_columns("evidence.created_at", ("created", "created at", "created on", "date created", "creation date")),
    **_columns("status.reason_to_leave", (
        "unsub reason", "unsubscribe reason", "unsubscription reason", "opt out reason", "unsubscribed reason",
        "Abmeldegrund",
    )),
}
# fmt: on
# Who has a reason has left, also if the file holds nothing else about it.
COLUMN_STATUSES: Mapping[str, Mapping[str, ImportedStatus | None]] = {
    "status.reason_to_leave": {"": SUBSCRIBED, ANY: UNSUBSCRIBED}
}

# Headers, in the form of `header_key`, that may be a part of the postal address.
AMBIGUOUS = frozenset({"state", "estado", "stato"})


def matches(headers: frozenset[str]) -> bool:
    """Never: it is the importer for files that no other importer recognises."""
    return False
