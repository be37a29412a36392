"""What a mail is to a sender, told from what only looks like it: short mails, as people and programs write them."""

from __future__ import annotations

import pytest

from distributor.mail.bounces import ReportKind, read_inbound_report

ANN = "Ann <ann@example.net>"
POSTMASTER = "Postmaster <postmaster@example.net>"
DAEMON = "Mail Delivery Subsystem <mailer-daemon@example.net>"


def kind_of(author: str, subject: str, body: str = "", *fields: str) -> ReportKind:
    head = (f"From: {author}", "To: news@example.org", f"Subject: {subject}", *fields)
    return read_inbound_report("\n".join((*head, "", body)).encode()).kind


@pytest.mark.parametrize(
    ("author", "subject", "body"),
    [
        (
            POSTMASTER,
            "Maintenance on Saturday",
            "From 2 to 4 am mail could not be delivered. Questions: it@example.net",
        ),
        ("System Administrator <it@example.net>", "Mail delivery problems", "Some messages could not be delivered."),
        (
            POSTMASTER,
            "Re: undeliverable mail",
            "Your mail to ann@example.net could not be delivered by mistake. Fixed.",
        ),
        (DAEMON, "Delivery Status Notification (Success)", "Successfully delivered to:\n\n   ann@example.net\n"),
        (
            DAEMON,
            "Return receipt",
            "   ----- The following addresses had successful delivery notifications -----\n"
            "<ann@example.net>  (relayed to non-DSN-aware mailer)\n\n"
            "   ----- Transcript of session follows -----\n<ann@example.net>... relayed; expect no further news\n",
        ),
        (
            POSTMASTER,
            "[Spam digest] 3 held",
            "These messages were blocked and could not be delivered:\nfrom bob@example.com",
        ),
        (DAEMON, "Your mailbox is almost full", "ann@example.net has reached 95 % of its quota. Mail will not arrive."),
        ("Parcels <noreply@example.com>", "Delivery failed", "Your parcel could not be delivered to ann@example.net."),
        (
            ANN,
            "Re: Undelivered Mail Returned to Sender",
            "What is this?\n\n> <bob@example.net>: 550 5.1.1 User unknown\n",
        ),
        (
            "Gate <no-reply@example.com>",
            "Re: News (verification)",
            "I only allow senders I approved. Click to be delivered.",
        ),
    ],
)
def test_what_speaks_of_deliveries_is_no_failed_one(author: str, subject: str, body: str) -> None:
    assert kind_of(author, subject, body) is ReportKind.OTHER


@pytest.mark.parametrize(
    ("author", "subject", "body"),
    [
        (POSTMASTER, "Delivery failure", "Your message has encountered problems.\n\nann@example.net\nUser not known\n"),
        (DAEMON, "Message undeliverable", "Your message could not be delivered, as it is too large.\n"),
        ("Antivirus_Gateway@example.net", "Delivery failure", "Could not be delivered to:\nann@example.net\n"),
        ("ndr@example.net", "Mail delivery failed", "A message could not be delivered.\n<ann@example.net>: 550 no\n"),
    ],
)
def test_what_a_mail_system_says_of_one_is(author: str, subject: str, body: str) -> None:
    assert kind_of(author, subject, body) is ReportKind.BOUNCE


@pytest.mark.parametrize(
    "subject",
    [
        "unsubscribe",
        "Please remove me",
        "Abmeldung",
        "Abbestellen",
        "Désinscription",
        "Darme de baja",
        "Cancelar assinatura",
        "Cancellazione",
        "Uitschrijven",
        "Wypisz mnie",
        "Odhlásit",
        "Avmeld",
        "Отписаться",
        "配信停止希望",
        "退订",
    ],
)
def test_somebody_leaves_by_one_word_in_their_language(subject: str) -> None:
    assert kind_of(ANN, subject) is ReportKind.UNSUBSCRIBE
    assert kind_of(ANN, subject, "-- \nAnn\n") is ReportKind.UNSUBSCRIBE
    assert kind_of(ANN, f"{subject}? No, but thank you for asking, here is my story") is ReportKind.OTHER


def test_an_answer_that_says_nothing_but_the_wish_is_one() -> None:
    assert kind_of(ANN, "Re: News", "Please remove me from your mailing list") is ReportKind.UNSUBSCRIBE
    assert (
        kind_of(ANN, "Re: News", "Please remove me from your mailing list of dinners, add my wife") is ReportKind.OTHER
    )


@pytest.mark.parametrize(
    "subject",
    [
        "Out of Office: News",
        "Out of office until Monday: Re: News",
        "Automatische Antwort: News",
        "Réponse automatique : News",
        "Risposta automatica: News",
        "Automatisk svar: News",
        "[Automatyczna odpowiedź] News",
        "Otomatik Yanıt: News",
        "自動返信: News",
    ],
)
def test_a_program_answers_for_somebody_who_is_away(subject: str) -> None:
    assert kind_of(ANN, subject, "I am away.") is ReportKind.AUTOREPLY
    assert kind_of(ANN, subject, "I am away.", "List-Id: <friends.example.net>") is ReportKind.OTHER
