"""Roles and passwords, as rules."""

from __future__ import annotations

import pytest

from distributor.domain.api_token import SCOPES
from distributor.domain.errors import InputError
from distributor.domain.user import ROLE_PERMISSIONS, Permission, Role, checked_password, checked_user_name, may_manage

ABOUT = ["ada@example.org", "Ada Lovelace", "The Gazette"]


def test_every_role_has_its_permissions_and_each_has_an_account() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert all(Permission.ACCOUNT in permissions for permissions in ROLE_PERMISSIONS.values())


def test_the_words_of_permissions_are_those_of_the_scopes_of_tokens() -> None:
    own = {Permission.ACCOUNT, Permission.USERS_READ, Permission.USERS_WRITE, Permission.AUDIT_LOG_READ}
    own |= {Permission.CHANNELS_WRITE, Permission.SITE_WRITE, Permission.CAMPAIGNS_COMMENT, Permission.SERVICE_WRITE}
    assert {one.value for one in Permission} - {one.value for one in own} <= set(SCOPES)


def test_addresses_of_subscribers_are_shown_only_to_those_who_work_with_them() -> None:
    seeing = {role for role, permissions in ROLE_PERMISSIONS.items() if Permission.SUBSCRIBERS_READ in permissions}
    assert seeing == {Role.OWNER, Role.ADMIN, Role.MARKETER}


@pytest.mark.parametrize("role", Role)
def test_only_owners_and_admins_manage_users_and_only_owners_manage_owners(role: Role) -> None:
    managed = {other for other in Role if may_manage(role, other)}
    expected = {Role.OWNER: set(Role), Role.ADMIN: set(Role) - {Role.OWNER}}
    assert managed == expected.get(role, set())


@pytest.mark.parametrize(
    "password",
    [
        "eleven sign",
        "x" * 12,
        "abababababab",
        "abcdefghijkl",
        "zyxwvutsrqpo",
        "Password1234",
        "ADA@example.org",
        "ada.lovelace!",
        "lovelace-1234",
        "the gazette!!",
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(InputError):
        checked_password(password, about=ABOUT)


@pytest.mark.parametrize(
    "password",
    [
        "tea with Ada at the harbour",
        "correct horse battery staples",
        "twelve signs",
        "ünïcödé wörds",
        "日本語のパスワードは長くてもよい",
    ],
)
def test_a_sentence_is_a_password(password: str) -> None:
    assert checked_password(password, about=ABOUT)


def test_texts_about_the_user_may_be_missing() -> None:
    assert checked_password("a good long sentence", about=["", "ab", "@"])


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b", "a\u202eb", "a\x1b[2J", "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        checked_user_name(name)


def test_a_name_is_one_line() -> None:
    assert checked_user_name("  Ada \n Lovelace ") == "Ada Lovelace"
