"""The dialects of Markdown that site generators and note programs have, as blocks."""

from __future__ import annotations

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import links_of, plain_text
from distributor.sources.formats import parse_manuscript

from .outline import outline_of_blocks

NO_TAGS = "there are no tags: end the text with a line of them, or list them in front matter"


def parse(body: str, *, name: str = "a.md") -> Manuscript:
    return parse_manuscript(f"# T\n\n{body}\n\nLast.".encode(), name=name)


def outline(body: str, *, name: str = "a.md") -> list[str]:
    *blocks, last = outline_of_blocks(parse(body, name=name).body)
    assert last.strip() == "p Last." or "note" in body
    return blocks


def notes(body: str, *, name: str = "a.md") -> list[str]:
    return [one for one in parse(body, name=name).warnings if one != NO_TAGS]


def test_footnotes_are_numbered_notes_at_the_end_that_their_numbers_lead_to() -> None:
    body = (
        "Final[^n], free[^2], final[^n].^[An *inline* note]\n\n[^n]:\n    Unless fuel doubles.\n\n    Then we talk.\n"
    )
    manuscript = parse(f"{body}[^2]: https://shop.example/terms\n\n[^lost]: Unread.")
    assert list(outline_of_blocks(manuscript.body)) == [
        "p Final[note: 1 → #fn1], free[note: 2 → #fn2], final[note: 1 → #fn1].[note: 3 → #fn3]",
        "p Last.", "divider",
        "1.", "    p Unless fuel doubles.", "    p Then we talk.",
        "2.", "    p [https://shop.example/terms → https://shop.example/terms]",
        "3.", "    p An [emphasis: inline] note",
    ]  # fmt: skip
    assert manuscript.summary == "Final, free, final."
    assert "the note [^lost] is referred to nowhere and was left out" in manuscript.warnings


def test_a_last_line_of_tags_is_found_above_notes() -> None:
    manuscript = parse_manuscript(b"# T\n\nText[^1].\n\nTags: soil, worms\n\n[^1]: A note.", name="a.md")
    assert [tag.label for tag in manuscript.tags] == ["soil", "worms"]
    assert "Tags" not in plain_text(manuscript.body)


def test_notes_in_html_are_notes_too() -> None:
    html = '<p>Text<sup><a href="#f1">[1]</a></sup></p><ol><li id="f1">A note <a href="#back">↩</a></li></ol>'
    assert outline(html) == ["p Text[note: 1 → #f1]", "1.", "    p A note"]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("- [ ] open\n- [x] done", ["*", "    p ☐ open", "*", "    p ☑ done"]),
        ("Term\n: *One*\n: Two", ["p [strong: Term]⏎[emphasis: One]", "p Two"]),
        ("==marked== a == b, x^2^ H~2~O ~struck~ ~/a ~/b", [
            "p [highlight: marked] a == b, x[superscript: 2] H[subscript: 2]O [strike: struck] ~/a ~/b"
        ]),
        ("$5 and $10, US$5, $7-$9, $x^2$ and $n$", ["p $5 and $10, US$5, $7-$9, [code: x^2] and [code: n]"]),
        ("$$\nE = mc^2\n$$", ["code math", "    E = mc^2"]),
        ("> [!NOTE]\n> a\n\n> [!TIP]- My *title*\n> b", [
            "quote", "    p [strong: Note]", "    p a",
            "quote", "    p [strong: My ][emphasis strong: title]", "    p b",
        ]),
        (":::note\na\n:::\n\n:::tip[Mine]\n\nb\n\n:::", [
            "quote", "    p [strong: Note]", "    p a", "quote", "    p [strong: Mine]", "    p b"
        ]),
        ("::: {.callout-warning title=\"Hey\"}\na\n:::\n\n::: columns\nb\n:::", [
            "quote", "    p [strong: Hey]", "    p a", "p b"
        ]),
        ('!!! note "Mine"\n    a\n\n!!! Wow, loud', ["quote", "    p [strong: Mine]", "    p a", "p !!! Wow, loud"]),
        ("Intro\n{: .lead}\n\n* Contents\n{:toc}\n\n[x](/y){:target=\"_blank\"} **b**{: .c} `{: .d}`", [
            "p Intro", "p [x → /y] [strong: b] [code: {: .d}]"
        ]),
        ("| a |\n|---|\n| 1 |\n{: .table}\n\n[TOC]\n\n[[toc]]", ["table left", "    a", "    1"]),
    ],
)  # fmt: skip
def test_what_dialects_add_becomes_blocks(text: str, blocks: list[str]) -> None:
    assert outline(text) == blocks
    assert notes(text) == []


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ('{{< figure src="/a.png" alt="An a" caption="The a" link="/b" >}}', ["image /a.png (An a) [The a → /b]"]),
        ("{{< youtube id=q1 >}}\n{{% vimeo 12 %}}", [
            "p [▶ YouTube → https://www.youtube.com/watch?v=q1]", "p [▶ Vimeo → https://vimeo.com/12]"
        ]),
        ('[a]({{< ref "b.md#c" >}}) [d]({{< relref path="/e" >}}) [f]({% post_url 2020-01-01-g %})', [
            "p [a → b.md#c] [d → /e] [f → 2020-01-01-g.md]"
        ]),
        ('![i]({{ site.baseurl }}/i.png) x [u]({{ "/x" | relative_url }}) <a href="{% link _posts/y.md %}">y</a>', [
            "p (/i.png: i) x [u → /x] [y → /_posts/y.md]"
        ]),
        ('{{< highlight py "linenos=table" >}}\nx = {{ y }}\n{{< /highlight >}}', ["code py", "    x = {{ y }}"]),
        ("- a\n\n  {% highlight js %}\n  b\n    c\n  {% endhighlight %}", [
            "*", "    p a", "    code js", "        b", "          c"
        ]),
        ('{% include figure.html src="/a.jpg" alt="A" caption="B" %}', ["image /a.jpg (A) B"]),
        ("{% raw %}{{ a }}{% endraw %} {{</* b */>}} {{ name }} `{{< c >}}`", [
            "p {{ a }} {{< b >}} {{ name }} [code: {{< c >}}]"
        ]),
        ('{{< notice tip >}}\n*a*\n{{< /notice >}}\n\n{% hint style="info" %}\nb\n{% endhint %}', [
            "quote", "    p [strong: Tip]", "    p [emphasis: a]", "quote", "    p [strong: Hint]", "    p b"
        ]),
        ("<div>\n{% include ad.html %}kept{{ site.title }}\n</div>", ["p kept"]),
        ("{{< tweet >}} {{< gist >}} none", ["p none"]),
        ("{{< odd >}}inside *it*{{< /odd >}} {{ page.title }}", ["p inside [emphasis: it]"]),
    ],
)  # fmt: skip
def test_shortcodes_become_what_they_stand_for(text: str, blocks: list[str]) -> None:
    assert outline(text) == blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Use <select> here.\n\n## Head\n\nAn <object>, <svg>, <b>bold</b> <button> and <video controls>.", [
            "p Use <select> here.", "h2 Head", "p An <object>, <svg>, [strong: bold] <button> and <video controls>."
        ]),
        ("<template>\n\n## Head", ["p <template>", "h2 Head"]),
        ("<svg>\n\n<path/>\n\n</svg>\n\na<br>b", ["p a⏎b"]),
        ('<iframe src="https://youtu.be/a"/>\n\nb <video src="https://a.example/a.mp4" /> c', [
            "p [▶ YouTube → https://www.youtube.com/watch?v=a]", "p b", "p [▶ a.mp4 → https://a.example/a.mp4]", "p c"
        ]),
        ("`Rc` Rc<dyn Trait> Option<Box<dyn Error>> if i<n and n>0, i<b and b>0, x<y and z>w, <file name>", [
            "p [code: Rc] Rc<dyn Trait> Option<Box<dyn Error>> if i<n and n>0, i<b and b>0, x<y and z>w, <file name>"
        ]),
        ("<p>if x <y and so on</p>", ["p if x <y and so on"]),
        ("Dear <First Name>, <Your Name>; foo<T extends object>(x)", [
            "p Dear <First Name>, <Your Name>; foo<T extends object>(x)"
        ]),
        ("{:ok, value} in Elixir, {:a => 1} **b**{: .c}{:toc}\n\n{:ok, 2}", [
            "p {:ok, value} in Elixir, {:a => 1} [strong: b]", "p {:ok, 2}"
        ]),
        ("{% raw %}\n`{{ site.url }}` {% x %} {{ page.a }}\n{% endraw %}", [
            "p [code: {{ site.url }}] {% x %} {{ page.a }}"
        ]),
        ("a{% raw %} `{{ page.x }}` {{ site.url }} *b* {% x %}{% endraw %} {{ site.url }}c", [
            "p a [code: {{ page.x }}] {{ site.url }} [emphasis: b] {% x %} c"
        ]),
    ],
)  # fmt: skip
def test_what_only_looks_like_markup_or_is_protected_is_shown(text: str, blocks: list[str]) -> None:
    assert outline(text) == blocks


def test_what_a_shortcode_or_component_means_is_noted_if_nobody_knows() -> None:
    assert notes("{{< odd >}}a{{< /odd >}} {% ad %} {{ site.time }} <Odd x={1}/>") == [
        "the shortcode odd means nothing here: it was left out, and what is inside it was kept",
        "the shortcode ad means nothing here: it was left out",
        "{{ site.time }} means something only to the generator of a site: it was left out",
        "the component Odd means nothing here: it was left out",
    ]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ('import X from "./x.png"\nimport {\n  A\n} from \'b\'\n\n<img src={X} alt="An x" style={{width: 3}} />', [
            "image ./x.png (An x)"
        ]),
        ("export const meta = {\n  title: 'x'\n}", []),
        ("export function A() {\n  const b = 1\n\n  return b\n}\nc", ["p c"]),
        ('<Tabs>\n<TabItem value="a" label="Apple">\n**a**\n</TabItem>\n</Tabs>', [
            "p [strong: Apple]", "p [strong: a]"
        ]),
        ('<Callout type="warning">\n*a*\n</Callout>', ["quote", "    p [strong: Warning]", "    p [emphasis: a]"]),
        ('<Card title="T" href="/x" /> {/* hidden */}', ["p [strong: T → /x]"]),
        ('a{" "}b {props.c} <Link to="/d">e</Link> <>f</>', ["p a b  [e → /d] f"]),
        ("<Outer>\n\n    no code\n\n</Outer>", ["p no code"]),
        ("<div\n  className='x'\n>\n  {props.c} **b**\n</div>\n\n<p style={{a: 1}}>*c*</p>", [
            "p [strong: b]", "p [emphasis: c]"
        ]),
    ],
)  # fmt: skip
def test_mdx_becomes_blocks(text: str, blocks: list[str]) -> None:
    assert [one.replace("  ", " ") if one.startswith("p") else one for one in outline(text, name="a.mdx")] == [
        one.replace("  ", " ") if one.startswith("p") else one for one in blocks
    ]


def test_wikilinks_are_links_and_images() -> None:
    text = (
        "[[Page]] [[Page|text]] [[Page#Some Head|there]] [[#Local]] ![[an image.png|300]] [[1]](/x) `[[c]]`\n\n## Local"
    )
    assert outline(text) == [
        "p [Page → Page.md] [text → Page.md] [there → Page.md#some-head] [Local → #local] (an%20image.png: ) "
        "[[1] → /x] [code: [[c]]]",
        "h2 Local",
    ]
    assert outline("[[Node.js]] [[v1.2]] [[a.pdf]]") == ["p [Node.js → Node.js.md] [v1.2 → v1.2.md] [a.pdf → a.pdf]"]
    assert notes("![[Other note]]") == ["Other note is not shown inside the text; there is a link to it instead"]


def test_odd_links_keep_their_text_and_file_names_may_have_spaces() -> None:
    assert outline("[text](sms:+49) [chat](whatsapp://send?text=hi) [leaf](our leaflet.pdf) ![](a b.png =10x20) .") == [
        "p text chat [leaf → our%20leaflet.pdf] (a%20b.png: ) ."
    ]


def test_links_within_an_article_lead_to_headings_ids_and_names() -> None:
    text = (
        "[a](#set-up) [b](#Set_Up) [c](#own) [d](#named) [e](#set-up-1) [f](#gone) [g](#%C3%BCber)\n\n"
        '## Set up!\n\n## Own {#own}\n\n<a name="named"></a>\n\nHere\n\n## Set up\n\n## Über'
    )
    body = parse(text).body
    assert links_of(body) == ["#set-up", "#own", "#named", "#set-up-1", "#über"]
    anchors = [run.anchor for block in body for run in getattr(block, "runs", ()) if run.anchor]
    assert anchors == ["set-up", "own", "named", "set-up-1", "über"]
