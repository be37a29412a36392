"""Signing up without having shown who one is: who is asked first, who is on at once, and who hears nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from distributor.domain.consent import ConsentAction, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.people import person_of
from distributor.domain.subscriber import ListVisibility, Membership, OptIn, SubscriberStatus
from distributor.domain.suppression import LIFTED_BY_CONFIRMING, SuppressionReason
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.flow.subscriptions import preferences
from distributor.flow.subscriptions.confirm import ConfirmationState, confirm, find_confirmation
from distributor.flow.subscriptions.sign_up import SignUp, sign_up
from distributor.storage import consents, memberships, subscribers
from tests.flow.subscriptions.sign_up_harness import BY_TELEPHONE, NETWORK, Lobby, make_lobby

ADA = "Ada@example.org"
PENDING, SUBSCRIBED, UNSUBSCRIBED = Membership.PENDING, Membership.SUBSCRIBED, Membership.UNSUBSCRIBED


@pytest.fixture
def lobby(app: AppContext) -> Lobby:
    made = make_lobby(app)
    made.list("weekly")
    return made


def accept(lobby: Lobby, address: str = ADA) -> ConfirmationState | None:
    question = confirm(lobby.app, lobby.token(Purpose.CONFIRM, address), NETWORK)
    return question.stage if question else None


def leave(lobby: Lobby, address: str, slug: str = "weekly") -> None:
    place = lobby.subscriptions(address)[slug]
    person = lobby.person(address)
    assert person is not None
    with lobby.app.database.begin() as connection:
        subscribers.lock(connection, person.id)
        memberships.leave(connection, person.id, place.list.id, BY_TELEPHONE, now=lobby.now())


def test_who_signs_up_is_asked_and_is_on_the_list_once_they_confirm(lobby: Lobby):
    lobby.sign_up(ADA, name="Ada")
    assert lobby.places(ADA) == {"weekly": PENDING}
    assert len(lobby.asked(ADA)) == 1
    assert accept(lobby) is ConfirmationState.DONE
    assert lobby.places(ADA) == {"weekly": SUBSCRIBED}


def test_the_record_of_consent_holds_what_was_shown_and_from_where_it_came(lobby: Lobby):
    lobby.sign_up(ADA)
    accept(lobby)
    requested, confirmed = lobby.consents(ADA)
    site, chosen = lobby.app.site, lobby.subscriptions(ADA)["weekly"].list
    assert (requested.action, requested.method) == (ConsentAction.REQUESTED, ConsentMethod.FORM)
    assert (requested.text, requested.network) == (consent_texts.signing_up(site, chosen), NETWORK)
    assert (confirmed.action, confirmed.method) == (ConsentAction.CONFIRMED, ConsentMethod.FORM)
    assert (confirmed.text, confirmed.network) == (consent_texts.confirming(site, [chosen]), NETWORK)


def test_a_list_that_wants_no_more_has_a_stranger_at_once(lobby: Lobby):
    lobby.list("easy", opt_in=OptIn.SINGLE)
    lobby.sign_up(ADA, "easy")
    assert lobby.places(ADA) == {"easy": SUBSCRIBED}
    assert lobby.actions(ADA) == [ConsentAction.GRANTED]
    assert lobby.asked() == []


def test_of_two_lists_only_the_one_that_asks_is_waited_for(lobby: Lobby):
    lobby.list("easy", opt_in=OptIn.SINGLE)
    lobby.sign_up(ADA, "easy", "weekly")
    assert lobby.places(ADA) == {"easy": SUBSCRIBED, "weekly": PENDING}
    assert len(lobby.asked()) == 1


def test_who_had_left_is_asked_even_by_a_list_that_asks_nobody(lobby: Lobby):
    lobby.list("easy", opt_in=OptIn.SINGLE)
    lobby.subscribed(ADA)
    leave(lobby, ADA)
    lobby.sign_up(ADA, "easy")
    assert lobby.places(ADA) == {"easy": PENDING, "weekly": UNSUBSCRIBED}
    assert len(lobby.asked(ADA)) == 1


@pytest.mark.parametrize("reason", sorted(LIFTED_BY_CONFIRMING))
def test_what_the_owner_of_the_mailbox_can_lift_is_lifted_by_confirming_and_not_before(
    lobby: Lobby, reason: SuppressionReason
):
    lobby.list("easy", opt_in=OptIn.SINGLE)
    lobby.suppress(ADA, reason)
    lobby.sign_up(ADA, "easy")
    assert lobby.places(ADA) == {"easy": PENDING}
    assert [entry.reason for entry in lobby.suppressions(ADA)] == [reason]
    assert accept(lobby) is ConfirmationState.DONE
    assert lobby.suppressions(ADA) == []


@pytest.mark.parametrize("reason", sorted(set(SuppressionReason) - LIFTED_BY_CONFIRMING))
def test_to_who_may_not_be_written_to_nothing_is_sent_and_nothing_of_them_is_kept(
    lobby: Lobby, reason: SuppressionReason
):
    lobby.suppress(ADA, reason)
    before = lobby.dump()
    lobby.sign_up(ADA)
    assert lobby.dump() == before


def test_a_domain_that_may_not_be_written_to_hears_nothing(lobby: Lobby):
    lobby.suppress("@example.org", SuppressionReason.HARD_BOUNCE)
    before = lobby.dump()
    lobby.sign_up(ADA)
    assert lobby.dump() == before


def test_who_was_disabled_hears_nothing(lobby: Lobby):
    lobby.subscribed(ADA)
    leave(lobby, ADA)
    person = lobby.person(ADA)
    assert person is not None
    with lobby.app.database.begin() as connection:
        subscribers.change(connection, person.id, {"status": SubscriberStatus.DISABLED}, now=lobby.now())
    before = lobby.dump()
    lobby.sign_up(ADA)
    assert lobby.dump() == before


def test_who_is_subscribed_already_is_left_alone(lobby: Lobby):
    lobby.subscribed(ADA, name="Ada")
    before = lobby.dump()
    lobby.sign_up(ADA, name="Somebody else")
    assert lobby.dump() == before


def test_who_only_knows_an_address_changes_nothing_about_its_owner(lobby: Lobby):
    lobby.list("daily")
    lobby.subscribed(ADA, name="Ada", language="fr")
    lobby.sign_up("ADA@EXAMPLE.ORG", "daily", name="Mallory")
    person = lobby.person(ADA)
    assert person is not None
    assert (person.name, person.language, person.email) == ("Ada", "fr", ADA)


def test_one_mail_a_day_asks_however_many_lists_are_asked_for_and_confirms_them_all(lobby: Lobby):
    for slug in ("daily", "monthly"):
        lobby.list(slug)
    lobby.sign_up(ADA, "weekly", "daily")
    lobby.sign_up(ADA, "monthly")
    lobby.sign_up(ADA, "weekly")
    assert len(lobby.asked()) == 1
    assert accept(lobby) is ConfirmationState.DONE
    assert lobby.places(ADA) == dict.fromkeys(("daily", "monthly", "weekly"), SUBSCRIBED)


def test_the_next_day_it_may_be_asked_again(lobby: Lobby):
    lobby.list("daily")
    lobby.sign_up(ADA)
    lobby.later(timedelta(hours=23)).sign_up(ADA, "daily")
    assert len(lobby.asked()) == 1
    lobby.later(timedelta(hours=25)).sign_up(ADA)
    assert len(lobby.asked()) == 2


@pytest.mark.parametrize("slug", ["secret", "none"])
def test_a_list_that_is_private_is_refused_as_one_that_there_is_not(lobby: Lobby, slug: str):
    lobby.list("secret", visibility=ListVisibility.PRIVATE)
    before = lobby.dump()
    with pytest.raises(NotFoundError, match=f"there is no list '{slug}'"):
        lobby.sign_up(ADA, "weekly", slug)
    assert lobby.dump() == before


def test_a_topic_that_the_list_does_not_offer_is_refused(lobby: Lobby):
    lobby.list("tagged", topics=("boats",))
    before = lobby.dump()
    with pytest.raises(InputError, match="has no topic 'trains'"):
        lobby.sign_up(ADA, "tagged", topics={"tagged": ("boats", "trains")})
    assert lobby.dump() == before


def test_to_ask_for_nothing_is_refused(lobby: Lobby):
    with pytest.raises(InputError, match="choose at least one list"):
        sign_up(lobby.app, SignUp(person=person_of(ADA), choices={}, network=""))


def test_the_topics_chosen_are_those_that_are_got(lobby: Lobby):
    lobby.list("tagged", topics=("boats", "trains"))
    lobby.sign_up(ADA, "tagged", topics={"tagged": ("boats",)})
    accept(lobby)
    assert lobby.subscriptions(ADA)["tagged"].topics == ("boats",)


def test_to_confirm_twice_is_to_confirm_once(lobby: Lobby):
    lobby.sign_up(ADA)
    accept(lobby)
    before = lobby.dump()
    assert accept(lobby) is ConfirmationState.DONE
    assert lobby.dump() == before


def test_to_look_at_the_question_answers_nothing(lobby: Lobby):
    lobby.sign_up(ADA)
    before = lobby.dump()
    question = find_confirmation(lobby.app, lobby.token(Purpose.CONFIRM, ADA))
    assert question is not None
    assert (question.stage, [one.slug for one in question.lists]) == (ConfirmationState.WAITED, ["weekly"])
    assert lobby.dump() == before


def test_a_request_of_four_weeks_ago_is_confirmed(lobby: Lobby):
    lobby.sign_up(ADA)
    assert accept(lobby.later(timedelta(days=28))) is ConfirmationState.DONE
    assert lobby.places(ADA) == {"weekly": SUBSCRIBED}


def test_a_request_of_a_month_ago_is_not_confirmed(lobby: Lobby):
    lobby.sign_up(ADA)
    before = lobby.dump()
    assert accept(lobby.later(timedelta(days=31))) is ConfirmationState.LATE
    assert lobby.dump() == before


def test_an_old_mail_does_not_confirm_what_was_asked_for_long_after(lobby: Lobby):
    lobby.sign_up(ADA)
    old = lobby.token(Purpose.CONFIRM, ADA)
    later = lobby.later(timedelta(days=40))
    later.sign_up(ADA)
    question = confirm(later.app, old, NETWORK)
    assert question is not None
    assert question.stage is ConfirmationState.LATE
    assert accept(later) is ConfirmationState.DONE


def test_the_mail_that_asked_does_not_bring_back_who_has_left_since(lobby: Lobby):
    lobby.sign_up(ADA)
    accept(lobby)
    leave(lobby, ADA)
    assert accept(lobby) is ConfirmationState.LATE
    assert lobby.places(ADA) == {"weekly": UNSUBSCRIBED}


def test_who_was_erased_meanwhile_confirms_nothing(lobby: Lobby):
    lobby.sign_up(ADA)
    token = lobby.token(Purpose.CONFIRM, ADA)
    person = lobby.person(ADA)
    assert person is not None
    privacy.erase(lobby.app, person.id, requested_by="person")
    assert confirm(lobby.app, token, NETWORK) is None
    assert lobby.person(ADA) is None


def test_who_was_erased_comes_back_by_their_own_hand_only(lobby: Lobby):
    lobby.subscribed(ADA, name="Ada")
    person = lobby.person(ADA)
    assert person is not None
    privacy.erase(lobby.app, person.id, requested_by="person")
    lobby.sign_up(ADA)
    assert lobby.places(ADA) == {"weekly": PENDING}
    assert accept(lobby) is ConfirmationState.DONE
    assert lobby.suppressions(ADA) == []


def test_who_has_left_everything_comes_back_by_confirming(lobby: Lobby):
    lobby.sign_up(ADA)
    accept(lobby)
    preferences.unsubscribe_from_all(lobby.app, lobby.token(Purpose.PREFERENCES, ADA), NETWORK)
    later = lobby.later(timedelta(days=2))
    later.sign_up(ADA)
    assert accept(later) is ConfirmationState.DONE
    assert lobby.suppressions(ADA) == []


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.CONFIRM])
def test_no_other_link_confirms(lobby: Lobby, purpose: Purpose):
    lobby.sign_up(ADA)
    before = lobby.dump()
    assert confirm(lobby.app, lobby.token(purpose, ADA), NETWORK) is None
    assert lobby.dump() == before


def test_nothing_of_a_sign_up_is_kept_if_the_question_cannot_be_queued(app: AppContext):
    lobby = Lobby(app)
    lobby.list("weekly")
    before = lobby.dump()
    with pytest.raises(Exception, match="no channel that sends mail"):
        lobby.sign_up(ADA)
    assert lobby.dump() == before


def test_every_subscribed_place_has_a_consent(lobby: Lobby):
    lobby.list("easy", opt_in=OptIn.SINGLE)
    lobby.sign_up(ADA, "easy", "weekly")
    accept(lobby)
    person = lobby.person(ADA)
    assert person is not None
    with lobby.app.database.begin() as connection:
        valid = {record.list_slug for record in consents.of_subscriber(connection, person.id) if record.text}
    assert valid == {"easy", "weekly"}
