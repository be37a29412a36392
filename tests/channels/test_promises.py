"""Every kind of channel keeps the promises that all of them make."""

from __future__ import annotations

import pytest

from distributor.bootstrap import make_templates
from distributor.channels.promises import broken_promises
from distributor.channels.registry import kinds
from distributor.settings import Settings


@pytest.mark.parametrize("name", kinds())
def test_a_kind_keeps_its_promises(name: str) -> None:
    assert broken_promises(kinds()[name], make_templates(Settings(_env_file=None))) == []


def test_the_kinds_that_come_with_it_are_found_on_the_shelf() -> None:
    assert {"bluesky", "email", "feed", "mastodon", "x"} <= set(kinds())
