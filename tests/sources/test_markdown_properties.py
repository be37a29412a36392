"""Random documents in each dialect: no word is lost, and no markup and no comment is shown.

The judge of CommonMark with tables and HTML is cmark-gfm, GitHub's own renderer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import lxml.html
import pytest
from cmarkgfm import cmark
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.blocks import plain_text
from distributor.sources.formats import parse_manuscript

from .words import words_in, words_of

_EXAMPLES = 60
_WORDS = st.sampled_from(["soil", "rain", "worm", "seed", "Über", "漢字", "x1", "leaf"])
_TEXT = st.lists(_WORDS, min_size=1, max_size=4).map(" ".join)
_NEVER_SHOWN = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_BLOCK = re.compile(r"</?(?:br|dd|div|dt|h\d|hr|li|ol|p|pre|summary|table|td|th|tr|ul)\b")


def _inline(text: str, kind: int) -> str:
    return [
        text, f"*{text}*", f"**{text}**", f"`{text}`", f"~~{text}~~", f"[{text}](https://a.example/x_(y))",
        f"<b>{text}</b>", f'<a href="/b">{text}</a>', f"<kbd>{text}</kbd>", f"<span class='c'>{text}",
        f"{text}<br>{text}", f"{text} &amp; 1 < 2", f"<custom-x>{text}</custom-x>", f"{text}<!-- hidden -->",
        f"{text}<script>hidden()</script>", f"<sub>{text}</sub>",
        f"{text}\\\n{text}", f"_{text}_", f"<https://a.example/{text.split()[0]}>",
    ][kind]  # fmt: skip


_INLINE = st.builds(_inline, _TEXT, st.integers(0, 18))
_LINE = st.lists(_INLINE, min_size=1, max_size=3).map(" ".join)


def _block(lines: Sequence[str], kind: int) -> str:
    first = lines[0]
    flat = [line.replace("\\\n", " ") for line in lines]
    return [
        "\n".join(lines),
        f"## {flat[0]}",
        "\n".join(f"- {line}" for line in flat),
        "\n".join(f"{at}. {line}" for at, line in enumerate(flat, 3)),
        "\n".join(f"> {line}" for line in flat),
        f"- {flat[0]}\n\n  > {flat[-1]}\n\n  - {flat[0]}",
        f"```py\n{first}\n```",
        f"    {flat[0]}",
        f"<div>\n{flat[0]}\n\n{flat[-1]}\n\n</div>",
        f"<details><summary>{flat[0]}</summary>\n\n{flat[-1]}\n</details>",
        f"<!-- hidden\n\nhidden -->\n\n{flat[-1]}",
        f"| {flat[0].replace('|', '')} | b |\n|---|:-:|\n| {flat[-1].replace('|', '')} | c |",
        f"<ul><li>{flat[0]}<li>{flat[-1]}</ul>",
        f"<style>\nhidden {{ }}\n</style>\n\n{flat[-1]}",
        "---",
    ][kind]


_DOCUMENTS = st.lists(
    st.builds(_block, st.lists(_LINE, min_size=1, max_size=3), st.integers(0, 14)), min_size=1, max_size=6
).map("\n\n".join)


def _text_by_cmark(text: str) -> str:
    html = cmark.markdown_to_html_with_extensions(
        text, cmark.Options.CMARK_OPT_UNSAFE, extensions=("table", "strikethrough", "autolink")
    )
    page = lxml.html.fragment_fromstring(_BLOCK.sub(r"\n\g<0>", _NEVER_SHOWN.sub(" ", html)), create_parent="div")
    return str(page.text_content())


@given(_DOCUMENTS)
@settings(deadline=None, derandomize=True, max_examples=_EXAMPLES)
def test_every_word_that_githubs_renderer_shows_is_in_the_article_and_no_other(text: str) -> None:
    manuscript = parse_manuscript(f"# Title\n\nFirst.\n\n{text}\n\nLast.".encode(), name="a.md")
    shown = words_in(_text_by_cmark(text)) + Counter(["Title", "First", "Last"])
    said = words_of(manuscript)
    assert not shown - said
    assert {word for word in said - shown if not word.isdigit()} == set()


# What is written, with a place for words that readers see. Nothing else of it may be seen.
_GENERATORS = {
    "hugo": (
        '{{{{< figure src="/h.png" alt="" caption="{}" >}}}}', "{{{{< hidden a=1 >}}}}{}{{{{< /hidden >}}}}",
        "{{{{% notice tip %}}}}\n{}\n{{{{% /notice %}}}}", '[{}]({{{{< ref "hidden.md" >}}}})',
        "{{{{/* hidden */}}}} {}",
        "{{{{< highlight go >}}}}\n{}\n{{{{< /highlight >}}}}", "## {} {{#hidden .hidden}}",
    ),
    "jekyll": (
        "{}\n{{: .hidden}}", "{{% comment %}}\nhidden\n\n{{% endcomment %}}\n\n{}", "[{}]({{% post_url hidden %}})",
        "{{% highlight ruby %}}\n{}\n{{% endhighlight %}}", "* hidden\n{{:toc}}\n\n{}", "{{% include hidden.html %}}{}",
        "![{}]({{{{ site.hidden }}}}/i.png) word", "Term\n: {}",
    ),
    "mdx": (
        "import hidden from './hidden'\n\n{}", '<Hidden a={{{{b: "}}"}}}}>\n{}\n</Hidden>', "{{/* hidden */}}{}",
        '<TabItem value="hidden" label="{}">\n', ":::note[{}]\nword\n:::", "<Hidden.x hidden /> {}",
        "export const hidden = {{\n  hidden: 1\n}}\n\n{}",
    ),
    "obsidian": (
        "%%hidden%% {}", "[[hidden|{}]]", "![[hidden.png]] {}", "> [!tip]- {}\n> word", "=={}==",
        "%%\nhidden\n%%\n\n{}", "- [x] {}", "$$\n{}\n$$",
    ),
    "notes": ("word[^1]\n\n[^1]: {}", "word^[{}]", "[//]: # (hidden)\n\n{}", '!!! note "{}"\n    word'),
}  # fmt: skip
_MARKUP = re.compile(r"hidden|[{}%=]{2}|:::|!!!|\[\^|\]\(|<!--|-->|\[!|</|/>|=>|\^\[")


@pytest.mark.parametrize("dialect", _GENERATORS)
@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=_EXAMPLES // 3)
def test_of_each_dialect_only_the_words_for_readers_are_shown(dialect: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.tuples(st.sampled_from(_GENERATORS[dialect]), _TEXT), min_size=1, max_size=5))
    written = [pattern.replace("[^1]", f"[^{at}]").format(words) for at, (pattern, words) in enumerate(drawn)]
    text = "\n\n".join(["# Title", "First.", *written, "Last."])
    manuscript = parse_manuscript(text.encode(), name="a.mdx" if dialect == "mdx" else "a.md")
    assert not words_in(" ".join(["Title First Last", *(words for _, words in drawn)])) - words_of(manuscript)
    assert _MARKUP.findall(plain_text(manuscript.body)) == []
