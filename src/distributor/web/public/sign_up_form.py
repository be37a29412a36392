"""The sign-up form: what it shows, what was typed into it, and what is wrong with that."""

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

# A field that people do not see. What fills it in is a program that fills in everything.
HONEYPOT = "website"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """A filled-in form. `topics` are those ticked for each list by its slug; `errors` sentences by field."""

    email: str = ""
    name: str = ""
    language: str = ""
    lists: tuple[str, ...] = ()
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_trapped: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)


def read_sign_up_form(form: Form, offered: Sequence[MailingList], *, language: str) -> SignUpForm:
    """What was typed into a form that offers these lists, with every fault found. `language` is that of the page."""
    asked = form.all("list")
    typed = SignUpForm(
        email=form.one("email"),
        name=form.one("name"),
        language=form.one("language") or language,
        lists=tuple(one.slug for one in offered if one.slug in asked),
        topics={one.slug: _topics_of(form, one) for one in offered},
        is_trapped=bool(form.one(HONEYPOT)),
    )
    faults = {
        "email": _fault(parse_address, typed.email) if typed.email else "Please enter your email address.",
        "name": _fault(clean_name, typed.name),
        "language": "" if typed.language in {*LANGUAGES, language} else "Please choose one of the languages.",
        "list": _fault_of_lists(asked, offered),
    }
    return replace(typed, errors={name: sentence for name, sentence in faults.items() if sentence})


def person_from(typed: SignUpForm) -> Person:
    """The person in a form without faults."""
    return person_of(typed.email, name=typed.name, language=clean_language(typed.language))


def sign_up_from(typed: SignUpForm, *, network: str, page: str) -> SignUp:
    """What a form without faults asks for: no topic ticked means every article."""
    choices = {slug: typed.topics.get(slug) or None for slug in typed.lists}
    return SignUp(person=person_from(typed), choices=choices, network=network, page=page)


def _topics_of(form: Form, offered: MailingList) -> tuple[str, ...]:
    ticked = form.all(f"topic:{offered.slug}")
    return tuple(topic for topic in offered.topics if topic in ticked)


def _fault_of_lists(asked: Sequence[str], offered: Sequence[MailingList]) -> str:
    if not asked:
        return "Please choose at least one list."
    if set(asked) - {one.slug for one in offered}:
        return "One of the lists is not open to subscribers any more. Please choose again."
    return ""


def _fault(read: Callable[[str], object], text: str) -> str:
    try:
        read(text)
    except AddressError as error:
        return f"This is not an email address: {error.reason}."
    except InputError as error:
        message = str(error)
        return f"{message[:1].upper()}{message[1:]}."
    return ""
