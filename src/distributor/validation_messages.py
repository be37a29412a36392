"""What pydantic finds wrong with a value, in a sentence for people: without its types and its prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# By the types of pydantic's errors (docs.pydantic.dev, "Validation Errors"); the values are from their contexts.
_SENTENCES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a list of names with values",
    "enum": "must be {expected}",
    "extra_forbidden": "is not known",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "string_pattern_mismatch": "does not have the required form",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be a text",
}


def sentence_of(found: Mapping[str, Any]) -> str:
    """What is wrong with a value, from an entry of `ValidationError.errors()`; it does not name the value's place."""
    sentence = _SENTENCES.get(found["type"])
    if sentence is not None:
        return sentence.format(**found.get("ctx", {}))
    message: str = found["msg"]
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def in_words(faults: Iterable[Mapping[str, Any]]) -> str:
    """Entries of `ValidationError.errors()` in one line, each with the place of its value."""
    return "; ".join(": ".join(filter(None, (".".join(map(str, one["loc"])), sentence_of(one)))) for one in faults)
