"""The fields of the sign-up form: what was submitted, and its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from distributor.domain.address import parse_address
from distributor.domain.errors import AddressError, InputError
from distributor.domain.person import LONGEST_NAME, clean_language, clean_name, person_of
from distributor.domain.subscriber import MailingList, Person
from distributor.flow.subscriptions.sign_up import SignUp
from distributor.rendering.words import ENGLISH, Words
from distributor.web.forms import Form
from distributor.web.languages import LANGUAGES

# A field that people do not see; only programs fill it in.
HONEYPOT = "website"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """The values and errors of the form: `topics` are those ticked by list slug, `errors` texts by field name.

    `shown_in` is the language that it was shown in: forms on other sites that do not say so have the English text.
    """

    email: str = ""
    name: str = ""
    language: str = ""
    lists: tuple[str, ...] = ()
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown_in: str = ENGLISH
    is_honeypot_filled: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)


def read_sign_up_form(
    form: Form, offered: Sequence[MailingList], words: Words, *, language: str, renamed: Mapping[str, str]
) -> SignUpForm:
    """The submitted form, which offered these lists, with all errors in `words`. `language` is that of the site.

    `renamed` has the topics of now by those that the form has from before.
    """
    asked = form.all("list")
    submitted = SignUpForm(
        email=form.one("email"),
        name=form.one("name"),
        language=form.one("language") or language,
        shown_in=form.one("shown_in") or ENGLISH,
        lists=tuple(one.slug for one in offered if one.slug in asked),
        topics={one.slug: _topics(form, one, renamed) for one in offered},
        is_honeypot_filled=bool(form.one(HONEYPOT)),
    )
    errors_by_field = {
        "email": _email_error(submitted.email, words),
        "name": name_error(submitted.name, words),
        "language": "" if submitted.language in {*LANGUAGES, language} else words.text("errors.language"),
        "list": _list_error(asked, offered, words),
    }
    return replace(submitted, errors={name: sentence for name, sentence in errors_by_field.items() if sentence})


def person_from(submitted: SignUpForm) -> Person:
    """The person of a form without errors."""
    return person_of(submitted.email, name=submitted.name, language=clean_language(submitted.language))


def sign_up_from(submitted: SignUpForm, *, ip_address: str, page: str) -> SignUp:
    """The sign-up of a form without errors: no topic ticked means every article."""
    choices = {slug: submitted.topics.get(slug) or None for slug in submitted.lists}
    return SignUp(
        person=person_from(submitted),
        choices=choices,
        ip_address=ip_address,
        page=page,
        shown_in=submitted.shown_in,
    )


def topics_in(form: Form, offered: MailingList) -> tuple[str, ...]:
    """The topics of a list that are ticked, as the form names them."""
    return form.all(f"topic:{offered.slug}")


def _topics(form: Form, offered: MailingList, renamed: Mapping[str, str]) -> tuple[str, ...]:
    ticked = {renamed.get(topic, topic) for topic in topics_in(form, offered)}
    return tuple(topic for topic in offered.topics if topic in ticked)


def name_error(name: str, words: Words) -> str:
    """What is wrong with a name; empty if it can be stored."""
    try:
        clean_name(name)
    except InputError:
        return (
            words.text("errors.name_long", most=LONGEST_NAME)
            if len(name) > LONGEST_NAME
            else words.text("errors.name_invalid")
        )
    return ""


def _email_error(email: str, words: Words) -> str:
    if not email:
        return words.text("errors.email_missing")
    try:
        parse_address(email)
    except AddressError:
        reason = "with_space" if any(map(str.isspace, email)) else "invalid" if "@" in email else "without_at"
        return words.text(f"errors.email_{reason}")
    return ""


def _list_error(asked: Sequence[str], offered: Sequence[MailingList], words: Words) -> str:
    if not asked:
        return words.text("errors.list_missing")
    return words.text("errors.list_closed") if set(asked) - {one.slug for one in offered} else ""
