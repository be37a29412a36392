"""From sending to the bounce and back: a bounce suppresses the address, and lifting the suppression ends that."""

from __future__ import annotations

import json
import smtplib
import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from distributor.cli.process_group import ChildProcess
from distributor.domain.delivery import Delivery, DeliveryState
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.flow.operations.channel_settings import configure
from distributor.mail.return_path import read_return_path
from distributor.storage import deliveries, delivery_queries, suppressions
from tests.chaos.service import BEATS, EMAIL_WORKER, OTHER_WORKER, Service, free_port, running_service
from tests.flow.feedback import feedback_mails as mails

INBOUND = ChildProcess(name="inbound", module="distributor.inbound")
BOUNCING = "reader1@example.org"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Service]:
    """Workers, a beat and the process that takes mail back, for three readers."""
    with running_service(
        tmp_path_factory.mktemp("service"),
        people=3,
        parts=(EMAIL_WORKER, OTHER_WORKER, BEATS[0], INBOUND),
        inbound_listen=f"127.0.0.1:{port}",
    ) as running:
        settings = {"smtp_url": f"smtp://127.0.0.1:{running.ports.smtp}", "bounce_domain": "bounces.gazette.example"}
        configure(running.app, "email", "email", settings)
        running.wait_for(lambda: _listens(port), "the server that takes mail back")
        yield running


def test_a_mail_goes_out_bounces_is_passed_by_and_after_a_lift_goes_out_again(service: Service, port: int) -> None:
    first = _send(service)
    assert _new_mails(service, since=0) == {f"reader{number}@example.org": 1 for number in range(3)}

    _bounce(service, port)
    assert _state(service) is DeliveryState.BOUNCED
    assert _reasons(service) == {SuppressionReason.HARD_BOUNCE}
    assert service.counts(first, "email")["sent"] == 3

    seen = len(service.inbox())
    assert service.counts(_send(service), "email")["audience"] == 2
    assert _new_mails(service, since=seen) == {"reader0@example.org": 1, "reader2@example.org": 1}

    with service.app.database.begin() as connection:
        suppressions.lift(connection, Target(hash=hash_of_key(BOUNCING)))
    _bounce(service, port)
    seen = len(service.inbox())
    assert service.counts(_send(service), "email")["audience"] == 3
    assert _new_mails(service, since=seen)[BOUNCING] == 1


def _send(service: Service) -> int:
    campaign_id = service.plan("email")
    service.wait_for(lambda: service.is_finished(campaign_id), "the campaign")
    return campaign_id


def _bounce(service: Service, port: int) -> None:
    """The reader's provider sends a bounce to the return path of that mail: the user is unknown."""
    delivery = _delivery(service)
    path = _return_path(service)
    with smtplib.LMTP("127.0.0.1", port) as client:
        assert client.sendmail("", [path], mails.bounce(delivery, to=path)) == {}


def _return_path(service: Service) -> str:
    """The envelope sender of the first mail to the bouncing reader."""
    index = (service.folder / "sandbox" / "inbox" / "index.jsonl").read_text().splitlines()
    envelopes = [json.loads(line) for line in index]
    sender: str = next(one["sender"] for one in envelopes if BOUNCING in one["recipients"])
    return sender


def _delivery(service: Service) -> Delivery:
    number = read_return_path(_return_path(service), service.app.tokens)
    assert isinstance(number, int)
    with service.app.database.begin() as connection:
        return deliveries.find_for_sending(connection, [number])[0]


def _state(service: Service) -> DeliveryState:
    number = _delivery(service).id
    with service.app.database.begin() as connection:
        return delivery_queries.find(connection, number).state


def _reasons(service: Service) -> set[SuppressionReason]:
    with service.app.database.begin() as connection:
        return {one.reason for one in suppressions.matching(connection, Target(hash=hash_of_key(BOUNCING)))}


def _new_mails(service: Service, *, since: int) -> Counter[str]:
    return Counter(mail["To"].addresses[0].addr_spec for mail in service.inbox()[since:])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
