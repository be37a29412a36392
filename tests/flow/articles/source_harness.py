"""A source that is run by hand, at times that tests set, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from distributor.domain.blocks import plain_text
from distributor.domain.ip_networks import parse_networks
from distributor.domain.source import Publishing, Source, SourceResult
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.storage import articles, tables
from distributor.storage.articles import StoredArticle

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NAME = "site"


class SourceHarness:
    """One source, called `site`, of an app that may fetch from servers on this machine."""

    def __init__(
        self, app: AppContext, kind: str, settings: Mapping[str, Any], publishing: Publishing = Publishing.NOTHING
    ) -> None:
        self.now = NOON
        self.app = replace(app, fetch_networks=parse_networks("127.0.0.1"), clock=lambda: self.now)
        self.view = sources.add(self.app, NAME, kind, settings, publishing=publishing)

    @property
    def source(self) -> Source:
        return sources.show(self.app, NAME).source

    def run(self, *, minutes: float = 15, is_asked: bool = False) -> SourceResult:
        """Read the source, so many minutes after it was read last."""
        if self.source.last_run_at is not None:
            self.now += timedelta(minutes=minutes)
        result = source_runs.run_source(self.app, self.source.id, is_asked=is_asked)
        assert result is not None, self.source.error
        return result

    def failure(self) -> str:
        """What is wrong with the source when it is read."""
        assert source_runs.run_source(self.app, self.source.id) is None
        return self.source.error

    def article(self, ref: str) -> StoredArticle:
        with self.app.database.begin() as connection:
            found = articles.find_by_ref(connection, NAME, ref)
        assert found is not None, ref
        return found

    def text(self, ref: str) -> list[str]:
        """The lines of an article."""
        return plain_text(self.article(ref).article.body).split("\n")

    def titles(self) -> set[str]:
        """The titles of all articles of the source."""
        with self.app.database.begin() as connection:
            slugs = connection.execute(select(tables.articles.c.slug).where(tables.articles.c.source == NAME)).scalars()
            return {articles.find_by_slug(connection, slug).article.title for slug in slugs}
