"""Stop words: PostgreSQL's dictionaries know those of many languages."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text

from distributor.storage.arrays import array_of
from distributor.storage.database import Connection

# The Snowball dictionaries of PostgreSQL that have a list of stop words, by language (its manual, 12.6.6).
_DICTIONARIES = {
    "da": "danish_stem",
    "de": "german_stem",
    "en": "english_stem",
    "es": "spanish_stem",
    "fi": "finnish_stem",
    "fr": "french_stem",
    "hu": "hungarian_stem",
    "it": "italian_stem",
    "nb": "norwegian_stem",
    "ne": "nepali_stem",
    "nl": "dutch_stem",
    "nn": "norwegian_stem",
    "no": "norwegian_stem",
    "pt": "portuguese_stem",
    "ru": "russian_stem",
    "sv": "swedish_stem",
    "tr": "turkish_stem",
}


def stop_words_among(connection: Connection, words: Collection[str], language: str) -> frozenset[str]:
    """Those of these words that say nothing by themselves in a language (BCP 47); none where no list is known."""
    dictionary = _DICTIONARIES.get(language.partition("-")[0].lower())
    if dictionary is None:
        return frozenset()
    # A dictionary gives an empty array for a stop word. Its name is one of those above.
    found = connection.execute(
        text(f"SELECT word FROM unnest(CAST(:words AS text[])) word WHERE ts_lexize('{dictionary}', word) = '{{}}'"),  # noqa: S608
        {"words": array_of(words)},
    )
    return frozenset(found.scalars())
