"""What the keys of front matter mean, by whatever name site generators and editors call them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from distributor.domain.blocks import Image
from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.schedule import zone_named
from distributor.domain.tags import LONGEST_SLUG, Tag, slugify
from distributor.sources.dates import read_date
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.values import A_NUMBER, YES_OR_NO, KeyPath, NonText, Value, Values
from distributor.sources.reading_options import ReadingOptions
from distributor.sources.urls import is_allowed_image

# The names of each key, the one that decides first. They are compared without case, blanks, hyphens and underscores.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "headline", "subject"),
    "slug": ("slug",),
    "summary": ("summary", "description", "excerpt", "abstract", "lead", "teaser", "standfirst", "subtitle"),
    "author": ("author", "authors", "byline", "creator", "from"),
    "language": ("language", "lang", "locale"),
    "tags": ("tags", "tag", "keywords", "topics", "categories", "category"),
    "image": (
        *("image", "cover", "coverimage", "heroimage", "hero", "featureimage", "featuredimage", "banner", "thumbnail"),
        *("images", "ogimage", "socialimage"),
    ),
    "published_at": (
        *("publishedat", "publishdate", "publisheddate", "pubdate", "pubdatetime", "datepublished", "publishedon"),
        *("date", "created", "createdat", "datecreated"),
    ),
    "updated_at": (
        *("updatedat", "updated", "lastmod", "modified", "updateddate", "lastmodified", "lastmodifiedat"),
        *("moddatetime", "datemodified", "modifiedat", "lastupdated", "lastupdate", "updatedon"),
    ),
    "canonical": ("canonicalurl", "canonical", "canonicallink", "originalurl"),
    "timezone": ("timezone",),
    "publish": ("publish", "published", "draft", "unlisted", "status"),
}
# The text beside an image, in a key of its own.
_ALT_SUFFIXES = ("alt", "alttext", "caption")
_ALT_KEYS = frozenset({"alt"} | {f"{name}{suffix}" for name in _NAMES["image"] for suffix in _ALT_SUFFIXES})
# Tables whose keys count as if they stood at the top, where they do not: those of Zola and Hugo.
_TABLES = ("taxonomies", "extra", "params")
_PUBLIC_STATES = frozenset({"published", "publish", "public"})
_STATES = _PUBLIC_STATES | {"draft", "private", "hidden", "pending", "unpublished", "future", "scheduled", "review"}
_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

_BETWEEN_WORDS = re.compile(r"[\s_.-]+")
_MAIL_ADDRESS = re.compile(r"\s*[<(]?[^\s<>()@]+@[^\s<>()@]+[>)]?")
_WIKILINK = re.compile(r"!?\[\[([^\[\]|]+)(?:\|([^\[\]]*))?\]\]")
_MARKDOWN_IMAGE = re.compile(r"!\[([^\[\]]*)\]\(([^()\s]+)[^()]*\)")
_MARKDOWN_LINK = re.compile(r"\[([^\[\]]+)\]\([^()]*\)")
_TAG_SEPARATOR = re.compile(r"[,;|\n，、；]")
# RFC 5646, simplified: a language and optional subtags.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The values of front matter; None for keys that are not given. Times are aware UTC.

    `publish` is whether the article is to be published: `publish`, `published` (Jekyll), `status` (Pelican), or the
    reverse, `draft` (Hugo) and `unlisted` (Docusaurus). `canonical_url` is where the article was first published.
    `notes` are about values that were passed over, with their lines; `unused_keys` are those without a meaning here.
    """

    title: str | None = None
    slug: str | None = None
    summary: str | None = None
    author: str | None = None
    language: str | None = None
    tags: tuple[Tag, ...] | None = None
    image: Image | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    canonical_url: str | None = None
    publish: bool | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)
    unused_keys: tuple[str, ...] = field(default=(), compare=False)


def checked_language(text: str) -> str:
    """A language tag such as en or pt-BR. Raises ValueError."""
    if not _LANGUAGE.fullmatch(text):
        raise ValueError(f"must be a language tag such as en or pt-BR, not {text!r}")
    return text


def has_meaning(key: str) -> bool:
    """Whether a key of front matter means something here."""
    return _plain(key) in _MEANING


def read_keys(values: Values, *, path: str, options: ReadingOptions) -> FrontMatter:
    """What the values of front matter mean. What cannot be used is passed over with a note; if strict, it is an error.

    Raises SourceError for what decides when an article becomes public and cannot be understood.
    """
    return _Reader(values, path, options).read()


def _plain(key: str) -> str:
    return _BETWEEN_WORDS.sub("", key).casefold()


_MEANING = {name: meaning for meaning, names in _NAMES.items() for name in names} | dict.fromkeys(_ALT_KEYS, "image")


@dataclass(frozen=True, slots=True)
class _Given:
    """A value, and where it is written."""

    value: Value
    place: KeyPath

    @property
    def key(self) -> str:
        """As its author wrote it; the items of lists are counted from 1."""
        return ".".join(str(part + 1) if isinstance(part, int) else part for part in self.place)

    def inside(self, part: str | int, value: Value) -> _Given:
        return _Given(value, (*self.place, part))


class _Reader:
    """Reads the keys of one file's front matter."""

    def __init__(self, values: Values, path: str, options: ReadingOptions) -> None:
        self._values = values
        self._path = path
        self._options = options
        self._notes: list[str] = []
        self._given: dict[str, _Given] = {}
        self._unused: list[str] = []
        self._collect(values.values, ())

    def read(self) -> FrontMatter:
        language = self._language()
        return FrontMatter(
            title=self._text("title"),
            slug=self._slug(),
            summary=self._text("summary"),
            author=self._author(),
            language=language,
            tags=self._tags(),
            image=self._image(),
            published_at=self._time("published_at", language),
            updated_at=self._updated_at(language),
            canonical_url=self._canonical_url(),
            publish=self._publish(),
            notes=tuple(self._notes),
            unused_keys=tuple(self._unused),
        )

    def _collect(self, values: Mapping[str, Value], place: KeyPath) -> None:
        tables = []
        for key, value in values.items():
            name, given = _plain(key), _Given(value, (*place, key))
            if not place and name in _TABLES and isinstance(value, dict):
                tables.append((key, value))
            elif name in _MEANING and name not in self._given:
                self._given[name] = given
            else:
                self._pass_over(given)
        for key, value in tables:
            self._collect(value, (key,))

    def _pass_over(self, given: _Given) -> None:
        """A key without a meaning here."""
        self._unused.append(given.key)
        if self._options.is_strict:
            similar = difflib.get_close_matches(_plain(str(given.place[-1])), _MEANING, n=1)
            keys = ", ".join(meaning for meaning in _NAMES if meaning != "publish")
            hint = f"did you mean {similar[0]}?" if similar else f"the keys are {keys}, publish"
            raise self._mistake(given, f"front matter has no key {given.key!r}; {hint}")

    def _note(self, given: _Given, reason: str) -> None:
        """A value that is passed over."""
        if self._options.is_strict:
            raise self._mistake(given, f"front matter key {given.key!r} {reason}")
        line = self._values.line_of(given.place)
        self._notes.append(f"front matter{f', line {line}' if line else ''}: {given.key} {reason}; it was passed over")

    def _mistake(self, given: _Given, reason: str) -> SourceError:
        return SourceError(reason, path=self._path, line=self._values.line_of(given.place))

    def _of(self, meaning: str) -> Iterator[_Given]:
        """The values that are given for a key, the one that decides first."""
        for name in _NAMES[meaning]:
            given = self._given.get(name)
            if given is not None and given.value not in (None, "", [], {}):
                yield given

    def _text(self, meaning: str) -> str | None:
        for given in self._of(meaning):
            text = _line_of(given.value)
            if text:
                return text
            if text is None:
                self._note(given, "must be text on one line")
        return None

    def _slug(self) -> str | None:
        for given in self._of("slug"):
            text = (_line_of(given.value) or "").strip("/").rpartition("/")[2]
            slug = slugify(text)
            if slug:
                if slug != text and self._options.is_strict:
                    self._note(
                        given,
                        f"must be lower-case words joined by hyphens, such as {slug[:40].rstrip('-')}, with at most "
                        f"{LONGEST_SLUG} characters",
                    )
                return slug
            self._note(given, "has no letter and no digit")
        return None

    def _author(self) -> str | None:
        for given in self._of("author"):
            names = [name for name in _names_in(given.value) if name]
            if names:
                return ", ".join(dict.fromkeys(names))
            self._note(given, "names nobody")
        return None

    def _language(self) -> str | None:
        for given in self._of("language"):
            text = (_line_of(given.value) or "").split(".")[0].replace("_", "-")
            try:
                return checked_language(text)
            except ValueError as error:
                self._note(given, str(error))
        return None

    def _tags(self) -> tuple[Tag, ...] | None:
        """All that are given; None if nothing says what they are."""
        found = [tag for given in self._of("tags") for tag in self._tags_in(given)]
        return tuple(found) if found or self._has_empty_tags() else None

    def _has_empty_tags(self) -> bool:
        """Whether somebody wrote that there are none: `tags: []`."""
        return any(given.value == [] for name, given in self._given.items() if _MEANING[name] == "tags")

    def _tags_in(self, given: _Given) -> Iterator[Tag]:
        match given.value:
            case str() as text:
                yield from (Tag(label) for label in self._labels_in(given, text))
            case NonText(text=text):
                yield Tag(text)
            case list() as entries:
                for at, entry in enumerate(entries):
                    yield from self._tag_of(given.inside(at, entry))
            case _:
                yield from self._tag_of(given)

    def _labels_in(self, given: _Given, text: str) -> list[str]:
        """The labels in one text: between commas, else between blanks, unless the key promises one label only."""
        if _TAG_SEPARATOR.search(text):
            labels = _TAG_SEPARATOR.split(text)
        elif _plain(str(given.place[-1])) in ("category", "tag"):
            labels = [text]
        else:
            labels = text.split()
        return [label for label in (_line_of(label) for label in labels) if label]

    def _tag_of(self, given: _Given) -> Iterator[Tag]:
        match given.value:
            case str() | NonText():
                label = _line_of(given.value)
                if label:
                    yield Tag(label)
            case dict() as entry:
                named = next((entry[key] for key in ("label", "name", "title", "slug") if entry.get(key)), None)
                label = _line_of(named)
                if not label:
                    self._note(given, "has no label")
                    return
                synonyms = entry.get("synonyms")
                more = synonyms if isinstance(synonyms, list) else [synonyms]
                yield Tag(label, tuple(text for text in map(_line_of, more) if text))
            case None:
                return
            case _:
                self._note(given, "must be a text or label: and synonyms:")

    def _image(self) -> Image | None:
        for given in self._of("image"):
            one = given
            while isinstance(one.value, list) and one.value:
                one = one.inside(0, one.value[0])
            src, alt = _source_of(one.value)
            src = src.replace("\\", "/")
            if not src:
                self._note(given, "names no file")
            elif not is_allowed_image(src):
                self._note(given, "must be a URL or the path of a file beside the article")
            else:
                return Image(src, alt or self._alt_beside(given))
        return None

    def _alt_beside(self, given: _Given) -> str:
        own = _plain(str(given.place[-1]))
        names = (*(f"{own}{suffix}" for suffix in _ALT_SUFFIXES), "imagealt", "alt")
        texts = (_line_of(self._given[name].value) for name in names if name in self._given)
        return next((text for text in texts if text), "")

    def _zone(self) -> str:
        for given in self._of("timezone"):
            zone = _line_of(given.value) or ""
            try:
                zone_named(zone)
            except ScheduleError as error:
                raise self._mistake(given, f"front matter key {given.key!r}: {error}") from None
            return zone
        return self._options.zone

    def _time(self, meaning: str, language: str | None) -> datetime | None:
        """Raises SourceError if it cannot be understood."""
        zone = self._zone()
        for given in [*self._of(meaning), *(self._dates_of_publish() if meaning == "published_at" else ())]:
            value = given.value
            if isinstance(value, dict):
                value = next((value[key] for key in ("date", "time") if value.get(key)), None)
            text = _line_of(value)
            if text:
                try:
                    return read_date(text, zone=zone, language=language or self._options.language)
                except ScheduleError as error:
                    raise self._mistake(given, f"front matter key {given.key!r}: {error}") from None
        return None

    def _updated_at(self, language: str | None) -> datetime | None:
        try:
            return self._time("updated_at", language)
        except SourceError as error:
            if self._options.is_strict:
                raise
            line = f", line {error.line}" if error.line else ""
            self._notes.append(f"{error.reason.replace('front matter', f'front matter{line}:', 1)}; it was passed over")
            return None

    def _canonical_url(self) -> str | None:
        for given in self._of("canonical"):
            url = _line_of(given.value) or ""
            try:
                parts = urlsplit(url)
            except ValueError:
                parts = urlsplit("")
            if parts.scheme in ("http", "https") and parts.netloc:
                return url
            self._note(given, "must be a whole http or https URL")
        return None

    def _dates_of_publish(self) -> Iterator[_Given]:
        """`published` is a date to some."""
        yield from (given for given in self._of("publish") if _is_date(given))

    def _publish(self) -> bool | None:
        """Raises SourceError if a value is no answer, or two contradict each other."""
        wishes: dict[str, bool] = {}
        last: _Given | None = None
        for given in (one for one in self._of("publish") if not _is_date(one)):
            wish = self._wish(given)
            if wish is not None:
                wishes[given.key] = wish
                last = given
        if last is not None and len(set(wishes.values())) > 1:
            keys = " and ".join(wishes)
            raise self._mistake(last, f"front matter keys {keys} contradict each other: keep one of them")
        return next(iter(wishes.values()), None)

    def _wish(self, given: _Given) -> bool | None:
        """Whether the article is to be published."""
        name, text = _plain(str(given.place[-1])), (_line_of(given.value) or "").casefold()
        if name == "status":
            if text not in _STATES:
                self._note(given, "must be draft or published")
                return None
            return text in _PUBLIC_STATES
        is_answer = isinstance(given.value, NonText) or not self._options.is_strict
        if not is_answer or text not in _YES | _NO:
            raise self._mistake(given, f"front matter key {given.key!r} must be true or false, without quotes")
        is_yes = text in _YES
        if name == "unlisted":
            return False if is_yes else None
        return is_yes is (name != "draft")


def _is_date(given: _Given) -> bool:
    """Whether the value of `published` is a date, and not an answer."""
    if _plain(str(given.place[-1])) != "published":
        return False
    value = given.value
    is_answer = isinstance(value, NonText) and value.kind in (YES_OR_NO, A_NUMBER) and len(value.text) < 8
    text = _line_of(value)
    return not is_answer and text is not None and any(sign.isdigit() for sign in text)


def _line_of(value: Value) -> str | None:
    """A text on one line; None if the value is none."""
    match value:
        case str():
            return " ".join(normalize_text(value).split())
        case NonText(text=text):
            return text
        case _:
            return None


def _names_in(value: Value) -> Iterator[str]:
    """The names of people; an address is never published unasked."""
    match value:
        case str() | NonText():
            text = _WIKILINK.sub(lambda found: found[2] or found[1], _line_of(value) or "")
            yield _MAIL_ADDRESS.sub("", _MARKDOWN_LINK.sub(r"\1", text)).strip(" ,;")
        case list():
            for one in value:
                yield from _names_in(one)
        case dict():
            whole = next((value[key] for key in ("name", "display_name", "fullname", "title") if value.get(key)), None)
            parts = (_line_of(value.get(key)) for key in ("first_name", "last_name"))
            yield from _names_in(whole if whole is not None else " ".join(part for part in parts if part))


def _source_of(value: Value) -> tuple[str, str]:
    """The address of an image, and the text for those who do not see it."""
    match value:
        case dict():
            keys = ("src", "image", "url", "path", "file", "filename", "relative")
            src = next((_source_of(value[key])[0] for key in keys if value.get(key)), "")
            alts = (_line_of(value.get(key)) for key in ("alt", "alttext", "alt_text", "description", "caption"))
            return src, next((alt for alt in alts if alt), "")
        case str():
            text = _line_of(value) or ""
            if found := _MARKDOWN_IMAGE.fullmatch(text):
                return found[2], found[1]
            return _WIKILINK.sub(lambda found: found[1], text), ""
        case _:
            return "", ""
