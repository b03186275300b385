"""The command line of what is remembered: `legwork report`, `card`, `migrate` and `purge`."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from cds.cli.database import key_of, opened
from cds.cli.terminal import FAILED, out, plain
from cds.settings import load_settings

if TYPE_CHECKING:
    from cds.store.reports import Line, Report
    from cds.store.story import Story

_LATE = 60_000
"""How much later than its moment feedback is worth saying so [ms]."""

commands = typer.Typer()


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@commands.command()
def migrate() -> None:
    """Bring the tables of the database (LEGWORK_DATABASE) to this version."""
    with opened(load_settings(), new=True) as store:
        plain.print(f"the tables are of version {store.migrate()}")


@commands.command()
def report(
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")] = None,
    client: Annotated[str | None, typer.Option(help="One client only.")] = None,
    plan: Annotated[str | None, typer.Option(help="One plan only; `all` for the sums over plans.")] = None,
    form: Annotated[Format, typer.Option("--format", help="table, csv or json.")] = Format.TABLE,
) -> None:
    """Show by week, client and plan what was advised and what became of it. No patient, no free text.

    Rates of the last week that have left the band of the weeks before are named on standard error; then the exit code
    is 1.
    """
    from cds.store import drift, reports  # noqa: PLC0415 - SQLAlchemy

    days = (since and since.date(), until and until.date())
    with opened(load_settings()) as store, store.snapshot() as connection:
        found = reports.report(connection, reports.Which(*days, client))
    alarms = [alarm for alarm in drift.alarms(found.lines) if plan in {None, alarm.plan}]
    found = found.of_plan(plan)
    if form is Format.JSON:
        sys.stdout.write(reports.as_json(found, [alarm.as_row() for alarm in alarms]) + "\n")
    elif form is Format.CSV:
        sys.stdout.write(reports.as_csv(found))
    else:
        _print_report(found)
    for alarm in alarms:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]drift[/] {alarm}")
    if alarms:
        raise typer.Exit(FAILED)


def _print_report(found: "Report") -> None:
    if found.lines:
        _print_lines(found.lines)
    else:
        plain.print("No calls.")
    if found.unknown_cards:
        plain.print(f"\nFeedback on cards that are not known here: {found.unknown_cards}")
    if found.lost:
        plain.print(f"\nCalls that could not be recorded, and are in no figure: {found.lost}")


def _print_lines(lines: Sequence["Line"]) -> None:
    from cds.store.reports import ALL  # noqa: PLC0415 - SQLAlchemy

    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("week", "client", "plan"):
        table.add_column(name, no_wrap=True)
    for name in (
        "calls",
        "fired",
        "shown",
        "folded",
        "held",
        "unsure",
        "accepted",
        "overridden",
        "no answer",
        "p95 ms",
    ):
        table.add_column(name, justify="right")
    table.add_column("overridden because", no_wrap=True)
    for line in lines:
        held = line.snoozed + line.repeated + line.off
        figures = (line.calls, line.fired, line.shown, line.folded, held, line.unknown, line.accepted, line.overridden)
        reasons = ", ".join(f"{code} {count}" for code, count in line.reasons.most_common(3))
        table.add_row(
            str(line.week),
            f"{line.client} (silent)" if line.silent else line.client,
            line.plan,
            *map(str, figures),
            str(line.unanswered),
            "" if line.p95 is None else f"{line.p95:.1f}",
            reasons,
            style="bold" if line.plan == ALL else None,
        )
    Console(highlight=False, markup=False, width=None if plain.is_terminal else 200).print(table)


@commands.command()
def card(
    uuid: Annotated[str, typer.Argument(metavar="UUID", help="The card's uuid.")],
    comments: Annotated[bool, typer.Option("--comments", help="Show free text, which may name patients.")] = False,
) -> None:
    """Show a card again: what it said, why, and what became of it."""
    from cds.store.story import story  # noqa: PLC0415 - SQLAlchemy

    settings = load_settings()
    key = key_of(settings)
    with opened(settings) as store, store.snapshot() as connection:
        found = story(connection, uuid.strip().lower(), key)
        if not found.is_known:
            plain.print("Nothing is known of this card: it was never recorded here, or is older than what is kept.")
            raise typer.Exit(FAILED)
        _print_story(found, comments=comments)


def _print_story(found: "Story", *, comments: bool) -> None:
    from cds.store.story import moment  # noqa: PLC0415 - SQLAlchemy

    if found.call is None:
        plain.print(
            "The card is not known here: it was never recorded, or is older than what is kept. This was said of it:"
        )
    else:
        shown = "would have been shown to" if found.call["silent"] else "shown to"
        plain.print(f"{moment(found.call['at'])}  {shown} {found.call['client']}, {found.call['service']}\n")
        plain.print(f"{found.card.get('indicator')}: {found.card.get('summary')}")
        plain.print(f"{found.card.get('source')}\n")
        out.print(Markdown(found.card.get("detail") or ""))
        for suggestion in found.card.get("suggestions", ()):
            plain.print(f"[ {suggestion['label']} ]")
        plain.print("\nWhy")
        for one in found.card.get("advice", ()):
            plain.print(
                f"  {one['plan']} {one['version']} ({one['status']}): {one['recommendation']}, {one['indicator']}"
            )
            for fact in one["basis"]:
                plain.print(f"    - {' '.join(part for part in fact if part)}")
            for words in one["unknown"]:
                plain.print(f"    - not checked: {words}")
    _print_outcome(found, comments=comments)


def _print_outcome(found: "Story", *, comments: bool) -> None:
    from cds.store.story import moment  # noqa: PLC0415 - SQLAlchemy

    labels = {one["uuid"]: one["label"] for one in found.card.get("suggestions", ())}
    plain.print("\nWhat became of it")
    for heard in found.feedback:
        said = heard.said
        late = f" (received {moment(heard.received)})" if heard.received - said.at > _LATE else ""
        early = " (a moment that was yet to come)" if said.at > heard.counts_at else ""
        reason = said.reason or ("" if said.outcome == "accepted" else "no reason given")
        taken = ", ".join(label for uuid, label in labels.items() if uuid in said.suggestions)
        plain.print("  " + "  ".join(x for x in (moment(said.at), said.outcome, reason, taken) if x) + late + early)
        words = [text for text in (said.reason_display, said.comment) if text]
        if words:
            plain.print(f"    {' / '.join(words)}" if comments else "    with free text, shown by --comments")
    if not found.feedback:
        plain.print("  nothing was said of it")
    for fate, count in found.kept_away.items():
        plain.print(f"  since then held back {count} times ({fate})")


@commands.command()
def purge(
    client: Annotated[str | None, typer.Option(help="Whose patient it is.")] = None,
    patient: Annotated[str | None, typer.Option(help="Forget this patient (context.patientId) altogether.")] = None,
) -> None:
    """Delete what has run out (LEGWORK_RETENTION_DAYS), or all that is kept of a patient."""
    from cds.store import retention  # noqa: PLC0415 - SQLAlchemy

    if (client is None) is not (patient is None):
        raise typer.BadParameter("a patient is a client's: give both --client and --patient")
    settings = load_settings()
    with opened(settings) as store:
        if client is None or patient is None:
            oldest = datetime.now(UTC) - timedelta(days=settings.retention_days)
            count = retention.purge(store, int(oldest.timestamp() * 1000))
        else:
            key = key_of(settings)
            with store.begin() as connection:
                key.check(connection)
            count = retention.forget(store, key.patient(client, patient))
    plain.print(f"{count} calls deleted, with their advice and feedback")
