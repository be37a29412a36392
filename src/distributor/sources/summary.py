"""The summary of an article whose author gave none: from its first sentence that says something.

Every sentence near the start gets points: `_PROMISE` for what a reader gets, `_STATEMENT` for another sentence,
`_DEFINITION` for one that explains a word, one point less for each that comes before it. What names an author or a
date, greets, or announces what follows says nothing and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import regex

from distributor.domain.blocks import Block, Paragraph, plain_text, text_of
from distributor.sources.bylines import is_byline, is_credit, without_dateline
from distributor.sources.labels import read_label

MAX_SUMMARY = 200
_SENTENCE_END = regex.compile(r"[.!?…][\"'”’»)]*(?=\s)|[。！？][」』”]?")
# A summary of whole sentences must have at least this many characters.
_MIN_SUMMARY = 80

_PROMISE, _STATEMENT, _DEFINITION = 4, 3, 2
_MOST_PARAGRAPHS = 12
_MOST_SENTENCES = 4
# What does not end like a sentence is one if it is long.
_MIN_UNENDED = 60
_LEAST_WORDS = 4
_ENDED = regex.compile(r"[.!?…。！？][\"'”’»)」』]*$")
# Abbreviations and initials do not end a sentence.
_NO_END = regex.compile(
    r"(?:^|[\s(])(?:\p{Lu}|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|vs|etc|e\.g|i\.e|z\.\s?B|bzw|ca|approx|Inc|Ltd|Jr|Sr|kl"
    r"|[0-9]{1,2})\.$"
)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_LEAST_UNSPACED = 8
_GREETING = regex.compile(
    r"(?:dear|hello|hi|hey|good (?:morning|afternoon|evening)|welcome|liebe[rs]?|hallo|guten (?:morgen|tag|abend)"
    r"|sehr geehrte[rs]?|moin|cher|chère|chers|chères"
    r"|bonjour|bonsoir|salut|estimad[oa]s?|querid[oa]s?|hola|buenos días|buenas tardes|car[oiae]|gentil[ei]|ciao"
    r"|buongiorno|beste|geachte|kära?|hej|kære|hei"
    r"|olá|prezad[oa]s?|drodzy|drogi[ae]?|szanowni|cześć|milí|vážení|ahoj|kedves|tisztelt|dragi|stimați|sevgili"
    r"|merhaba|дорог(?:ие|ой|ая)|уважаем(?:ые|ый|ая)"
    r"|привет|здравствуйте|шановні|дорогі|αγαπητο[ίύ]|γεια)\b[^.?]{0,60}[,!:]?",
    regex.IGNORECASE,
)
_URL = regex.compile(r"(?:https?://|www\.)\S+|\S+@\S+", regex.IGNORECASE)
_DEFINING = regex.compile(
    r"(?:is|are) (?:an?|the|one of|any|defined|known|called|when)\b|(?:refers?|relates?) to\b|(?:means?|describes?"
    r"|stands? for|denotes?)\b"
    r"|(?:ist|sind|war|bezeichnet|bedeutet|versteht man) (?:ein(?:e[nmrs]?)?|die|der|das|unter)\b|(?:bezeichnet"
    r"|bedeutet)\b"
    r"|(?:est|sont|désigne|signifie) (?:une?|l[ea’']|les|des)\b|(?:désigne|signifie)\b|(?:es|son) (?:una?|el|la|los"
    r"|las)\b|(?:significa|se refiere|designa|indica)\b"
    r"|(?:è|sono) (?:un[oa’']?|il|la|lo|l[’']|i|gli|le)\b|(?:é|são) (?:uma?|o|a|os|as)\b|(?:is|zijn) (?:een|de|het)\b"
    r"|betekent\b|är (?:en|ett)\b|er (?:en|et|ei)\b"
    r"|(?:jest|są) to\b|to (?:jest|są)\b|— это\b|это\b",
    regex.IGNORECASE,
)
# A definition begins with what it defines; the verb comes soon.
_MOST_DEFINED = 60
_PROMISING = regex.compile(
    r"\b(?:you(?:['’](?:ll|re))?|your|yourself|here(?:['’]s| is| are)|this (?:article|guide|post|piece|page|tutorial"
    r"|story|issue|report|essay|primer|series)|in this"
    r"|we(?:['’]ll| will| show| explain| look| walk)|learn|discover|find out|how to|let(?:['’]s| us)|read on|below"
    r"|du|dir|dich|sie (?:erfahren|lernen|finden|lesen)|ihr|ihnen|dieser (?:artikel|beitrag|leitfaden|text)"
    r"|dieses? (?:anleitung|heft)|in diesem|wir (?:zeigen|erklären)|hier (?:ist|sind|steht|lesen)|so (?:geht|gelingt)"
    r"|erfahren|wie man"
    r"|vous|votre|vos|cet article|ce (?:guide|billet|dossier)|dans ce|nous (?:expliquons|verrons|montrons)|voici"
    r"|découvr\p{L}+|apprenez"
    r"|usted|ustedes|tú|este (?:artículo|guía)|esta guía|en este|aquí|aprenda|aprende\p{L}*|descubr\p{L}+"
    r"|le (?:mostramos|explicamos)|cómo"
    r"|questo articolo|questa guida|in questo|ecco|scopr\p{L}+|impar\p{L}+|come|você|este artigo|neste|veja"
    r"|aprend\p{L}+|dit artikel|deze gids|in dit|zo|ontdek\p{L}*|leer"
    r"|den här|i den här|denne artikel|tässä|w tym artykule|dowie\p{L}+|v tomto|ebben a|bu yazıda|в этой статье"
    r"|вы узнаете|как|у цій статті)\b",
    regex.IGNORECASE,
)


def summarise(body: Sequence[Block]) -> str:
    """At most MAX_SUMMARY characters: whole sentences if they are long enough, else whole words and an ellipsis."""
    texts = [text_of(block.runs) for block in body if isinstance(block, Paragraph)]
    paragraphs = [one for text in texts if (one := _one_line(text)) and not all(map(is_byline, text.splitlines()))]
    ended = (text for text in paragraphs if _ENDED.search(text) and not _GREETING.fullmatch(text))
    text = _best_beginning(paragraphs) or next(ended, "") or _one_line(plain_text(body))
    if len(text) <= MAX_SUMMARY:
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, MAX_SUMMARY + 1)]
    fitting = [end for end in ends if _MIN_SUMMARY <= end <= MAX_SUMMARY]
    return text[: fitting[-1]] if fitting else f"{_whole_words(text)}…"


def _best_beginning(paragraphs: Sequence[str]) -> str:
    """The rest of a paragraph from its best sentence on; empty if no sentence says anything."""
    telling = islice(_telling_sentences(paragraphs), _MOST_SENTENCES)
    ranked = [(_points_of(sentence) - place, beginning) for place, (sentence, beginning) in enumerate(telling)]
    return max(ranked, key=lambda each: each[0])[1] if ranked else ""


def _telling_sentences(paragraphs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The sentences that say something, each with its paragraph from there on."""
    for paragraph in paragraphs[:_MOST_PARAGRAPHS]:
        text = without_dateline(paragraph)
        for start, end in _sentences_of(text):
            if _says_something(text[start:end], is_whole=start == 0 and end == len(text)):
                yield text[start:end], text[start:]


def _sentences_of(text: str) -> Iterator[tuple[int, int]]:
    """Where the first sentences of a paragraph begin and end."""
    start = 0
    for found in islice(_SENTENCE_END.finditer(text), 3 * _MOST_SENTENCES):
        if not _NO_END.search(text, max(start, found.end() - 12), found.end()):
            yield start, found.end()
            start = found.end() + (text[found.end() : found.end() + 1] == " ")
    if start < len(text):
        yield start, len(text)


def _says_something(sentence: str, *, is_whole: bool) -> bool:
    """Whether a sentence is one, and not a line that names, dates, greets, credits or announces."""
    if len(sentence) < _MIN_UNENDED:
        signs = len(_UNSPACED.findall(sentence))
        is_long_enough = signs >= _LEAST_UNSPACED or len(sentence.split()) >= _LEAST_WORDS
        if not (is_long_enough and _ENDED.search(sentence)):
            return False
    if sentence.isupper() or _GREETING.fullmatch(sentence) or is_credit(sentence) or _URL.fullmatch(sentence):
        return False
    return not (is_whole and read_label(sentence))


def _points_of(sentence: str) -> int:
    verb = _DEFINING.search(sentence, 0, _MOST_DEFINED)
    if verb is not None and not _PROMISING.search(sentence, 0, verb.start()):
        return _DEFINITION
    is_promise = _PROMISING.search(sentence) and not sentence.endswith("?")
    return _PROMISE if is_promise else _STATEMENT


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _whole_words(text: str) -> str:
    """As many words as fit before the ellipsis, or graphemes if there are no spaces."""
    room = MAX_SUMMARY - 1
    space = text.rfind(" ", _MIN_SUMMARY, room + 1)
    if space >= 0:
        return text[:space].rstrip(" ,;:–—-")
    end = 0
    for grapheme in regex.finditer(r"\X", text, endpos=room + 50):
        if grapheme.end() > room:
            break
        end = grapheme.end()
    return text[:end]
