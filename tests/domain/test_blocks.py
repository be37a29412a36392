from __future__ import annotations

from dataclasses import replace

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Paragraph,
    Quote,
    Run,
    Table,
    links_of,
    plain_text,
    replace_images,
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


def test_images_are_replaced_wherever_they_stand_and_nothing_else_is() -> None:
    changed = replace_images(BODY, lambda image: replace(image, src=f"/media/{image.src}"))

    assert [block.src for block in walk(changed) if isinstance(block, Image)] == [
        "/media/inner.png",
        "/media/outer.png",
    ]
    assert replace_images(changed, lambda image: replace(image, src=image.src.removeprefix("/media/"))) == BODY
