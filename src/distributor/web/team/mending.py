"""Where what a review finds is mended: for each kind of problem a place in the app, and words without commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from gettext import gettext as _
from urllib.parse import quote

from distributor.domain.problems import Problem, ReviewProblem, Severity
from distributor.flow.publishing.review_state import ReviewState
from distributor.web.team.wording import for_pages


class MendingPlace(Enum):
    """A place in the app where something is mended."""

    ARTICLE = "article"
    ARTICLES = "articles"
    CHANNELS = "channels"
    AUDIENCE = "audience"
    WORDS = "words"
    TIMES = "times"
    CHANNEL = "channel"
    SETTINGS = "settings"


_SECTIONS = frozenset(
    {
        MendingPlace.ARTICLES,
        MendingPlace.CHANNELS,
        MendingPlace.AUDIENCE,
        MendingPlace.WORDS,
        MendingPlace.TIMES,
    }
)
PLACES: Mapping[MendingPlace, frozenset[str]] = {
    MendingPlace.ARTICLE: frozenset(
        {
            *("alt-missing", "article-embargoed", "article-missing", "article-unfinished", "article-withdrawn"),
            *("cashtags", "empty", "empty-content", "heading-first", "heading-skipped", "image-broken", "image-large"),
            *("language-mismatch", "link-broken", "link-large", "link-vague", "merge-field", "no-title", "over-size"),
            *("relative-url", "text-empty", "text-short", "title-cut", "title-placeholder"),
        }
    ),
    MendingPlace.ARTICLES: frozenset({"languages-mixed", "links-unchecked", "no-article"}),
    MendingPlace.CHANNELS: frozenset({"already-posted", "no-channel"}),
    MendingPlace.AUDIENCE: frozenset({"audience-empty", "audience-unknown", "audience-unusual", "no-audience"}),
    MendingPlace.WORDS: frozenset(
        {
            *("attachment-refused", "attachments-large", "attachments-too-large", "composition", "field-missing"),
            *("field-unknown", "fields-too-many", "html-large", "html-too-large", "personal", "preheader-empty"),
            *("render-failed", "subject-empty", "subject-long", "subject-repeated", "text-unused", "token-unknown"),
            *("thread-too-long", "too-long", "unknown-field"),
        }
    ),
    MendingPlace.TIMES: frozenset({"time-past", "warm-up-slow"}),
    MendingPlace.CHANNEL: frozenset(
        {
            *("account-missing", "channel-paused", "confirm-missing", "credentials-missing", "dkim-unaligned"),
            *("postal-address-hidden", "route-in-backoff", "sender-local", "thread-may-stop", "unsubscribe-missing"),
        }
    ),
    MendingPlace.SETTINGS: frozenset({"link-is-local", "links-not-https", "postal-address-missing"}),
}
_PLACE_OF = {code: place for place, codes in PLACES.items() for code in codes}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """A row of the review: `level` is block or warn; the place where it is mended, empty if there is none."""

    level: str
    channel: str
    text: str
    path: str
    link: str


def rows_of(state: ReviewState) -> list[FindingRow]:
    """The problems of the newest review, what blocks first; the same one on several channels is one row."""
    channels: dict[Problem, list[str]] = {}
    for found in state.newest_problems:
        channels.setdefault(found.problem, []).append(found.channel_name)
    rows = [_row(state, ReviewProblem(names[0], problem), names) for problem, names in channels.items()]
    return sorted(rows, key=lambda row: row.level != Severity.BLOCK.value)


def _row(state: ReviewState, found: ReviewProblem, channels: list[str]) -> FindingRow:
    path, link = _place(state, found)
    return FindingRow(
        level=found.problem.severity.value,
        channel=", ".join(name for name in channels if name),
        text=_words_of(found.problem),
        path=path,
        link=link,
    )


def _words_of(problem: Problem) -> str:
    words = {
        "postal-address-missing": _("The mail has no postal address of the sender, and the law asks for one."),
        "credentials-missing": _("Nothing can be posted: the access to the account is not filled in."),
        "dkim-unaligned": _("Mails are signed for another domain than the sender's, which mailboxes do not count."),
        "sender-local": _("Mails from this sender are refused on the internet: it is an address of this machine."),
        "links-not-https": _(
            "Links do not begin with https://, so mail programs offer no unsubscribing with one click."
        ),
        "link-is-local": _("Only this machine can open the link: the public address of the site is not set."),
        "preheader-empty": _("An inbox shows no text beside the subject: give the article a summary."),
    }
    return words.get(problem.code, "") or for_pages(problem.message)


def _place(state: ReviewState, found: ReviewProblem) -> tuple[str, str]:
    place = _PLACE_OF.get(found.problem.code, MendingPlace.WORDS)
    edit = f"/app/campaigns/{state.campaign.id}/edit"
    if place is MendingPlace.ARTICLE:
        article_id = state.articles.get(found.problem.where) or _only(state.articles)
        if article_id:
            return f"/app/articles/{article_id}/edit", _("Edit the article")
        place = MendingPlace.ARTICLES
    if place in _SECTIONS:
        labels = {
            MendingPlace.ARTICLES: _("Articles"),
            MendingPlace.CHANNELS: _("Channels"),
            MendingPlace.AUDIENCE: _("Audience"),
            MendingPlace.WORDS: _("Words"),
            MendingPlace.TIMES: _("Times"),
        }
        return f"{edit}#{place.value}", labels[place]
    if place is MendingPlace.CHANNEL and found.channel_name:
        return f"/app/channels/{quote(found.channel_name, safe='')}", _("Channel settings")
    return "/app/settings/brand", _("Settings")


def _only(articles: Mapping[str, int]) -> int | None:
    return next(iter(articles.values())) if len(articles) == 1 else None
