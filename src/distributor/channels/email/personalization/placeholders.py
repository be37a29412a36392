"""Placeholders: the parts of a rendition's texts that differ by recipient, written as tokens like ``@@unsubscribe@@``.

The token of a link stands for a whole URL, of which only the signed end differs; any other name is a merge field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from distributor.channels.email.personalization.expressions import MergeBlock
from distributor.channels.email.personalization.merge_blocks import PERSONAL_TOKEN, merge_blocks_of
from distributor.domain.delivery import Delivery
from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.tokens import Purpose, Stem, TokenSigner
from distributor.mail.mime.header_fields import CONTROL

_TOKEN = re.compile(r"@@([A-Za-z][A-Za-z0-9_]*)(?::(\d{1,6}))?@@")

Escape: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class PublicLink:
    """A public URL with a signed token: the token's purpose, and what is before and after it below the site's root."""

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
    "account": PublicLink(Purpose.ACCOUNT, "/app/set-up/"),
}


@dataclass(frozen=True, slots=True)
class LinkPlaceholder:
    """The signed end of a public URL: letters, digits, ``-`` and ``_``, which need no escaping in text and HTML."""

    stem: Stem

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        return tokens.mint(self.stem.purpose, delivery.id, self.stem.number)


@dataclass(frozen=True, slots=True)
class FieldPlaceholder:
    """The value of a merge field, escaped for its context; control characters in it become spaces."""

    name: str
    escape: Escape

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        """Raises InputError if the recipient has no such field: no mail is addressed to "None"."""
        value = _fields_of(delivery).get(self.name)
        if value is None:
            raise InputError(f"the mail needs the field {self.name!r}, which this recipient does not have")
        return self.escape(CONTROL.sub(" ", value))


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionPlaceholder:
    """A merge block; `parser` reads the tokens of links in its rendered text."""

    block: MergeBlock
    parser: PlaceholderParser

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        """Raises InputError if the recipient lacks the value of a field that the block prints."""
        rendered = self.block.render_for(_fields_of(delivery))
        return self.parser.fill(rendered, delivery, tokens) if "@@" in rendered else rendered


def _fields_of(delivery: Delivery) -> Mapping[str, str]:
    """The merge fields; the address is that of the recipient, except in a test that shows the mail of someone else."""
    return {"email": delivery.recipient, **delivery.fields}


Placeholder: TypeAlias = LinkPlaceholder | FieldPlaceholder | ExpressionPlaceholder


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderParser:
    """Reads the tokens in the texts of one rendition. `links` is the number of links that the rendition has."""

    public_url: str
    links: int
    escape: Escape
    blocks: Sequence[MergeBlock] = ()

    @classmethod
    def of(cls, payload: Mapping[str, Json], escape: Escape) -> PlaceholderParser:
        """The parser for texts of a rendition that are escaped by `escape`. Raises InputError for an invalid block."""
        return cls(
            public_url=payload["site"]["public_url"],
            links=len(payload["links"]),
            escape=escape,
            blocks=merge_blocks_of(payload),
        )

    def fill(self, text: str, delivery: Delivery, tokens: TokenSigner) -> str:
        """The text for this recipient. Raises InputError."""
        return "".join(part if isinstance(part, str) else part.fill(delivery, tokens) for part in self.split(text))

    def split(self, text: str) -> Iterator[str | Placeholder]:
        """`text` as literal text and placeholders in turn. Raises InputError for a link that the rendition lacks."""
        end, carry = 0, ""
        for token in _TOKEN.finditer(text):
            before, placeholder, after = self._placeholder(token)
            yield carry + text[end : token.start()] + before
            yield placeholder
            end, carry = token.end(), after
        yield carry + text[end:]

    def _placeholder(self, token: re.Match[str]) -> tuple[str, Placeholder, str]:
        """The placeholder of a token, and the literal text before and after it."""
        name, number = token[1], int(token[2] or 0)
        link = PUBLIC_LINKS.get(name)
        if name == PERSONAL_TOKEN:
            if number >= len(self.blocks):
                raise InputError(f"{token[0]} names merge block {number}, but there are {len(self.blocks)}, from 0")
            return "", ExpressionPlaceholder(self.blocks[number], replace(self, blocks=())), ""
        if link is None:
            return "", FieldPlaceholder(name, self.escape), ""
        if name == "click" and number >= self.links:
            raise InputError(f"{token[0]} points to link {number}, but there are {self.links} links, counted from 0")
        return self.escape(self.public_url + link.before), LinkPlaceholder(Stem(link.purpose, number)), link.after


def follow_clicks(text: str, links: list[str], escape: Escape) -> str:
    """`text` with the link targets in place of the tracked links to them."""

    def target(token: re.Match[str]) -> str:
        known = token[1] == "click" and int(token[2] or 0) < len(links)
        return escape(links[int(token[2] or 0)]) if known else token[0]

    return _TOKEN.sub(target, text)
