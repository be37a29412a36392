"""Sentences of the flow for people without a terminal: what they name as a command is a page here."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from gettext import gettext as _

from markupsafe import Markup, escape

from distributor.domain.schedule import short_time

# In this order: the longer ones first.
_ON_PAGES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"`distributor campaign review[^`]*` shows it as it is now, and `distributor campaign resume[^`]*` sends "
            "it so",
            "Its review shows it as it is now, and resuming it sends it so",
        ),
        (r"`distributor campaign duplicate[^`]*` copies it", "duplicate it to send it to more people"),
        (
            r"`distributor campaign reschedule[^`]*` changes its times, `distributor campaign undo[^`]*` makes it a "
            "draft again",
            "change its times, or take it back to change more",
        ),
        (r"`distributor campaign schedule[^`]*`", "choose one"),
        (r"publish it again with `distributor article publish[^`]*`", "publish it again on its page"),
        (r"or run `distributor article publish[^`]* --at [^`]*`", "or publish it earlier on its page"),
        (r"or run `distributor article (publish|withdraw)[^`]*`", r"or \1 it on its page"),
        (r"with `distributor channel dkim create[^`]*`", "on the page DNS and signatures"),
        (r"`distributor channel dkim create[^`]*` creates one", "make one on the page DNS and signatures"),
        (r"`distributor channel dkim activate[^`]*` activates it", "let it sign on the page DNS and signatures"),
        (r"`distributor channel dkim remove[^`]*` removes it", "delete it on the page DNS and signatures"),
        (r"then run `distributor channel dkim remove[^`]*`", "then delete the key"),
        (r"fill in with `distributor channel change[^`]*`", "fill in what is missing on its page"),
        (r"with `distributor channel (?:change|set)[^`]*`", "in the settings of the channel"),
        (r"with `distributor list update[^`]*`", "in its settings"),
        (r"; `distributor channel (?:kind|list)[^`]*` (?:explains|lists) (?:them all|them)", ""),
        (r", or remove it first with `distributor channel remove[^`]*`", ", or remove it first"),
        (r"`distributor inbound`", "the inbound server"),
        (
            r"is no folder of this machine, no web address and no account: say its --kind",
            "is no web address and no account: write it as in your browser, or as @name@host",
        ),
        (r"use `distributor source` on its command line", "it is changed on its command line only"),
        (r"`distributor web`", "the web server"),
    )
)


# What is left is advice for the command line, which is of no use on a page.
_COMMAND = re.compile(
    r"[:;,]?\s*(?:(?:make a key for \S+|name it) with |run )?`distributor[^`]*`[^;.:]*|[;,]? --again[^;.:]*"
)

# A time as histories and reasons have it: 2026-12-24 09:00:00 Europe/Berlin (UTC+01:00), or with an offset alone.
_STORED_TIME = re.compile(
    r"\b(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:[A-Za-z][\w/+-]* \(UTC([+-]\d\d:\d\d)?\)|UTC([+-]\d\d:\d\d)?(?!\w))"
)


def with_times_in(text: str, zone: tzinfo) -> str:
    """A stored text with its times as a page shows them, in this zone."""

    def shown(found: re.Match[str]) -> str:
        try:
            return short_time(datetime.fromisoformat(f"{found[1]}{found[2] or found[3] or '+00:00'}"), zone)
        except ValueError:
            # Somebody has written what only looks like a time.
            return found[0]

    return _STORED_TIME.sub(shown, text)


# As `domain.campaign_review.called` writes it.
_NAMED_CAMPAIGN = re.compile(r"“[^“”]*” \(campaign ([0-9]{1,18})\)")


def without_commands(text: str) -> str:
    """The text with pages in place of commands, else as it is."""
    if not any(sign in text for sign in ("`distributor", "--again", "--kind")):
        return text
    for pattern, words in _ON_PAGES:
        text = pattern.sub(words, text)
    return " ".join(_COMMAND.sub("", text).split()).rstrip(" :;,")


def for_pages(text: str) -> str:
    """A message of the flow as a sentence without commands: with a capital, and a full stop at its end.

    An address at its beginning stays as it is.
    """
    kept = " ".join(without_commands(text).split()).rstrip(" :;,")
    first = kept[:1] if kept.startswith(("http://", "https://")) else kept[:1].upper()
    return f"{first}{kept[1:]}{'' if kept.endswith(('.', '!', '?', '…')) else '.'}"


def with_campaign_links(text: str, root: str) -> Markup:
    """A sentence in which each campaign that it names with its number, as in “Spring” (campaign 12), is a link."""
    return Markup(_NAMED_CAMPAIGN.sub(rf'<a href="{escape(root)}/app/campaigns/\1">\g<0></a>', str(escape(text))))  # noqa: S704 - escaped


def person_of(actor: str) -> str:
    """Who did something, in words: the address of a user, or how it was done otherwise."""
    kind, _colon, name = actor.partition(":")
    if kind == "user" and name:
        return name
    if kind == "cli" and name:
        return _("command line (%(name)s)") % {"name": name}
    if kind == "api" and name:
        return _("API (%(name)s)") % {"name": name}
    return actor or _("Unknown")
