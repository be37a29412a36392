"""Template bytes: the bytes that all recipients share, with placeholders for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distributor.channels.email.personalization.placeholders import (
    ExpressionPlaceholder,
    FieldPlaceholder,
    LinkPlaceholder,
    Placeholder,
)
from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Stem, TokenSigner
from distributor.mail.mime.quoted_printable import encode_segment
from distributor.mail.unsubscribe_address import UnsubscribeTokenSlot


@dataclass(frozen=True, slots=True)
class TemplateBytes:
    """Encoded bytes with gaps. For each `(index, number)` of `links`, ``pieces[index]`` becomes the token of
    ``stems[number]``; for each `(index, placeholder)` it becomes the placeholder's value, quoted-printable in `fields`
    and not encoded in `plain`.

    A token that occurs several times is minted once. The bytes around a gap have to be encoded so that its value fits,
    without a line that begins with a dot.
    """

    pieces: tuple[bytes, ...]
    stems: tuple[Stem, ...]
    links: tuple[tuple[int, int], ...]
    fields: tuple[tuple[int, FieldPlaceholder | ExpressionPlaceholder], ...]
    plain: tuple[tuple[int, UnsubscribeTokenSlot], ...]

    @classmethod
    def of(cls, parts: Iterable[bytes | Placeholder | UnsubscribeTokenSlot]) -> TemplateBytes:
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
            raise ValueError("a line begins with a dot that is not encoded")
        return cls(tuple(pieces), tuple(stems), tuple(links), tuple(fields), tuple(plain))

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> list[bytes]:
        """The pieces with every gap filled, to be joined. Raises InputError if the recipient lacks a field."""
        pieces = list(self.pieces)
        minted = tokens.mint_all(self.stems, delivery.id)
        for index, number in self.links:
            pieces[index] = minted[number]
        for index, placeholder in self.fields:
            pieces[index] = encode_segment(placeholder.fill(delivery, tokens))
        for index, slot in self.plain:
            pieces[index] = slot.fill(delivery, tokens).encode("ascii")
        return pieces
