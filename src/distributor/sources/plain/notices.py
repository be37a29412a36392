"""What in a plain text is for the press and not for readers: notices of a release, contacts, embargoes, end marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from distributor.sources.plain.lines import Line, LineGroup

# What a line may consist of, after its decoration is taken off.
_RELEASE = regex.compile(
    r"(?:for immediate (?:press )?(?:release|publication|distribution)|for release(?: on receipt)?|(?:press|media"
    r"|news) release"
    r"|for release immediately|press notice|media advisory|news advisory"
    r"|(?:presse|medien)(?:mitteilung|information|meldung|aussendung|notiz)|zur sofortigen (?:veröffentlichung"
    r"|verwendung|freigabe)"
    r"|zur freien verwendung|ab sofort zur veröffentlichung frei|communiqué(?: de presse)?|dossier de presse"
    r"|pour (?:diffusion|publication|parution) immédiate|à diffuser immédiatement|à publier immédiatement"
    r"|(?:nota|comunicado) de prensa|para (?:su )?(?:publicación|difusión) inmediata|comunicato(?: stampa)?"
    r"|per (?:pubblicazione|diffusione|il rilascio) immediat[ao]|per rilascio immediato|comunicado(?: (?:de"
    r"|à) imprensa)?|nota (?:de|à) imprensa"
    r"|para (?:divulgação|publicação) imediata|persbericht|voor (?:onmiddellijke|directe) (?:publicatie|vrijgave)"
    r"|pressmeddelande"
    r"|för omedelbar publicering|pressemeddelelse|pressemelding|til (?:umiddelbar|øjeblikkelig) (?:offentliggørelse"
    r"|publisering)"
    r"|(?:lehdistö)?tiedote|julkaisuvapaa(?: heti)?|(?:informacja|komunikat|notatka) prasow[ay]"
    r"|do natychmiastowej publikacji"
    r"|tisková zpráva|tlačová správa|sajtóközlemény|comunicat de presă|basın (?:bülteni|açıklaması)|пресс-релиз"
    r"|прес-реліз|прессъобщение"
    r"|для немедленн(?:ой публикации|ого распространения)|δελτίο τύπου|新闻稿|新聞稿|プレスリリース|報道資料|보도자료)"
    r"(?:\s*(?:n[or]\.?|nº|n°|nummer|no\.?|#|№)?\s*[0-9]{1,4}(?:\s*[/-]\s*[0-9]{2,4})?)?",
    regex.IGNORECASE,
)
_CONTACT = regex.compile(
    r"(?:(?:media|press|pr|news media) (?:contacts?|relations|enquir(?:y|ies)|inquir(?:y|ies)|office"
    r"|liaison)(?: information| details)?"
    r"|contacts? for (?:the )?(?:media|press)|(?:for|with) (?:media|press) (?:enquir|inquir)(?:y"
    r"|ies)(?:,? (?:please )?contact)?"
    r"|for (?:more|further|additional) (?:information|details),? (?:please )?contact|notes? to (?:the )?press"
    r"|(?:presse|medien)(?:kontakte?|stelle|anfragen|büro)|ansprechpartner(?:in)? (?:für (?:die )?(?:presse|medien)"
    r"|presse)"
    r"|kontakt für (?:die )?(?:presse|medien)|rückfragen(?: der presse)?(?: bitte)?(?: an)?|contacts? (?:de )?presse"
    r"|contacts? médias?|relations presse"
    r"|contactos? (?:de|para) (?:la )?prensa|contactos? (?:de|para) (?:los )?medios|contatt[io] (?:per la )?stampa"
    r"|ufficio stampa"
    r"|contactos? (?:de|para a) imprensa|assessoria de imprensa|perscontact|contact voor de pers|presskontakt"
    r"|kontakt (?:for|för|til) press(?:e|en)?|kontakt prasowy|biuro prasowe"
    r"|contatos? (?:de|para a?) ?imprensa"
    r"|lehdistöyhteydet|yhteyshenkilö medialle|kontakt dla mediów|kontakt pro média|sajtókapcsolat|contact presă"
    r"|basın iletişim"
    r"|контакты? для (?:сми|прессы)|контакт для змі|媒体联系(?:人)?|媒體聯絡(?:人)?|報道関係者(?:の)?お問い合わせ先?)",
    regex.IGNORECASE,
)
# In a press release also these, without a word about the press.
_CONTACT_IN_RELEASE = regex.compile(
    r"contacts?|contact (?:information|details)|kontakt|contacto|contatti?|contato|yhteystiedot|контакты?",
    regex.IGNORECASE,
)
_EMBARGO = regex.compile(
    r"(?:(?:strictly |under )?embargo(?:ed)?(?: (?:until|till|to|date|for release(?: (?:at|on))?))?(?=[\s:–—-]*$"
    r"|\s*[:–—-]|\s+(?:until|till|[0-9]))"
    r"|(?:strictly )?(?:under )?(?:embargoed (?:until|till|to|for)|embargo (?:until|till))\b|(?:not|do not"
    r"|don['’]t) (?:for )?(?:publish|publication|release) (?:before|until)"
    r"|for release (?:at|on|after|not before)\b|hold for release(?: until)?"
    r"|(?:gesperrt|sperrfrist)(?: bis)?\b|frei ab\b|sous embargo(?: jusqu['’](?:au|à))?|embargo jusqu['’](?:au|à)"
    r"|embargad[oa] hasta|embargo hasta"
    r"|(?:sotto )?embargo fino al|sob embargo até|embargo até|onder embargo(?: tot)?|embargo tot|under embargo till"
    r"|embargo do|эмбарго до)"
    r"\s*(?:[:–—-]\s*)?",
    regex.IGNORECASE,
)
_END = regex.compile(
    r"(?P<decorated>[-–—*#~<\[({|=•·\s]+)?(?:ends?|end of (?:press )?(?:release|text|story)|the end"
    r"|ende(?: der (?:presse)?mitteilung)?"
    r"|schluss|fin(?: du communiqué)?|fine(?: del comunicato)?|fim|einde(?: (?:pers)?bericht)?|slut|loppu|koniec|konec"
    r"|vége|sfârșit|конец|кінець|край"
    r"|τέλος|完|終|以上|끝)(?P<closed>[-–—*#~>\])}|=•·\s]+)?\.?",
    regex.IGNORECASE,
)
_ONLY_MARK = regex.compile(r"#(?:\s?#){2,}|[■◼∎◾▪]|\*(?:\s\*){2,}|[-–—]\s?(?:30|0|xxx)\s?[-–—]", regex.IGNORECASE)
_DECORATION = ' \t*-–—=_~#|•·.:!()[]<>«»"“”'
_PARTS = regex.compile(r"(?:(?!\s[|•·/–—-]\s|[|]|:\s).)+")
_PARTS_BY_COMMA = regex.compile(r"(?:(?!,\s).)+")
_LONGEST = 160
_CONTACT_DATA = regex.compile(
    r"\S@\S|https?://|www\.|(?:\+|\(?0)[0-9][0-9 ()/.-]{5,}|\b(?:tel|phone|mobile|fax|e-?mail|web)\b", regex.IGNORECASE
)
_SENTENCE = regex.compile(r"\p{Ll}[.!?](?:\s|$)")
_MOST_LINES_OF_CONTACT = 8
_MOST_CONTACT_GROUPS = 4
# Where notices of a release stand: a title and what is around it.
_MOST_GROUPS_OF_TOP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseNotices:
    """What was taken out of a text: the lines, and the date of an embargo as it is written, empty if there is none."""

    left_out: tuple[str, ...] = ()
    embargoes: tuple[str, ...] = ()


def take_notices(line_groups: Sequence[LineGroup]) -> tuple[list[LineGroup], ReleaseNotices]:
    """The lines without those for the press, and what these were. An end mark between two parts becomes a rule."""
    taking = _Taking(line_groups)
    kept = [group for group in map(taking.kept_of, range(len(line_groups))) if group]
    return kept, ReleaseNotices(left_out=tuple(taking.left_out), embargoes=tuple(taking.embargoes))


class _Taking:
    def __init__(self, line_groups: Sequence[LineGroup]) -> None:
        self._groups = line_groups
        self._is_release = any(
            len(line.text) <= _LONGEST and _without_notices(line.text) != line.text
            for group in line_groups[:_MOST_GROUPS_OF_TOP]
            for line in group
        )
        self._contact_groups = 0
        self.left_out: list[str] = []
        self.embargoes: list[str] = []

    def kept_of(self, at: int) -> LineGroup:
        """What is kept of a group of lines."""
        group = self._groups[at]
        if self._is_more_contact(group):
            self._leave_out(group)
            return ()
        self._contact_groups = 0
        start = next((place for place, line in enumerate(group) if self._begins_contact(line)), None)
        if start is not None and self._is_contact(at, start):
            self._leave_out(group[start:])
            # The label alone, or with a name: the contact comes after an empty line.
            is_open = start + 1 == len(group) or not _has_contact_data(group[start:])
            self._contact_groups = _MOST_CONTACT_GROUPS if is_open else 0
            group = group[:start]
        # A first line alone is a title, whatever it says.
        may_end = at > 0 and len(group) == 1
        kept = (self._kept_line(line, is_top=at < _MOST_GROUPS_OF_TOP, may_end=may_end) for line in group)
        return tuple(line for line in kept if line is not None)

    def _leave_out(self, lines: Sequence[Line]) -> None:
        self.left_out += [line.text for line in lines]

    def _is_contact(self, at: int, start: int) -> bool:
        """Whether contact data follow a label, in its group or in the next: without them it may be a heading."""
        groups = [self._groups[at][start:], *self._groups[at + 1 : at + 2]]
        return _may_be_contact(groups[0]) and any(map(_has_contact_data, groups))

    def _is_more_contact(self, group: LineGroup) -> bool:
        if not self._contact_groups:
            return False
        self._contact_groups -= 1
        return _has_contact_data(group)

    def _begins_contact(self, line: Line) -> bool:
        if len(line.text) > _LONGEST:
            return False
        label = line.text.partition(":")[0].strip(_DECORATION)
        return bool(_CONTACT.fullmatch(label) or (self._is_release and _CONTACT_IN_RELEASE.fullmatch(label)))

    def _kept_line(self, line: Line, *, is_top: bool, may_end: bool) -> Line | None:
        """The line, what is left of it, or None."""
        if len(line.text) > _LONGEST or line.is_rule:
            return line
        if _ONLY_MARK.fullmatch(line.text) or (may_end and _is_end(line.text)):
            return Line(line.indent, line.text, is_rule=True)
        if not is_top:
            return line
        if (until := _embargo_of(line.text)) is not None:
            self.left_out.append(line.text)
            self.embargoes.append(until)
            return None
        rest = _without_notices(line.text)
        if rest == line.text:
            return line
        self.left_out.append(line.text.replace(rest, "").strip(_DECORATION + ",") if rest else line.text)
        return Line(line.indent, rest) if rest else None


def _embargo_of(text: str) -> str | None:
    """Until when there is an embargo, as it is written: empty if that is not said. None if there is none."""
    bare = text.strip(_DECORATION)
    found = _EMBARGO.match(bare)
    if found is None:
        return None
    until = bare[found.end() :].strip()
    # "Embargo: a history" is a title.
    is_notice = not until or bare.isupper() or any(sign.isdigit() for sign in until)
    return until if is_notice else None


def _without_notices(text: str) -> str:
    """A line without the notices of a release at its start and end; empty if it is nothing else."""
    parts = [part.span() for part in _PARTS.finditer(text)]
    if len(parts) == 1:
        # "Press release, 4 May 2026"
        parts = [part.span() for part in _PARTS_BY_COMMA.finditer(text)]
    others = [(start, end) for start, end in parts if not _RELEASE.fullmatch(text[start:end].strip(_DECORATION))]
    if len(others) == len(parts):
        return text
    return text[others[0][0] : others[-1][1]].strip() if others else ""


def _is_end(text: str) -> bool:
    """Whether a line is an end mark: a word for it in capitals, or between signs."""
    found = _END.fullmatch(text)
    if found is None:
        return False
    is_framed = bool((found["decorated"] or "").strip() and (found["closed"] or "").strip())
    return is_framed or text.isupper()


def _has_contact_data(lines: Sequence[Line]) -> bool:
    return _may_be_contact(lines) and any(_CONTACT_DATA.search(line.text) for line in lines)


def _may_be_contact(lines: Sequence[Line]) -> bool:
    """Whether these lines name people and numbers, and are no text."""
    return len(lines) <= _MOST_LINES_OF_CONTACT and not any(
        len(line.text) > _LONGEST or len(_SENTENCE.findall(line.text)) > 1 for line in lines
    )
