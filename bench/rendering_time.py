"""How long one article takes to become what every channel says, against only turning its blocks into HTML."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from _surroundings import hardware

from distributor.bootstrap import make_site, make_templates
from distributor.channels.api import RenderContext
from distributor.channels.registry import kinds, make_channel
from distributor.flow.publishing.preview import imagine_article
from distributor.rendering.html import html_of
from distributor.settings import Settings
from distributor.sources.formats import read_manuscript

ARTICLE = Path(__file__).parents[1] / "content" / "golden.md"
ROUNDS = 15


def main() -> None:
    """Measure and print."""
    print(hardware())
    settings = Settings(_env_file=None, postal_address="1 Bench Street")
    article = imagine_article(read_manuscript(ARTICLE))
    context = RenderContext(site=make_site(settings), templates=make_templates(settings))
    yardstick = _milliseconds(lambda: html_of(article.body))
    total = 0.0
    for name in kinds():
        channel = make_channel(name, {})
        taken = _milliseconds(lambda channel=channel: channel.check(channel.render([article], context)))
        total += taken
        print(f"  {name:10} render and check   {taken:7.1f} ms")
    print(f"  all channels                 {total:7.1f} ms")
    print(f"  yardstick: blocks to HTML    {yardstick:7.1f} ms, ratio {total / yardstick:.1f}")


def _milliseconds(act: Callable[[], object]) -> float:
    act()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
