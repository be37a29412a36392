"""The fields of the sign-up form: what was submitted, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from distributor.domain.address import parse_address
from distributor.domain.errors import AddressError, InputError
from distributor.domain.person import clean_language, clean_name, person_of
from distributor.domain.subscriber import MailingList, Person
from distributor.flow.subscriptions.sign_up import SignUp
from distributor.web.forms import Form
from distributor.web.public.languages import LANGUAGES

# A field that people do not see; only programs fill it in.
HONEYPOT = "website"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """The values and errors of the form: `topics` are those ticked by list slug, `errors` texts by field name."""

    email: str = ""
    name: str = ""
    language: str = ""
    lists: tuple[str, ...] = ()
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_honeypot_filled: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)


def read_sign_up_form(form: Form, offered: Sequence[MailingList], *, language: str) -> SignUpForm:
    """The submitted form, which offered these lists, with all errors. `language` is that of the page."""
    asked = form.all("list")
    submitted = SignUpForm(
        email=form.one("email"),
        name=form.one("name"),
        language=form.one("language") or language,
        lists=tuple(one.slug for one in offered if one.slug in asked),
        topics={one.slug: _topics(form, one) for one in offered},
        is_honeypot_filled=bool(form.one(HONEYPOT)),
    )
    errors_by_field = {
        "email": _error(parse_address, submitted.email) if submitted.email else "Please enter your email address.",
        "name": _error(clean_name, submitted.name),
        "language": "" if submitted.language in {*LANGUAGES, language} else "Please choose one of the languages.",
        "list": _list_error(asked, offered),
    }
    return replace(submitted, errors={name: sentence for name, sentence in errors_by_field.items() if sentence})


def person_from(submitted: SignUpForm) -> Person:
    """The person of a form without errors."""
    return person_of(submitted.email, name=submitted.name, language=clean_language(submitted.language))


def sign_up_from(submitted: SignUpForm, *, ip_address: str, page: str) -> SignUp:
    """The sign-up of a form without errors: no topic ticked means every article."""
    choices = {slug: submitted.topics.get(slug) or None for slug in submitted.lists}
    return SignUp(person=person_from(submitted), choices=choices, ip_address=ip_address, page=page)


def _topics(form: Form, offered: MailingList) -> tuple[str, ...]:
    ticked = form.all(f"topic:{offered.slug}")
    return tuple(topic for topic in offered.topics if topic in ticked)


def _list_error(asked: Sequence[str], offered: Sequence[MailingList]) -> str:
    if not asked:
        return "Please choose at least one list."
    if set(asked) - {one.slug for one in offered}:
        return "One of the lists is not open to subscribers any more. Please choose again."
    return ""


def _error(read: Callable[[str], object], text: str) -> str:
    try:
        read(text)
    except AddressError as error:
        return f"This is not an email address: {error.reason}."
    except InputError as error:
        message = str(error)
        return f"{message[:1].upper()}{message[1:]}."
    return ""
