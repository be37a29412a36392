"""Frozen values as JSON and back: manuscripts with their blocks, and problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.json import JsonConverter, make_converter
from cattrs.strategies import configure_tagged_union

from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Block, Mark
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Problem
from distributor.domain.subscriber_import import FileScan, ImportPlan

_OPEN = MessageOptions()


def manuscript_to_json(manuscript: Manuscript) -> dict[str, Any]:
    """The manuscript as plain JSON; `warnings` are kept too."""
    plain: dict[str, Any] = _CONVERTER.unstructure(manuscript, unstructure_as=Manuscript)
    return plain


def manuscript_from_json(plain: Any) -> Manuscript:
    """The manuscript from the result of `manuscript_to_json`."""
    return _CONVERTER.structure(plain, Manuscript)


def audience_to_json(plan: AudiencePlan) -> dict[str, Any]:
    """The audience of a campaign as plain JSON."""
    plain: dict[str, Any] = _CONVERTER.unstructure(plan)
    return plain


def audience_from_json(plain: Any) -> AudiencePlan:
    """The audience from the result of `audience_to_json`; missing keys are empty."""
    return _CONVERTER.structure(plain, AudiencePlan)


def channel_options_to_json(options: Mapping[str, MessageOptions]) -> dict[str, Any]:
    """The message options of channels by name as plain JSON, without attachments and without what is left open."""
    plain = {name: _CONVERTER.unstructure(one) for name, one in options.items()}
    return {
        name: {key: value for key, value in one.items() if getattr(options[name], key) != getattr(_OPEN, key)}
        for name, one in plain.items()
    }


def channel_options_from_json(plain: Any) -> dict[str, MessageOptions]:
    """The options from the result of `channel_options_to_json`."""
    return {name: _CONVERTER.structure(one, MessageOptions) for name, one in plain.items()}


def import_plan_to_json(plan: ImportPlan) -> dict[str, Any]:
    """The plan of an import as plain JSON."""
    plain: dict[str, Any] = _CONVERTER.unstructure(plan)
    return plain


def import_plan_from_json(plain: Any) -> ImportPlan:
    """The plan from the result of `import_plan_to_json`."""
    return _CONVERTER.structure(plain, ImportPlan)


def file_scan_to_json(scan: FileScan) -> dict[str, Any]:
    """How a file is understood, as plain JSON."""
    plain: dict[str, Any] = _CONVERTER.unstructure(scan)
    return plain


def file_scan_from_json(plain: Any) -> FileScan:
    """The scan from the result of `file_scan_to_json`."""
    return _CONVERTER.structure(plain, FileScan)


def problems_to_json(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    """Problems as plain JSON, in their order."""
    return [_CONVERTER.unstructure(problem) for problem in problems]


def problems_from_json(plain: Any) -> tuple[Problem, ...]:
    """The problems from the result of `problems_to_json`."""
    return _CONVERTER.structure(plain, tuple[Problem, ...])


def _make_converter() -> JsonConverter:
    converter = make_converter()
    # Marks are a set: sorted, so that equal manuscripts give equal JSON.
    converter.register_unstructure_hook_func(
        lambda kind: kind == frozenset[Mark], lambda marks: sorted(mark.value for mark in marks)
    )
    _leave_out_media(converter)
    configure_tagged_union(Block, converter, tag_name="block", tag_generator=lambda kind: kind.__name__.lower())
    return converter


def _leave_out_media(converter: JsonConverter) -> None:
    """Images are rows of their own."""
    omitted = override(omit=True)
    converter.register_unstructure_hook_factory(
        lambda kind: kind is Manuscript, lambda kind: make_dict_unstructure_fn(kind, converter, media=omitted)
    )
    converter.register_structure_hook_factory(
        lambda kind: kind is Manuscript, lambda kind: make_dict_structure_fn(kind, converter, media=omitted)
    )


_CONVERTER = _make_converter()
