"""What Ghost renders of its cards becomes an article."""

from __future__ import annotations

import pytest

from distributor.domain.blocks import Paragraph, Quote, images_of, links_of, plain_text
from distributor.guarded_http import FetchedResponse
from distributor.sources.html import read_html
from distributor.sources.kinds.ghost import GhostSource
from distributor.sources.kinds.ghost_html import plain_html

SVG = '<svg viewBox="0 0 24 24"><title>download-circle</title><path d="M1 1"></path></svg>'


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            '<div class="kg-card kg-callout-card kg-callout-card-blue"><div class="kg-callout-emoji">💡</div>'
            '<div class="kg-callout-text">Mind <b>this</b>.</div></div>',
            "💡 Mind this.",
        ),
        (
            '<div class="kg-card kg-toggle-card" data-kg-toggle-state="close"><div class="kg-toggle-heading"><h4 class='
            '"kg-toggle-heading-text"><span>Why?</span></h4><button class="kg-toggle-card-icon"><span>Open</span>'
            f'{SVG}</button></div><div class="kg-toggle-content"><p>Because.</p></div></div>',
            "Why?\nBecause.",
        ),
        (
            '<div class="kg-card kg-file-card"><a class="kg-file-card-container" '
            'href="https://site.example/a.pdf" title='
            '"Download" download><div class="kg-file-card-contents"><div '
            'class="kg-file-card-title">Report</div><div class='
            '"kg-file-card-caption">All numbers</div><div class="kg-file-card-metadata"><div '
            'class="kg-file-card-filename">'
            f'a.pdf</div><div class="kg-file-card-filesize">3 MB</div></div></div><div>{SVG}</div></a></div>',
            "Report (a.pdf, 3 MB)\nAll numbers",
        ),
        (
            '<div class="kg-card kg-audio-card"><img src="" alt="audio-thumbnail" class="kg-audio-thumbnail '
            'kg-audio-hide">'
            '<div class="kg-audio-player-container"><audio src="https://site.example/a.mp3" preload="metadata"></audio>'
            '<div class="kg-audio-title">Episode 1</div><div class="kg-audio-player"><button>Play</button><span class='
            '"kg-audio-current-time">0:00</span><div class="kg-audio-time">/<span>72.24</span></div></div></div></div>',
            "▶ Episode 1",
        ),
        (
            '<figure class="kg-card kg-video-card"><div class="kg-video-container"><video '
            'src="https://site.example/v.mp4" '
            'poster="https://site.example/p.jpg"></video><div class="kg-video-overlay"><button>Play</button></div><div '
            'class="kg-video-player-container"><span>0:00</span>/<span>0:06</span></div></div><figcaption>At sea'
            "</figcaption></figure>",
            "▶ v.mp4\nAt sea",
        ),
        (
            '<div class="kg-card kg-button-card kg-align-center"><a href="https://site.example/go" '
            'class="kg-btn">Go</a>'
            "</div>",
            "Go",
        ),
        (
            '<p>One</p><div class="kg-card kg-signup-card"><h2>Sign up</h2><form><input type="email"></form></div>'
            '<div class="kg-email-card"><p>Only in the mail</p></div><!--members-only-->',
            "One",
        ),
        ('<figure class="kg-embed-card"><iframe src="https://www.youtube.com/embed/a"></iframe></figure>', "▶ YouTube"),
    ],
)
def test_cards_are_what_they_show(html: str, text: str) -> None:
    assert plain_text(read_html(plain_html(html), is_page=False)).strip() == text


def test_a_bookmark_is_a_quote_with_a_link_and_without_the_pictures_of_its_page() -> None:
    html = (
        '<figure class="kg-card kg-bookmark-card"><a class="kg-bookmark-container" href="https://other.example/a"><div '
        'class="kg-bookmark-content"><div class="kg-bookmark-title">A title</div><div '
        'class="kg-bookmark-description">What '
        'it says</div><div class="kg-bookmark-metadata"><img class="kg-bookmark-icon" '
        'src="https://other.example/i.png">'
        '<span class="kg-bookmark-author">Other</span><span class="kg-bookmark-publisher">Ida</span></div></div><div '
        'class="kg-bookmark-thumbnail"><img src="https://other.example/t.png"></div></a><figcaption>Read '
        "it</figcaption>"
        "</figure>"
    )
    (quote,) = blocks = read_html(plain_html(f"{html}"), is_page=False)
    assert isinstance(quote, Quote)
    lines = ["".join(run.text for run in one.runs) for one in quote.blocks if isinstance(one, Paragraph)]
    assert lines == ["A title", "What it says", "Other · Ida", "Read it"]
    assert list(links_of(blocks)) == ["https://other.example/a"]
    assert not list(images_of(blocks))


def test_images_and_galleries_keep_their_captions() -> None:
    html = (
        '<figure class="kg-card kg-image-card kg-card-hascaption"><img src="https://site.example/a.jpg" '
        'class="kg-image" '
        'alt="A" loading="lazy" width="2000" height="1333" srcset="https://site.example/size/w600/a.jpg 600w">'
        '<figcaption><span>One</span></figcaption></figure><figure class="kg-card kg-gallery-card"><div class='
        '"kg-gallery-container"><div class="kg-gallery-row"><div class="kg-gallery-image"><img src='
        '"https://site.example/b.jpg"></div><div class="kg-gallery-image"><img src="https://site.example/c.jpg"></div>'
        "</div></div><figcaption>Both</figcaption></figure>"
    )
    blocks = read_html(plain_html(html), is_page=False)
    assert [image.src.rpartition("/")[2] for image in images_of(blocks)] == ["a.jpg", "b.jpg", "c.jpg"]
    first = next(iter(images_of(blocks)))
    assert [run.text for run in first.caption] == ["One"]
    assert plain_text(blocks[-1:]).strip() == "Both"


@pytest.mark.parametrize("card", ["bookmark", "callout", "file", "audio"])
def test_a_card_without_its_parts_breaks_nothing(card: str) -> None:
    html = f'<p>Before</p><div class="kg-card kg-{card}-card"></div>after<p>End</p>'
    text = plain_text(read_html(plain_html(html), is_page=False))
    assert [line for line in text.split("\n") if line.strip()] == ["Before", "after", "End"]


@pytest.mark.parametrize(
    ("body", "site"),
    [
        (b'<meta name="generator" content="Ghost 5.82">', "https://site.example"),
        (
            b'<meta name="generator" content="Ghost 6.0"><script data-ghost="https://site.example/blog/"></script>',
            "https://site.example/blog",
        ),
        (b'<meta name="generator" content="Ghostwriter 2">', None),
        (b"<p>Made with Ghost 5</p>", None),
        (b"Ghost \xff\x00", None),
    ],
)
def test_a_page_tells_whether_its_site_is_in_ghost(body: bytes, site: str | None) -> None:
    page = FetchedResponse(url="https://site.example/a-post/", status=200, headers={}, body=body)
    assert GhostSource.found_at(page) == ({"site": site} if site else None)
