from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Table,
    images_of,
    links_of,
    plain_text,
    replace_images,
    set_large_images_apart,
    walk,
)

INNER = Image("inner.png", "alt", (Run("a caption", href="https://c.example"),))
BODY: tuple[Block, ...] = (
    Heading(2, (Run("Head"), Run("ing"))),
    Paragraph((Run("See ", href=None), Run("this", href="https://a.example"))),
    List((ListItem((Paragraph((Run("item"),)), Quote((INNER,)))), ListItem(()))),
    Code("x < 1"),
    Table(((Run("h"),),), (((Run("cell", href="https://a.example"),),),), (Alignment.LEFT,)),
    Divider(),
    Image("outer.png"),
)


def test_walking_visits_every_block_in_reading_order() -> None:
    assert [type(block).__name__ for block in walk(BODY)] == [
        "Heading", "Paragraph", "List", "Paragraph", "Quote", "Image", "Code", "Table", "Divider", "Image",
    ]  # fmt: skip


def test_plain_text_is_all_a_reader_reads() -> None:
    assert plain_text(BODY) == "Heading\nSee this\nitem\na caption\nx < 1\nh\ncell"


def test_links_come_in_reading_order_and_each_once() -> None:
    assert links_of(BODY) == ["https://a.example", "https://c.example"]


BADGE = Image("badge.gif", "Award", width=88, height=31)
PHOTO = Image("photo.jpg", "The jury", width=1600, height=900)


def among_text(image: Image, href: str | None = None) -> tuple[Block, ...]:
    """A paragraph with the image, inside a list."""
    runs = (Run("We won: "), Run(image.alt, href=href, image=image), Run(" in spring."))
    return (List((ListItem((Paragraph(runs),)),)),)


def test_an_image_among_text_is_one_of_the_images() -> None:
    assert list(images_of((*BODY, *among_text(BADGE)))) == [INNER, Image("outer.png"), BADGE]
    moved = replace_images(among_text(BADGE), lambda image: replace(image, src="/media/1.gif"))
    assert [image.src for image in images_of(moved)] == ["/media/1.gif"]


def test_an_image_among_text_is_read_as_its_alternative_text() -> None:
    assert plain_text(among_text(BADGE)) == "We won: Award in spring."


def test_a_row_of_badges_is_no_text() -> None:
    row = Paragraph((Run("Award", image=BADGE), Run(" "), Run("Jury", image=BADGE)))
    assert plain_text((row, Paragraph((Run("Text"),)))) == "Text"


@pytest.mark.parametrize("image", [BADGE, Image("far.png", "far")])
def test_an_image_that_is_small_or_of_unknown_size_stays_in_its_line(image: Image) -> None:
    assert set_large_images_apart(among_text(image)) == among_text(image)


def test_a_large_image_gets_a_line_of_its_own() -> None:
    (list_,) = set_large_images_apart(among_text(PHOTO))
    assert isinstance(list_, List)
    assert list_.items[0].blocks == (Paragraph((Run("We won:"),)), PHOTO, Paragraph((Run("in spring."),)))


def test_spaces_in_code_stay_beside_a_large_image_and_without_one() -> None:
    code = Run(" x ", frozenset({Mark.CODE}))
    photo = Run("", image=PHOTO)
    assert set_large_images_apart((Paragraph((code, photo, Run(" "), code)), Paragraph((code, Run(" ."))))) == (
        *(Paragraph((code,)), PHOTO, Paragraph((code,))),
        Paragraph((code, Run(" ."))),
    )


def test_a_link_around_a_large_image_moves_to_its_caption() -> None:
    photo = next(images_of(set_large_images_apart(among_text(PHOTO, "https://a.example"))))
    assert photo.caption == (Run("The jury", href="https://a.example"),)


def test_images_are_replaced_wherever_they_stand_and_nothing_else_is() -> None:
    changed = replace_images(BODY, lambda image: replace(image, src=f"/media/{image.src}"))

    assert [block.src for block in walk(changed) if isinstance(block, Image)] == [
        "/media/inner.png",
        "/media/outer.png",
    ]
    assert replace_images(changed, lambda image: replace(image, src=image.src.removeprefix("/media/"))) == BODY
