"""The SignUpHarness: signs people up for lists of a test and reads what the database holds about each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from distributor.domain.consent import Consent, ConsentAction, ConsentEvidence, ConsentMethod
from distributor.domain.errors import NotFoundError
from distributor.domain.person import person_of
from distributor.domain.subscriber import ListVisibility, MailingList, Membership, OptIn, Subscriber, Subscription
from distributor.domain.suppression import Suppression, SuppressionReason, Target, hash_of_key, parse_target
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.sign_up import SignUp, sign_up
from distributor.storage import channels, consents, lists, memberships, subscribers, suppressions, tables

BY_TELEPHONE = ConsentEvidence(method=ConsentMethod.PERSON, text="They asked for it by telephone.")
NETWORK = "192.0.2.7"


@dataclass
class SignUpHarness:
    """Sign-ups and subscriptions of one app, without the web pages."""

    app: AppContext

    def later(self, passed: timedelta) -> SignUpHarness:
        """The same harness, with its clock moved forward."""
        clock = self.app.clock
        return SignUpHarness(replace(self.app, clock=lambda: clock() + passed))

    def add_list(
        self,
        slug: str = "weekly",
        *,
        visibility: ListVisibility = ListVisibility.PUBLIC,
        opt_in: OptIn = OptIn.DOUBLE,
        topics: tuple[str, ...] = (),
        description: str = "",
    ) -> MailingList:
        with self.app.database.begin() as connection:
            return lists.add(
                connection,
                slug=slug,
                name=f"The {slug} letter",
                description=description,
                visibility=visibility,
                opt_in=opt_in,
                topics=topics,
            )

    def sign_up(
        self,
        address: str,
        *slugs: str,
        name: str = "",
        language: str = "en",
        topics: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        choices = {slug: (topics or {}).get(slug) for slug in slugs or ("weekly",)}
        sign_up(
            self.app,
            SignUp(person=person_of(address, name=name, language=language), choices=choices, ip_address=NETWORK),
        )

    def subscribed(self, address: str, slug: str = "weekly", *, name: str = "", language: str = "") -> None:
        """Put a person on a list."""
        with self.app.database.begin() as connection:
            found = lists.find(connection, slug)
            person = person_of(address, name=name, language=language)
            memberships.subscribe(connection, found.id, [person], BY_TELEPHONE, now=self.app.clock())

    def suppress(self, target: str, reason: SuppressionReason) -> None:
        with self.app.database.begin() as connection:
            suppressions.add(connection, [parse_target(target)], reason, now=self.app.clock())

    def person(self, address: str) -> Subscriber | None:
        with self.app.database.begin() as connection:
            try:
                return subscribers.find(connection, address.casefold())
            except NotFoundError:
                return None

    def places(self, address: str) -> dict[str, Membership]:
        return {slug: place.state for slug, place in self.subscriptions(address).items()}

    def subscriptions(self, address: str) -> dict[str, Subscription]:
        person = self.person(address)
        if person is None:
            return {}
        with self.app.database.begin() as connection:
            return {place.list.slug: place for place in memberships.of_subscriber(connection, person.id)}

    def consents(self, address: str) -> list[Consent]:
        person = self.person(address)
        if person is None:
            return []
        with self.app.database.begin() as connection:
            return consents.of_subscriber(connection, person.id)

    def actions(self, address: str) -> list[ConsentAction]:
        return [record.action for record in self.consents(address)]

    def suppressions(self, address: str) -> list[Suppression]:
        with self.app.database.begin() as connection:
            return suppressions.matching(connection, Target(hash=hash_of_key(address.casefold())))

    def asked(self, address: str | None = None) -> list[int]:
        """The delivery ids of the confirmation mails, of all of them or of those to `address`."""
        rows = select(tables.deliveries.c.id).order_by(tables.deliveries.c.id)
        if address is not None:
            rows = rows.where(tables.deliveries.c.recipient == address)
        with self.app.database.begin() as connection:
            return list(connection.execute(rows).scalars())

    def token(self, purpose: Purpose, address: str) -> str:
        """A token for a link in the last mail to this address."""
        return self.app.tokens.mint(purpose, self.asked(address)[-1])

    def dump(self) -> str:
        """A digest of every row of every table."""
        digest = hashlib.sha256()
        with self.app.database.begin() as connection:
            for table in tables.metadata.sorted_tables:
                rows = connection.execute(select(table)).all()
                digest.update(f"{table.name}: {sorted(map(repr, rows))}\n".encode())
        return digest.hexdigest()

    def now(self) -> datetime:
        return self.app.clock()


def make_sign_up_harness(app: AppContext) -> SignUpHarness:
    """A harness with an email channel, which can send confirmation mails, and no list yet."""
    with app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    return SignUpHarness(app)
