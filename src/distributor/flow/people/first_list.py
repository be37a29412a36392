"""The first list: made with a name alone, and with oneself on it if one wishes."""

from __future__ import annotations

from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError
from distributor.domain.person import person_of
from distributor.domain.subscriber import MailingList
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.storage import lists, memberships

_LONGEST_NAME = 200
_CONSENT = "Added their own address in the team's app, when the list was made."


def add_first_list(app: AppContext, list_name: str, *, own_address: str = "", name: str = "") -> MailingList:
    """A list of this name; one that exists under its slug is taken as it is. With an address its owner is on it.

    The consent on record says that it was the person's own act. Raises InputError and AddressError.
    """
    shown = " ".join(list_name.split())
    slug = slugify(shown)
    if not slug or len(shown) > _LONGEST_NAME or not shown.isprintable():
        raise InputError(f"a list needs a name with letters or digits, of at most {_LONGEST_NAME} characters")
    person = person_of(own_address, name=name) if own_address else None
    with app.database.begin() as connection:
        made = lists.add(connection, slug=slug, name=shown)
        if person is not None:
            evidence = ConsentEvidence(method=ConsentMethod.PERSON, text=_CONSENT)
            memberships.subscribe(connection, made.id, [person], evidence, now=app.clock())
    return made
