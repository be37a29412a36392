"""Test groups: made, changed and removed by those who send tests."""

from __future__ import annotations

from collections.abc import Sequence
from gettext import gettext as _

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError
from distributor.domain.stored_text import checked_key
from distributor.domain.test_group import LONGEST_GROUP_NAME, TestGroup
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.send_test import MAX_ADDRESSES
from distributor.storage import test_groups


def add_group(app: AppContext, name: str, addresses: Sequence[str], *, actor: str) -> TestGroup:
    """Make a group. Raises AddressError, and InputError for a name that is empty or taken, or too many addresses."""
    checked, found = _checked_name(name), _checked_addresses(addresses)
    with app.database.begin() as connection:
        return test_groups.add(connection, checked, found, actor=actor, now=app.clock())


def change_group(
    app: AppContext, group_id: int, name: str, addresses: Sequence[str], *, version: int, actor: str
) -> TestGroup:
    """Replace a group; `version` is the one that was seen.

    Raises what `add_group` raises, NotFoundError, and StateError for another version.
    """
    checked, found = _checked_name(name), _checked_addresses(addresses)
    with app.database.begin() as connection:
        return test_groups.change(connection, group_id, checked, found, version=version, actor=actor, now=app.clock())


def remove_group(app: AppContext, group_id: int) -> None:
    """Delete a group; tests that were sent to it stay."""
    with app.database.begin() as connection:
        test_groups.remove(connection, group_id)


def addresses_of(app: AppContext, group_id: int) -> tuple[str, ...]:
    """Where tests to a group go. Raises NotFoundError."""
    with app.database.begin() as connection:
        return test_groups.find(connection, group_id).addresses


def split_addresses(text: str) -> tuple[str, ...]:
    """The addresses in a text, separated by commas, semicolons, spaces or line ends; nothing is checked."""
    return tuple(text.replace(",", " ").replace(";", " ").split())


def _checked_name(name: str) -> str:
    kept = " ".join(name.split())
    if not kept:
        raise InputError(_("give the test group a name"))
    return checked_key(kept, _("the name of the test group"), limit=LONGEST_GROUP_NAME)


def _checked_addresses(given: Sequence[str]) -> list[str]:
    first = {one.key: one.address for one in reversed([parse_address(text) for text in given])}
    found = list(reversed(first.values()))
    if not found:
        raise InputError(_("name at least one address that tests go to"))
    if len(found) > MAX_ADDRESSES:
        raise InputError(
            _("a test goes to %(most)s addresses at most, not to %(count)s")
            % {"most": MAX_ADDRESSES, "count": len(found)}
        )
    return found
