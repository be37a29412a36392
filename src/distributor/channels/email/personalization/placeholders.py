"""Slots: the parts of a rendition's texts that differ by recipient, written as tokens like ``@@unsubscribe@@``.

A token that links somewhere stands for a whole URL, of which only the signed end differs; any other name is a personal
field of the recipient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from distributor.channels.email.personalization.expressions import Passage
from distributor.channels.email.personalization.merge_blocks import TOKEN, merge_blocks_of
from distributor.domain.delivery import Delivery
from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.tokens import Purpose, Stem, TokenSigner
from distributor.mail.mime.header_fields import CONTROL

_TOKEN = re.compile(r"@@([A-Za-z][A-Za-z0-9_]*)(?::(\d{1,6}))?@@")

Escape: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class PublicLink:
    """A public address that ends with a token: what the token is for, and what stands around it after the root."""

    purpose: Purpose
    before: str
    after: str = ""

    def url(self, public_url: str, token: str) -> str:
        return f"{public_url}{self.before}{token}{self.after}"


PUBLIC_LINKS: Mapping[str, PublicLink] = {
    "click": PublicLink(Purpose.CLICK, "/c/"),
    "open": PublicLink(Purpose.OPEN, "/o/", ".gif"),
    "unsubscribe": PublicLink(Purpose.UNSUBSCRIBE, "/unsubscribe/"),
    "preferences": PublicLink(Purpose.PREFERENCES, "/preferences/"),
    "view": PublicLink(Purpose.VIEW, "/view/"),
    "confirm": PublicLink(Purpose.CONFIRM, "/confirm/"),
}


@dataclass(frozen=True, slots=True)
class LinkPlaceholder:
    """The signed end of a public address: letters, digits, ``-`` and ``_``, which mean the same in text and HTML."""

    stem: Stem

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        return tokens.mint(self.stem.purpose, delivery.id, self.stem.number)


@dataclass(frozen=True, slots=True)
class FieldPlaceholder:
    """A personal value, escaped for its surroundings; control characters in it become spaces."""

    name: str
    escape: Escape

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        """Raises InputError if the recipient has no such field: nobody is written to as "None"."""
        value = delivery.recipient if self.name == "email" else delivery.fields.get(self.name)
        if value is None:
            raise InputError(f"the mail needs the personal field {self.name!r}, which this recipient does not have")
        return self.escape(CONTROL.sub(" ", value))


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionPlaceholder:
    """A passage that says something else to each recipient; `links` understands the tokens in what is said."""

    passage: Passage
    links: Placeholders

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        """Raises InputError if something is to be said that is not known of the recipient."""
        said = self.passage.say_to({**delivery.fields, "email": delivery.recipient})
        return self.links.fill(said, delivery, tokens) if "@@" in said else said


Slot: TypeAlias = LinkPlaceholder | FieldPlaceholder | ExpressionPlaceholder


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """How the tokens in one text are to be understood. `links` is how many links the rendition has."""

    public_url: str
    links: int
    escape: Escape
    passages: Sequence[Passage] = ()

    @classmethod
    def of(cls, payload: Mapping[str, Json], escape: Escape) -> Placeholders:
        """Those of the texts of a rendition that are escaped so. Raises InputError for a passage that is wrong."""
        return cls(
            public_url=payload["site"]["public_url"],
            links=len(payload["links"]),
            escape=escape,
            passages=merge_blocks_of(payload),
        )

    def fill(self, text: str, delivery: Delivery, tokens: TokenSigner) -> str:
        """The text as this recipient gets it. Raises InputError."""
        return "".join(part if isinstance(part, str) else part.fill(delivery, tokens) for part in self.cut(text))

    def cut(self, text: str) -> Iterator[str | Slot]:
        """`text` as stretches and slots in turn. Raises InputError for a link that the rendition does not have."""
        end, carry = 0, ""
        for token in _TOKEN.finditer(text):
            before, slot, after = self._slot(token)
            yield carry + text[end : token.start()] + before
            yield slot
            end, carry = token.end(), after
        yield carry + text[end:]

    def _slot(self, token: re.Match[str]) -> tuple[str, Slot, str]:
        """What a token stands for: a slot, and what all recipients have before and after it."""
        name, number = token[1], int(token[2] or 0)
        link = PUBLIC_LINKS.get(name)
        if name == TOKEN:
            if number >= len(self.passages):
                raise InputError(f"{token[0]} names passage {number}, but there are {len(self.passages)}, from 0")
            return "", ExpressionPlaceholder(self.passages[number], replace(self, passages=())), ""
        if link is None:
            return "", FieldPlaceholder(name, self.escape), ""
        if name == "click" and number >= self.links:
            raise InputError(f"{token[0]} points to link {number}, but there are {self.links} links, counted from 0")
        return self.escape(self.public_url + link.before), LinkPlaceholder(Stem(link.purpose, number)), link.after


def follow_clicks(text: str, links: list[str], escape: Escape) -> str:
    """`text` with the targets themselves in place of the counted links to them."""

    def target(token: re.Match[str]) -> str:
        known = token[1] == "click" and int(token[2] or 0) < len(links)
        return escape(links[int(token[2] or 0)]) if known else token[0]

    return _TOKEN.sub(target, text)
