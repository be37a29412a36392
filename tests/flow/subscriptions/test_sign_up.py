"""Signing up without having shown who one is: who is asked first, who is on at once, and who hears nothing."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from distributor.domain.consent import ConsentAction, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.person import person_of
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
from tests.flow.subscriptions.sign_up_harness import BY_TELEPHONE, NETWORK, SignUpHarness, make_sign_up_harness

ADA = "Ada@example.org"
PENDING, SUBSCRIBED, UNSUBSCRIBED = Membership.PENDING, Membership.SUBSCRIBED, Membership.UNSUBSCRIBED


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    made = make_sign_up_harness(app)
    made.add_list("weekly")
    return made


def accept(sign_ups: SignUpHarness, address: str = ADA) -> ConfirmationState | None:
    question = confirm(sign_ups.app, sign_ups.token(Purpose.CONFIRM, address), NETWORK)
    return question.state if question else None


def leave(sign_ups: SignUpHarness, address: str, slug: str = "weekly") -> None:
    place = sign_ups.subscriptions(address)[slug]
    person = sign_ups.person(address)
    assert person is not None
    with sign_ups.app.database.begin() as connection:
        subscribers.lock(connection, person.id)
        memberships.unsubscribe(connection, person.id, place.list.id, BY_TELEPHONE, now=sign_ups.now())


def test_who_signs_up_is_asked_and_is_on_the_list_once_they_confirm(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA, name="Ada")
    assert sign_ups.places(ADA) == {"weekly": PENDING}
    assert len(sign_ups.asked(ADA)) == 1
    assert accept(sign_ups) is ConfirmationState.CONFIRMED
    assert sign_ups.places(ADA) == {"weekly": SUBSCRIBED}


def test_the_record_of_consent_holds_what_was_shown_and_from_where_it_came(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    accept(sign_ups)
    requested, confirmed = sign_ups.consents(ADA)
    words, site, chosen = (
        sign_ups.app.templates.words_in("en"),
        sign_ups.app.site,
        sign_ups.subscriptions(ADA)["weekly"].list,
    )
    assert (requested.action, requested.method) == (ConsentAction.REQUESTED, ConsentMethod.FORM)
    assert (requested.text, requested.ip_address) == (consent_texts.sign_up_consent(words, site, chosen), NETWORK)
    assert (confirmed.action, confirmed.method) == (ConsentAction.CONFIRMED, ConsentMethod.FORM)
    assert (confirmed.text, confirmed.ip_address) == (
        consent_texts.confirmation_consent(words, site, [chosen]),
        NETWORK,
    )


def test_a_list_that_wants_no_more_has_a_stranger_at_once(sign_ups: SignUpHarness):
    sign_ups.add_list("easy", opt_in=OptIn.SINGLE)
    sign_ups.sign_up(ADA, "easy")
    assert sign_ups.places(ADA) == {"easy": SUBSCRIBED}
    assert sign_ups.actions(ADA) == [ConsentAction.GRANTED]
    assert sign_ups.asked() == []


def test_of_two_lists_only_the_one_that_asks_is_waited_for(sign_ups: SignUpHarness):
    sign_ups.add_list("easy", opt_in=OptIn.SINGLE)
    sign_ups.sign_up(ADA, "easy", "weekly")
    assert sign_ups.places(ADA) == {"easy": SUBSCRIBED, "weekly": PENDING}
    assert len(sign_ups.asked()) == 1


def test_who_had_left_is_asked_even_by_a_list_that_asks_nobody(sign_ups: SignUpHarness):
    sign_ups.add_list("easy", opt_in=OptIn.SINGLE)
    sign_ups.subscribed(ADA)
    leave(sign_ups, ADA)
    sign_ups.sign_up(ADA, "easy")
    assert sign_ups.places(ADA) == {"easy": PENDING, "weekly": UNSUBSCRIBED}
    assert len(sign_ups.asked(ADA)) == 1


@pytest.mark.parametrize("reason", sorted(LIFTED_BY_CONFIRMING))
def test_what_the_owner_of_the_mailbox_can_lift_is_lifted_by_confirming_and_not_before(
    sign_ups: SignUpHarness, reason: SuppressionReason
):
    sign_ups.add_list("easy", opt_in=OptIn.SINGLE)
    sign_ups.suppress(ADA, reason)
    sign_ups.sign_up(ADA, "easy")
    assert sign_ups.places(ADA) == {"easy": PENDING}
    assert [entry.reason for entry in sign_ups.suppressions(ADA)] == [reason]
    assert accept(sign_ups) is ConfirmationState.CONFIRMED
    assert sign_ups.suppressions(ADA) == []


@pytest.mark.parametrize("reason", sorted(set(SuppressionReason) - LIFTED_BY_CONFIRMING))
def test_to_who_may_not_be_written_to_nothing_is_sent_and_nothing_of_them_is_kept(
    sign_ups: SignUpHarness, reason: SuppressionReason
):
    sign_ups.suppress(ADA, reason)
    before = sign_ups.dump()
    sign_ups.sign_up(ADA)
    assert sign_ups.dump() == before


def test_a_domain_that_may_not_be_written_to_hears_nothing(sign_ups: SignUpHarness):
    sign_ups.suppress("@example.org", SuppressionReason.HARD_BOUNCE)
    before = sign_ups.dump()
    sign_ups.sign_up(ADA)
    assert sign_ups.dump() == before


def test_who_was_disabled_hears_nothing(sign_ups: SignUpHarness):
    sign_ups.subscribed(ADA)
    leave(sign_ups, ADA)
    person = sign_ups.person(ADA)
    assert person is not None
    with sign_ups.app.database.begin() as connection:
        subscribers.change(connection, person.id, {"status": SubscriberStatus.DISABLED}, now=sign_ups.now())
    before = sign_ups.dump()
    sign_ups.sign_up(ADA)
    assert sign_ups.dump() == before


def test_who_is_subscribed_already_is_left_alone(sign_ups: SignUpHarness):
    sign_ups.subscribed(ADA, name="Ada")
    before = sign_ups.dump()
    sign_ups.sign_up(ADA, name="Somebody else")
    assert sign_ups.dump() == before


def test_who_only_knows_an_address_changes_nothing_about_its_owner(sign_ups: SignUpHarness):
    sign_ups.add_list("daily")
    sign_ups.subscribed(ADA, name="Ada", language="fr")
    sign_ups.sign_up("ADA@EXAMPLE.ORG", "daily", name="Mallory")
    person = sign_ups.person(ADA)
    assert person is not None
    assert (person.name, person.language, person.email) == ("Ada", "fr", ADA)


def test_one_mail_asks_however_many_lists_are_asked_for_within_minutes_and_confirms_them_all(sign_ups: SignUpHarness):
    for slug in ("daily", "monthly"):
        sign_ups.add_list(slug)
    sign_ups.sign_up(ADA, "weekly", "daily")
    sign_ups.sign_up(ADA, "monthly")
    sign_ups.sign_up(ADA, "weekly")
    assert len(sign_ups.asked()) == 1
    assert accept(sign_ups) is ConfirmationState.CONFIRMED
    assert sign_ups.places(ADA) == dict.fromkeys(("daily", "monthly", "weekly"), SUBSCRIBED)


def test_to_sign_up_again_sends_the_mail_again_after_five_minutes_and_three_times_a_day(sign_ups: SignUpHarness):
    sent = []
    for passed in (0, 4, 5, 9, 11, 17, 23 * 60, 24 * 60 + 1, 24 * 60 + 4, 24 * 60 + 6, 24 * 60 + 12):
        before = len(sign_ups.asked(ADA))
        sign_ups.later(timedelta(minutes=passed, seconds=1)).sign_up(ADA.upper() if passed % 2 else ADA)
        sent += [passed] * (len(sign_ups.asked(ADA)) - before)
    assert sent == [0, 5, 11, 24 * 60 + 1, 24 * 60 + 6, 24 * 60 + 12]


def test_the_limits_hold_across_lists_and_for_each_address_by_itself(sign_ups: SignUpHarness):
    slugs = ["weekly", "daily", "monthly", "yearly"]
    for slug in slugs[1:]:
        sign_ups.add_list(slug)
    for minutes, slug in zip((0, 6, 12, 18), slugs, strict=True):
        sign_ups.later(timedelta(minutes=minutes)).sign_up(ADA, slug)
    sign_ups.later(timedelta(minutes=18)).sign_up("bo@example.org")
    assert (len(sign_ups.asked(ADA)), len(sign_ups.asked("bo@example.org"))) == (3, 1)
    # The list that no mail was sent for is not lost: the last mail confirms it too.
    assert accept(sign_ups.later(timedelta(minutes=20))) is ConfirmationState.CONFIRMED
    assert sign_ups.places(ADA) == dict.fromkeys(slugs, SUBSCRIBED)


def test_the_first_mail_still_works_after_the_second(sign_ups: SignUpHarness):
    sign_ups.add_list("daily")
    sign_ups.sign_up(ADA)
    first = sign_ups.token(Purpose.CONFIRM, ADA)
    later = sign_ups.later(timedelta(minutes=10))
    later.sign_up(ADA, "daily")
    assert sign_ups.token(Purpose.CONFIRM, ADA) != first
    assert confirm(later.app, first, NETWORK) is not None
    assert sign_ups.places(ADA) == {"daily": SUBSCRIBED, "weekly": SUBSCRIBED}
    assert accept(later) is ConfirmationState.CONFIRMED


def test_a_further_list_after_confirming_is_confirmed_by_the_mail_that_is_there(sign_ups: SignUpHarness):
    sign_ups.add_list("daily")
    sign_ups.sign_up(ADA)
    accept(sign_ups)
    sign_ups.later(timedelta(minutes=2)).sign_up(ADA, "daily")
    assert (sign_ups.places(ADA)["daily"], len(sign_ups.asked())) == (PENDING, 1)
    accept(sign_ups.later(timedelta(minutes=3)))
    assert sign_ups.places(ADA) == {"daily": SUBSCRIBED, "weekly": SUBSCRIBED}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_when_no_limit_is_passed_and_every_sign_up_can_be_confirmed(
    sign_ups: SignUpHarness, seed: int
):
    """Sign-ups and confirmations in random order at random times: what is sent is what the limits allow, no less."""
    chance, clock, expected = random.Random(seed), timedelta(), list[timedelta]()
    slugs = ["weekly", "daily", "monthly"]
    for slug in slugs[1:]:
        sign_ups.add_list(slug)
    for _ in range(30):
        clock += timedelta(minutes=chance.choice((0.1, 1, 3, 4.9, 5.1, 60, 400, 1400)))
        then = sign_ups.later(clock)
        if expected and chance.random() < 0.2:
            accept(then)
            assert PENDING not in sign_ups.places(ADA).values()
            continue
        slug, known = chance.choice(slugs), sign_ups.places(ADA)
        then.sign_up(ADA, slug)
        is_asked = known.get(slug) is not SUBSCRIBED
        recent = [at for at in expected if clock - at < timedelta(days=1)]
        if is_asked and len(recent) < 3 and all(clock - at >= timedelta(minutes=5) for at in recent):
            expected.append(clock)
        assert len(sign_ups.asked(ADA)) == len(expected)
        if is_asked:
            assert sign_ups.places(ADA)[slug] is PENDING
    accept(sign_ups.later(clock))
    assert set(sign_ups.places(ADA).values()) == {SUBSCRIBED}


@pytest.mark.parametrize("slug", ["secret", "none"])
def test_a_list_that_is_private_is_refused_as_one_that_there_is_not(sign_ups: SignUpHarness, slug: str):
    sign_ups.add_list("secret", visibility=ListVisibility.PRIVATE)
    before = sign_ups.dump()
    with pytest.raises(NotFoundError, match=f"there is no list '{slug}'"):
        sign_ups.sign_up(ADA, "weekly", slug)
    assert sign_ups.dump() == before


def test_a_topic_that_the_list_does_not_offer_is_refused(sign_ups: SignUpHarness):
    sign_ups.add_list("tagged", topics=("boats",))
    before = sign_ups.dump()
    with pytest.raises(InputError, match="has no topic 'trains'"):
        sign_ups.sign_up(ADA, "tagged", topics={"tagged": ("boats", "trains")})
    assert sign_ups.dump() == before


def test_to_ask_for_nothing_is_refused(sign_ups: SignUpHarness):
    with pytest.raises(InputError, match="choose at least one list"):
        sign_up(sign_ups.app, SignUp(person=person_of(ADA), choices={}, ip_address=""))


def test_the_topics_chosen_are_those_that_are_got(sign_ups: SignUpHarness):
    sign_ups.add_list("tagged", topics=("boats", "trains"))
    sign_ups.sign_up(ADA, "tagged", topics={"tagged": ("boats",)})
    accept(sign_ups)
    assert sign_ups.subscriptions(ADA)["tagged"].topics == ("boats",)


def test_to_confirm_twice_is_to_confirm_once(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    accept(sign_ups)
    before = sign_ups.dump()
    assert accept(sign_ups) is ConfirmationState.CONFIRMED
    assert sign_ups.dump() == before


def test_to_look_at_the_question_answers_nothing(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    before = sign_ups.dump()
    question = find_confirmation(sign_ups.app, sign_ups.token(Purpose.CONFIRM, ADA))
    assert question is not None
    assert (question.state, [one.slug for one in question.lists]) == (ConfirmationState.PENDING, ["weekly"])
    assert sign_ups.dump() == before


def test_a_request_of_four_weeks_ago_is_confirmed(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    assert accept(sign_ups.later(timedelta(days=28))) is ConfirmationState.CONFIRMED
    assert sign_ups.places(ADA) == {"weekly": SUBSCRIBED}


def test_a_request_of_a_month_ago_is_not_confirmed(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    before = sign_ups.dump()
    assert accept(sign_ups.later(timedelta(days=31))) is ConfirmationState.EXPIRED
    assert sign_ups.dump() == before


def test_an_old_mail_does_not_confirm_what_was_asked_for_long_after(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    old = sign_ups.token(Purpose.CONFIRM, ADA)
    later = sign_ups.later(timedelta(days=40))
    later.sign_up(ADA)
    question = confirm(later.app, old, NETWORK)
    assert question is not None
    assert question.state is ConfirmationState.EXPIRED
    assert accept(later) is ConfirmationState.CONFIRMED


def test_the_mail_that_asked_does_not_bring_back_who_has_left_since(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    accept(sign_ups)
    leave(sign_ups, ADA)
    assert accept(sign_ups) is ConfirmationState.EXPIRED
    assert sign_ups.places(ADA) == {"weekly": UNSUBSCRIBED}


def test_who_was_erased_meanwhile_confirms_nothing(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    token = sign_ups.token(Purpose.CONFIRM, ADA)
    person = sign_ups.person(ADA)
    assert person is not None
    privacy.erase(sign_ups.app, person.id, requested_by="person")
    assert confirm(sign_ups.app, token, NETWORK) is None
    assert sign_ups.person(ADA) is None


def test_who_was_erased_comes_back_by_their_own_hand_only(sign_ups: SignUpHarness):
    sign_ups.subscribed(ADA, name="Ada")
    person = sign_ups.person(ADA)
    assert person is not None
    privacy.erase(sign_ups.app, person.id, requested_by="person")
    sign_ups.sign_up(ADA)
    assert sign_ups.places(ADA) == {"weekly": PENDING}
    assert accept(sign_ups) is ConfirmationState.CONFIRMED
    assert sign_ups.suppressions(ADA) == []


def test_who_has_left_everything_comes_back_by_confirming(sign_ups: SignUpHarness):
    sign_ups.sign_up(ADA)
    accept(sign_ups)
    preferences.unsubscribe_from_all(sign_ups.app, sign_ups.token(Purpose.PREFERENCES, ADA), NETWORK)
    later = sign_ups.later(timedelta(days=2))
    later.sign_up(ADA)
    assert accept(later) is ConfirmationState.CONFIRMED
    assert sign_ups.suppressions(ADA) == []


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.CONFIRM])
def test_no_other_link_confirms(sign_ups: SignUpHarness, purpose: Purpose):
    sign_ups.sign_up(ADA)
    before = sign_ups.dump()
    assert confirm(sign_ups.app, sign_ups.token(purpose, ADA), NETWORK) is None
    assert sign_ups.dump() == before


def test_nothing_of_a_sign_up_is_kept_if_the_question_cannot_be_queued(app: AppContext):
    sign_ups = SignUpHarness(app)
    sign_ups.add_list("weekly")
    before = sign_ups.dump()
    with pytest.raises(Exception, match="there is no email channel"):
        sign_ups.sign_up(ADA)
    assert sign_ups.dump() == before


def test_every_subscribed_place_has_a_consent(sign_ups: SignUpHarness):
    sign_ups.add_list("easy", opt_in=OptIn.SINGLE)
    sign_ups.sign_up(ADA, "easy", "weekly")
    accept(sign_ups)
    person = sign_ups.person(ADA)
    assert person is not None
    with sign_ups.app.database.begin() as connection:
        valid = {record.list_slug for record in consents.of_subscriber(connection, person.id) if record.text}
    assert valid == {"easy", "weekly"}
