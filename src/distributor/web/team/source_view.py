"""Sources as pages show them: in words, and the fields of their forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from gettext import gettext as _
from gettext import ngettext

from distributor.domain.rendition import Json
from distributor.domain.source import CONTENT_FOLDER, Publishing, SourceResult
from distributor.flow.articles.sources import SourceView
from distributor.sources.kinds.api import MailedSource
from distributor.sources.kinds.registry import describe_settings, kinds
from distributor.web.forms import Form
from distributor.web.team.campaign_view import spell_duration
from distributor.web.team.channel_form import FormField, FormSection, SettingsFault, settings_form

_USUAL = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSource:
    """A source as pages show it.

    `takes_posts` says that others bring its articles, so that it is not read; `takes_mails` that they do so by mail to
    a secret address. `found` is what the last run found, empty if there was none.
    """

    view: SourceView
    kind_title: str
    kind_sentence: str
    takes_posts: bool
    takes_mails: bool
    is_local: bool
    is_content_folder: bool
    found: str
    every: str

    @property
    def is_failing(self) -> bool:
        return bool(self.view.problem or self.view.source.failures)


def shown_source(view: SourceView) -> ShownSource:
    """The source in words; also one whose kind is not installed any more."""
    source = view.source
    kind = kinds().get(source.kind)
    return ShownSource(
        view=view,
        kind_title=kind.title if kind else source.kind,
        kind_sentence=kind.sentence if kind else "",
        takes_posts=kind is not None and takes_posts(source.kind),
        takes_mails=kind is not None and issubclass(kind, MailedSource),
        is_local=kind is not None and kind.is_local,
        is_content_folder=source.name == CONTENT_FOLDER,
        found=found_words(source.last_result) if source.last_result else "",
        every=every_words(source.interval),
    )


def takes_posts(kind: str) -> bool:
    """Whether a source of this kind is at no address, because others bring its articles."""
    return not any(one.is_required and not one.is_secret for one in describe_settings(kind))


def found_words(result: SourceResult) -> str:
    """What a run found: ``3 new, 1 changed``."""
    counted = (
        (result.added, ngettext("%(count)s new", "%(count)s new", result.added)),
        (result.revised, ngettext("%(count)s changed", "%(count)s changed", result.revised)),
        (result.gone, ngettext("%(count)s gone", "%(count)s gone", result.gone)),
        (result.held, ngettext("%(count)s edited here and kept", "%(count)s edited here and kept", result.held)),
        (result.broken, ngettext("%(count)s unreadable", "%(count)s unreadable", result.broken)),
        (
            result.postponed,
            ngettext("%(count)s left for the next time", "%(count)s left for the next time", result.postponed),
        ),
    )
    return ", ".join(words % {"count": f"{count:,}"} for count, words in counted if count) or _("nothing new")


def every_words(interval: timedelta) -> str:
    """How often it is read: ``every 15 minutes``."""
    return _("every %(time)s") % {"time": spell_duration(interval)}


def source_sections(
    kind: str,
    values: Mapping[str, Json],
    *,
    typed: Form | None = None,
    secrets_set: Iterable[str] = (),
    fault: SettingsFault | None = None,
) -> list[FormSection]:
    """The settings of a source: those that it cannot do without, and the others together."""
    sections = settings_form(
        describe_settings(kind),
        values,
        typed=typed,
        secrets_set=dict.fromkeys(secrets_set),
        faults=fault.of_fields if fault else None,
    )
    usual = [field for section in sections if not section.title for field in section.fields]
    needed = tuple(field for field in usual if _is_needed(field))
    more = tuple(field for field in usual if not _is_needed(field))
    parts = [FormSection(title="", fields=needed), FormSection(title=_("More settings"), fields=more)]
    return [*(part for part in parts if part.fields), *(section for section in sections if section.title)]


def _is_needed(field: FormField) -> bool:
    return field.is_required or (field.is_set and not field.clear_name)


def interval_options(*others: timedelta) -> list[tuple[str, str]]:
    """The choices of how often a source is read: the usual ones and these."""
    return [(str(int(one.total_seconds())), every_words(one)) for one in _intervals(others)]


def chosen_interval(form: Form, *others: timedelta) -> timedelta | None:
    """What was chosen of these options; None for anything else."""
    text = form.one("every")
    return next((one for one in _intervals(others) if str(int(one.total_seconds())) == text), None)


def publishing_options() -> list[tuple[Publishing, str, str]]:
    """What is published as it comes in: each choice with its label and what it means."""
    return [
        (
            Publishing.NOTHING,
            _("Nothing is published"),
            _("Everything comes in as a draft, until somebody publishes it."),
        ),
        (
            Publishing.NEW,
            _("What is new is published"),
            _("What is there today comes in as drafts. What appears there from now on is public at once."),
        ),
        (
            Publishing.ALL,
            _("Everything is published"),
            _("What is there today too, with its own dates."),
        ),
    ]


def chosen_publishing(form: Form) -> Publishing | None:
    """What was chosen; None for anything else."""
    text = form.one("publishing")
    return Publishing(text) if text in set(Publishing) else None


def _intervals(others: Iterable[timedelta]) -> list[timedelta]:
    return sorted({*_USUAL, *others})
