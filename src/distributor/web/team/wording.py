"""Sentences of the flow for people without a terminal: what they name as a command is a page here."""

from __future__ import annotations

import re

# In this order: the longer ones first.
_ON_PAGES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"with `distributor channel dkim create[^`]*`", "on the page DNS and signatures"),
        (r"`distributor channel dkim create[^`]*` creates one", "make one on the page DNS and signatures"),
        (r"`distributor channel dkim activate[^`]*` activates it", "let it sign on the page DNS and signatures"),
        (r"`distributor channel dkim remove[^`]*` removes it", "delete it on the page DNS and signatures"),
        (r"then run `distributor channel dkim remove[^`]*`", "then delete the key"),
        (r"with `distributor channel (?:change|set)[^`]*`", "in the settings of the channel"),
        (r"with `distributor list update[^`]*`", "in its settings"),
        (r"; `distributor channel (?:kind|list)[^`]*` (?:explains|lists) (?:them all|them)", ""),
        (r", or remove it first with `distributor channel remove[^`]*`", ", or remove it first"),
        (r"`distributor web`", "the web server"),
    )
)


def for_pages(text: str) -> str:
    """The sentence with pages in place of commands, and a full stop at its end."""
    for pattern, words in _ON_PAGES:
        text = pattern.sub(words, text)
    return text if text.endswith((".", "?")) else f"{text}."
