"""How many mails a second are composed and signed on one core, against the bare RSA operations that this takes.

The baseline signs as many bytes as DKIM does with the same key and nothing else. All are measured in turn, in short
rounds and in processor time, and a ratio is the median of its rounds: whatever else the machine does meets them alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from _surroundings import hardware

from distributor.channels.email.composition.compose import PreparedMail, prepare_mail
from distributor.domain.delivery import Delivery
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import TokenSigner
from distributor.mail.dkim.keys import Algorithm, make_key
from distributor.mail.dkim.signer import DkimSigner, SigningIdentity

SIZES = (10, 50)
LINKS = 12
TOKENS = TokenSigner(b"a key that is only good for measuring")
# What the header of a newsletter is when it is signed.
SIGNED_OCTETS = 1100


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    rsa, ed25519 = make_key(Algorithm.RSA), make_key(Algorithm.ED25519)
    first = SigningIdentity(domain="bench.example", selector="r", key=rsa)
    one = DkimSigner([first])
    both = DkimSigner([first, SigningIdentity(domain="bench.example", selector="e", key=ed25519)])
    for size in SIZES:
        prepared = _prepared(size)
        mails = [prepared.message_for(delivery, TOKENS) for delivery in _deliveries(arguments.mails)]
        taken = _measure(
            {
                "bare RSA-2048": lambda: _sign_bare(rsa.sign, arguments.mails),
                "sign, RSA": lambda prepared=prepared, mails=mails: _sign(one, prepared, mails),
                "compose and sign, RSA": lambda prepared=prepared: _compose(prepared, one, arguments.mails),
                "compose and sign, RSA and Ed25519": lambda prepared=prepared: _compose(
                    prepared, both, arguments.mails
                ),
            },
            rounds=arguments.rounds,
        )
        print(f"mails of {len(mails[0]) / 1024:.0f} KiB, each with {LINKS} links of its own")
        bare = taken["bare RSA-2048"]
        for name, seconds in taken.items():
            ratio = statistics.median(yard / own for yard, own in zip(bare, seconds, strict=True))
            print(f"  {name:34} {arguments.mails / statistics.median(seconds):8.0f} a second, ratio {ratio:.2f}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=100, help="in one round")
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def _prepared(kilobytes: int) -> PreparedMail:
    """A newsletter of about this size: a fifth of it text, and links and a name in both parts."""
    words = "Words that a reader reads, one after another, until the end of the line. "
    half = kilobytes * 1024 // 10 // LINKS
    # As the shipped templates have it: nothing personal in the text before its end.
    text = "".join(f"{words * (half * 2 // len(words) + 1)}\n" for _ in range(LINKS))
    html = "<p>Dear @@name@@,</p>\n" + "".join(
        f'<p style="margin:0">{words * (half * 8 // len(words))}<a href="@@click:{link}@@">on</a></p>\n'
        for link in range(LINKS)
    )
    end = "@@unsubscribe@@ @@preferences@@ @@view@@\n"
    payload = {
        "subject": "Twelve things to read",
        "preheader": "",
        "from": "Bench News <news@bench.example>",
        "reply_to": "",
        "language": "en",
        "html": f"{html}{end}@@open@@",
        "text": text + end,
        "links": [f"https://bench.example/{link}" for link in range(LINKS)],
        "tracking": {"opens": True, "clicks": True},
        "site": {"name": "Bench", "public_url": "https://bench.example", "postal_address": "1 Bench Street"},
    }
    return prepare_mail(Rendition("email", payload))


def _deliveries(count: int) -> list[Delivery]:
    return [
        Delivery(
            id=number,
            dispatch_id=1,
            recipient=f"reader{number}@example.org",
            epoch=1,
            attempt=1,
            created_at=datetime(2026, 11, 22, tzinfo=UTC),
            fields={"name": "Reader"},
        )
        for number in range(1, count + 1)
    ]


def _measure(acts: Mapping[str, Callable[[], None]], *, rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 1):
        for name, act in acts.items():
            started = time.process_time()
            act()
            if number:
                taken[name].append(time.process_time() - started)
    return taken


def _sign_bare(sign: Callable[[bytes], bytes], count: int) -> None:
    data = b"x" * SIGNED_OCTETS
    for _ in range(count):
        sign(data)


def _sign(signer: DkimSigner, prepared: PreparedMail, mails: Sequence[bytes]) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for mail in mails:
        signer.sign(mail, at=at, body_prefix=prepared.body_prefix)


def _compose(prepared: PreparedMail, signer: DkimSigner, count: int) -> None:
    for delivery in _deliveries(count):
        signer.sign(prepared.message_for(delivery, TOKENS), at=delivery.created_at, body_prefix=prepared.body_prefix)


if __name__ == "__main__":
    main()
