"""Splice: bytes that all recipients share, with gaps for what each has of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distributor.channels.email.composing.quoted_printable import encode_stretch
from distributor.channels.email.composing.slots import Slot
from distributor.domain.delivery import Delivery
from distributor.domain.tokens import TokenSigner


@dataclass(frozen=True, slots=True)
class Splice:
    """For each `(place, number)` of `gaps`, ``pieces[place]`` is to be filled with the value of ``slots[number]``.

    The pieces are finished bytes, quoted-printable where they surround a gap; a slot that occurs often is filled once.
    """

    pieces: tuple[bytes, ...]
    gaps: tuple[tuple[int, int], ...]
    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, parts: Iterable[bytes | Slot]) -> Splice:
        pieces: list[bytes] = []
        gaps: list[tuple[int, int]] = []
        slots: dict[Slot, int] = {}
        for place, part in enumerate(parts):
            if isinstance(part, bytes):
                pieces.append(part)
            else:
                pieces.append(b"")
                gaps.append((place, slots.setdefault(part, len(slots))))
        return cls(tuple(pieces), tuple(gaps), tuple(slots))

    @property
    def opening(self) -> bytes:
        """What comes before the first gap: the same for every recipient."""
        first = self.gaps[0][0] if self.gaps else len(self.pieces)
        return b"".join(self.pieces[:first])

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> list[bytes]:
        """The pieces with every gap filled, to be joined. Raises InputError if the recipient lacks a personal field."""
        values = [encode_stretch(slot.fill(delivery, tokens)) for slot in self.slots]
        pieces = list(self.pieces)
        for place, number in self.gaps:
            pieces[place] = values[number]
        return pieces
