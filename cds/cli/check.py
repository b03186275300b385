"""`legwork check`: a server or files looked at, as tables for people and as JSON for machines."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cds.check import Capability, Judged, ServerCheck, judge
from cds.cli.terminal import BAD_INPUT, day_of, err, out
from cds.clients import normal
from cds.errors import LegworkError
from cds.fhir.access import Access
from cds.fhir.overlooked import Overlooked
from cds.fhir.server import FhirServers
from cds.offline import open_bundle
from cds.outbound import Reach
from cds.settings import load_settings

commands = typer.Typer()

_ANYWHERE = Reach.PUBLIC | Reach.PRIVATE | Reach.LOOPBACK
"""Whoever runs the command names the server."""
_LONGEST_QUERY = 40
"""Characters that are shown of a template, which may list a hundred codes [1]."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at."""

    server: str
    token: str
    patients: Sequence[str]
    sample: int
    today: date
    names: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    server: str | None
    capability: Capability | None
    patients: Sequence[Judged]
    problems: Sequence[str] = ()
    """Patients and files that could not be looked at, and why."""


@commands.command()
def check(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(help="FHIR Bundles of one patient each, in place of a server.", exists=True, dir_okay=False),
    ] = None,
    server: Annotated[str, typer.Option("--fhir-server", help="Base address of the FHIR server.")] = "",
    patient: Annotated[list[str] | None, typer.Option(help="Ids of patients to judge.")] = None,
    sample: Annotated[int, typer.Option(min=1, max=100, help="How many patients to take, where none is named.")] = 3,
    token: Annotated[
        str, typer.Option(envvar="LEGWORK_FHIR_TOKEN", help="Bearer token; better given in the environment.")
    ] = "",
    today: Annotated[str | None, typer.Option(help="The day of the call, YYYY-MM-DD; today by default.")] = None,
    names: Annotated[bool, typer.Option("--names", help="Print the patients' names.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that was found, for machines.")] = False,
) -> None:
    """Say what a FHIR server can give, what of it is not understood, and which cards come out."""
    if bool(bundles) is bool(server):
        raise typer.BadParameter("name a FHIR server, or files", param_hint="--fhir-server")
    asked = Asked(server, token, patient or (), sample, day_of(today), names=names)
    _run(asked, bundles or (), as_json=as_json)


def _run(asked: Asked, bundles: Iterable[Path], *, as_json: bool) -> None:
    """Look, and print what was found.

    Raises:
        ServerError: the server gives nothing to look at.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("Looking")

        def step(what: str) -> None:
            progress.update(task, description=what)

        report = asyncio.run(_of_server(asked, step)) if asked.server else _of_files(asked, bundles, step)
    if not asked.names:
        report = replace(report, patients=[replace(judged, name="") for judged in report.patients])
    if as_json:
        encoded = msgspec.json.encode(report, enc_hook=str)
        sys.stdout.write(msgspec.json.format(encoded.decode(), indent=2) + "\n")
    else:
        _print(report)
    if not report.patients:
        raise typer.Exit(BAD_INPUT)


async def _of_server(asked: Asked, step: Callable[[str], None]) -> Report:
    servers = FhirServers()
    try:
        looked = ServerCheck(servers, Access(asked.server, asked.token, reach=_ANYWHERE), asked.today, load_settings())
        step("Capability statement")
        capability = await looked.capability()
        ids = asked.patients or await looked.sample(asked.sample)
        found, problems = [], []
        for patient_id in ids:
            step(f"Patient {patient_id}")
            try:
                found.append(await looked.patient(patient_id))
            except LegworkError as error:
                problems.append(str(error))
        return Report(normal(asked.server), capability, found, problems)
    finally:
        await servers.close()


def _of_files(asked: Asked, bundles: Iterable[Path], step: Callable[[str], None]) -> Report:
    found, problems = [], []
    for path in bundles:
        step(path.name)
        try:
            raw = path.read_bytes()
            opened = open_bundle(raw, asked.today, next(iter(asked.patients), None))
            found.append(judge(opened.chart, opened.record, [raw], load_settings()))
        except LegworkError as error:
            problems.append(f"{path.name}: {error}")
    return Report(None, None, found, problems)


def _print(report: Report) -> None:
    def lines(texts: Iterable[str]) -> None:
        for text in texts:
            out.print(text, highlight=False, markup=False, soft_wrap=True)

    if report.capability is not None:
        lines([f"{report.server}: FHIR {report.capability.fhir_version}, {report.capability.software}"])
        lines(f"By its own word it cannot answer {key}: {reason}" for key, reason in report.capability.lacking.items())
    for judged in report.patients:
        out.print()
        out.rule(f"Patient {judged.patient} {judged.name}".rstrip(), align="left")
        if judged.answers:
            out.print(_answers(judged))
        lines(_judged(judged))
    if unclear := [*_not_understood(report), *report.problems]:
        out.print()
        out.rule("Not understood", align="left")
        lines(unclear)


def _judged(judged: Judged) -> Iterable[str]:
    yield "Read: " + (", ".join(f"{count} {kind}" for kind, count in judged.resources.items()) or "nothing")
    yield from (f"Left out: {count} × {reason}" for reason, count in judged.left_out.items())
    yield from (f"Unknown: {area} ({reason})" for area, reason in judged.unknown.items())
    yield from (f"Card: {card.indicator}, {card.summary}" for card in judged.answer.cards)
    if not judged.answer.cards:
        yield "No cards"


def _not_understood(report: Report) -> Iterable[str]:
    """Say what of all patients was not understood, the most frequent first."""
    found, systems = Counter[Overlooked](), Counter[str]()
    for judged in report.patients:
        found.update(dict(judged.overlooked))
        systems.update(judged.unknown_systems)
    for one, count in found.most_common():
        yield f"{count} × {one.where} {one.said} {one.words!r}: may mean {one.may_mean}; {one.trouble}"
    for system, count in systems.most_common():
        yield f"{count} × code system not known: {system}"


def _answers(judged: Judged) -> Table:
    table = Table(show_edge=False)
    for heading in ("key", "query", "results", "pages", "ms", "not known because"):
        table.add_column(heading, justify="right" if heading in {"results", "pages", "ms"} else "left", overflow="fold")
    for one in judged.answers:
        query = one.template.replace("patient={{context.patientId}}", "").replace("?&", "?").rstrip("?")
        shown = query if len(query) <= _LONGEST_QUERY else query[:_LONGEST_QUERY] + "…"
        table.add_row(one.key, shown, str(one.results), str(one.pages), f"{one.milliseconds:.0f}", one.reason)
    return table
