"""Splice: bytes that all recipients share, with gaps for what each has of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distributor.channels.email.personalization.placeholders import (
    ExpressionPlaceholder,
    FieldPlaceholder,
    LinkPlaceholder,
    Slot,
)
from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Stem, TokenSigner
from distributor.mail.mime.quoted_printable import encode_segment
from distributor.mail.unsubscribe_address import UnsubscribeTokenSlot


@dataclass(frozen=True, slots=True)
class TemplateBytes:
    """Finished bytes with gaps. ``pieces[place]`` is the token of ``stems[number]`` for each `(place, number)` of
    `links`, as it is; for each `(place, slot)` it is the value of `slot`, quoted-printable in `fields` and as it is in
    `plain`.

    A token that occurs often is minted once. What surrounds the gaps has to be encoded so that this may stand there,
    without a line that begins with a dot.
    """

    pieces: tuple[bytes, ...]
    stems: tuple[Stem, ...]
    links: tuple[tuple[int, int], ...]
    fields: tuple[tuple[int, FieldPlaceholder | ExpressionPlaceholder], ...]
    plain: tuple[tuple[int, UnsubscribeTokenSlot], ...]

    @classmethod
    def of(cls, parts: Iterable[bytes | Slot | UnsubscribeTokenSlot]) -> TemplateBytes:
        pieces: list[bytes] = [b""]
        stems: dict[Stem, int] = {}
        links: list[tuple[int, int]] = []
        fields: list[tuple[int, FieldPlaceholder | ExpressionPlaceholder]] = []
        plain: list[tuple[int, UnsubscribeTokenSlot]] = []
        for part in parts:
            if isinstance(part, bytes):
                pieces[-1] += part
                continue
            if isinstance(part, LinkPlaceholder):
                links.append((len(pieces), stems.setdefault(part.stem, len(stems))))
            elif isinstance(part, UnsubscribeTokenSlot):
                plain.append((len(pieces), part))
            else:
                fields.append((len(pieces), part))
            pieces += [b"", b""]
        if any(piece.startswith(b".") or b"\n." in piece for piece in pieces):
            raise ValueError("a line that begins with a dot has not been encoded")
        return cls(tuple(pieces), tuple(stems), tuple(links), tuple(fields), tuple(plain))

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> list[bytes]:
        """The pieces with every gap filled, to be joined. Raises InputError if the recipient lacks a personal field."""
        pieces = list(self.pieces)
        minted = tokens.mint_all(self.stems, delivery.id)
        for place, number in self.links:
            pieces[place] = minted[number]
        for place, slot in self.fields:
            pieces[place] = encode_segment(slot.fill(delivery, tokens))
        for place, leaving in self.plain:
            pieces[place] = leaving.fill(delivery, tokens).encode("ascii")
        return pieces
