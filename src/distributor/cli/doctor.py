"""What channels find out about the world around them, for `distributor doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import typer

from distributor.channels.api import DiagnosableChannel, DiagnosticContext
from distributor.cli.session import out
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import DistributorError, InputError
from distributor.flow.app_context import AppContext
from distributor.storage import channels

_COLOURS = {DiagnosticStatus.OK: "green", DiagnosticStatus.WARN: "yellow", DiagnosticStatus.FAIL: "red"}


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """An address given with --outgoing. Raises InputError."""
    try:
        return ip_address(text)
    except ValueError:
        raise InputError(f"--outgoing {text}: write an IPv4 or IPv6 address") from None


def examine_channels(app: AppContext, diagnostic_context: DiagnosticContext) -> Iterator[Finding]:
    """What each channel has to say about the world around it. One that cannot be opened was reported before."""
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    for record in records:
        try:
            channel = app.open_channel(record)
        except DistributorError:
            continue
        if isinstance(channel, DiagnosableChannel):
            for finding in channel.diagnose(diagnostic_context):
                yield replace(finding, check=f"{record.name}: {finding.check}")


def print_finding(finding: Finding) -> None:
    """Tell a person, with the record below as a line of a zone file."""
    out.print(f"[{_COLOURS[finding.state]}]{finding.state:6}[/] {finding.check}: ", end="")
    out.print(finding.sentence, markup=False)
    if finding.record is not None:
        # Not through the console: a record must not be wrapped.
        typer.echo(f"       {finding.record.in_zone_file()}")


def told(finding: Finding) -> dict[str, Any]:
    """The same for programs."""
    record = finding.record
    return {
        "check": finding.check,
        "state": finding.state,
        "finding": finding.sentence,
        "record": {"name": record.name, "type": record.type, "value": record.value} if record else None,
    }
