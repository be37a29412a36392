"""Lines above a text that name an author, a date or a place, in the forms that people write."""

from __future__ import annotations

import pytest

from distributor.sources.bylines import Byline, date_of_dateline, read_byline, without_dateline


@pytest.mark.parametrize(
    ("line", "byline"),
    [
        ("By Ida Crane", Byline(author="Ida Crane")),
        ("BY IDA CRANE", Byline(author="IDA CRANE")),
        ("Written by Ida van Dyke and Bo Li", Byline(author="Ida van Dyke and Bo Li")),
        ("By Ida Crane, editor of the Harbour Notes", Byline(author="Ida Crane, editor of the Harbour Notes")),
        ("Von Ida Kran und Bo Li", Byline(author="Ida Kran und Bo Li")),
        ("Par Ida Grue", Byline(author="Ida Grue")),
        ("Автор: Ида Кран", Byline(author="Ида Кран")),
        ("作者：王小明", Byline(author="王小明")),
        ("Monday, May 4th, 2026", Byline(date="Monday, May 4th, 2026")),
        ("4 de mayo de 2026", Byline(date="4 de mayo de 2026")),
        ("2026年5月4日", Byline(date="2026年5月4日")),
        ("Veröffentlicht am 4. Mai 2026", Byline(date="4. Mai 2026")),
        ("Last updated: 5 May 2026, 10:15", Byline(updated="5 May 2026, 10:15")),
        ("By Ida Crane, 4 May 2026", Byline(author="Ida Crane", date="4 May 2026")),
        ("Ida Crane (May 4, 2026)", Byline(author="Ida Crane", date="May 4, 2026")),
        (
            "Ida Crane | 4 May 2026 | 5 min read",
            Byline(author="Ida Crane", date="4 May 2026", reading_time="5 min read"),
        ),
        ("Posted on May 4, 2026 by Ida Crane", Byline(author="Ida Crane", date="May 4, 2026")),
        ("May 4, 2026, by Ida", Byline(author="Ida", date="May 4, 2026")),
        ("Veröffentlicht am 4. Mai 2026 von Ida Kran", Byline(author="Ida Kran", date="4. Mai 2026")),
        ("Publié le 4 mai 2026 par Ida Grue", Byline(author="Ida Grue", date="4 mai 2026")),
        ("Publicado el 4 de mayo de 2026 por Ida Grúa", Byline(author="Ida Grúa", date="4 de mayo de 2026")),
        ("By Ida Crane, ida@example.org", Byline(author="Ida Crane")),
        ("Hamburg, den 4. Mai 2026", Byline(place="Hamburg", date="4. Mai 2026")),
        ("New York, 4 May 2026", Byline(place="New York", date="4 May 2026")),
    ],
)
def test_a_line_with_author_date_or_place_is_read(line: str, byline: Byline) -> None:
    assert read_byline(line) == byline


@pytest.mark.parametrize(
    "line",
    [
        "By the sea",
        "By Train",
        "By Train and Bus",
        "Por Ejemplo",
        "Ida Crane",
        "Von der Kunst, ein Seil zu spleißen",
        "In May 2026 we met",
        "We met on May 4, 2026",
        "The war of 1812",
        "Home | About | Contact",
        "From 9 to 5",
        "Author: is it you?",
        "",
    ],
)
def test_other_lines_are_no_bylines(line: str) -> None:
    assert read_byline(line) is None


@pytest.mark.parametrize(
    ("dateline", "date"),
    [
        ("HAMBURG, Germany, May 4, 2026 /PRNewswire/ -- ", "May 4, 2026"),
        ("Hamburg, 4. Mai 2026 – ", "4. Mai 2026"),
        ("Paris, le 4 mai 2026 – ", "4 mai 2026"),
        ("MADRID, 4 de mayo de 2026.- ", "4 de mayo de 2026"),
        ("Madrid, 4 de mayo de 2026. ", "4 de mayo de 2026"),
        ("Hamburg (dpa) - ", ""),
        ("HAMBURG — ", ""),
        ("", ""),
    ],
)
def test_a_dateline_ends_before_the_first_sentence(dateline: str, date: str) -> None:
    assert without_dateline(f"{dateline}The rope walk opens.") == "The rope walk opens."
    assert date_of_dateline(f"{dateline}The rope walk opens.") == date


@pytest.mark.parametrize("text", ["NASA — the agency — is old.", "Ida Crane — an author.", "A plank - as you know."])
def test_a_dash_alone_makes_no_dateline(text: str) -> None:
    assert without_dateline(text) == text
