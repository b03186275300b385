"""The command line of what was done: `legwork audit` and `legwork replay`."""

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from cds.errors import AuditError, StoreError
from cds.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cds.store.patients import PatientKey

FAILED = 1
"""Exit code when the trail is not as it was written, or an answer is another than it was."""

audit = typer.Typer(help="The audit trail: export it, and see that it is as it was written.", no_args_is_help=True)
out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

_DAYS = ["%Y-%m-%d"]


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple["Connection", "PatientKey"]]:
    """Open database and key; errors become ours, since the database's own words hold its address, and a password."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the other commands need no database

    from cds.store.database import Store  # noqa: PLC0415 - likewise
    from cds.store.patients import PatientKey  # noqa: PLC0415 - likewise

    store = Store(settings.database)
    try:
        if not settings.patient_key.is_file():
            raise StoreError(f"{settings.patient_key} is missing: LEGWORK_PATIENT_KEY must name the key of the service")
        with store.snapshot() as connection:
            yield connection, PatientKey.at(settings.patient_key)
    except SQLAlchemyError as error:
        raise StoreError(
            "the database cannot be reached, or has no tables of this version: see LEGWORK_DATABASE, `legwork migrate`"
        ) from error
    finally:
        store.close()


def _noted(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    number, _, link = text.partition(":")
    if not number.isdecimal() or not link:
        raise typer.BadParameter("must be NUMBER:LINK, as an earlier run gave it", param_hint="--noted")
    return int(number), link


@audit.command()
def verify(
    noted: Annotated[
        str | None, typer.Option(metavar="NUMBER:LINK", help="The end of the trail, as an earlier run gave it.")
    ] = None,
) -> None:
    """Follow the trail from first to last; what is printed, kept elsewhere, shows later if its end was cut off."""
    from cds.store import audit as trail  # noqa: PLC0415 - SQLAlchemy

    kept = _noted(noted)
    with _opened(load_settings()) as (connection, key):
        try:
            last = trail.verify(connection, key.link, kept)
        except AuditError as error:
            err.print(f"✗  {error}")
            raise typer.Exit(FAILED) from error
    if last is None:
        out.print("the trail has no entries")
    else:
        out.print(f"✓  {last.number} entries, as they were written. Its end, to be noted elsewhere:")
        out.print(f"{last.number}:{last.link}")


@audit.command()
def export(
    since: Annotated[datetime | None, typer.Option("--from", formats=_DAYS, help="The first day.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_DAYS, help="The day behind the last.")] = None,
) -> None:
    """Write the trail as FHIR AuditEvents, one a line, to standard output."""
    from cds.export.audit_events import audit_event  # noqa: PLC0415 - FHIR
    from cds.store import audit as trail  # noqa: PLC0415 - SQLAlchemy

    with _opened(load_settings()) as (connection, _):
        for entry in trail.entries(connection, _ms(since), _ms(until)):
            sys.stdout.buffer.write(msgspec.json.encode(audit_event(entry)) + b"\n")


def _ms(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp() * 1000)


def replay(call: Annotated[str, typer.Argument(metavar="ID", help="X-Correlation-Id of the answer.")]) -> None:
    """Answer a recorded call anew (LEGWORK_RECORD), and say whether the advice is the same, and if not what changed."""
    from cds.hooks import replaying  # noqa: PLC0415 - SQLAlchemy
    from cds.store.requests import recorded  # noqa: PLC0415 - likewise

    try:
        id_ = uuid.UUID(call)
    except ValueError as error:
        raise typer.BadParameter("must be a UUID", param_hint="ID") from error
    settings = load_settings()
    with _opened(settings) as (connection, key):
        recording = recorded(connection, id_)
    if recording is None:
        err.print("this call was not recorded, or is deleted: LEGWORK_RECORD=on records calls, LEGWORK_RETENTION_DAYS")
        raise typer.Exit(FAILED)
    replayed = replaying.replay(recording, settings, key.facts)
    if replayed.release:
        out.print(f"release: {replayed.release}")
    for change in replayed.knowledge:
        out.print(f"knowledge: {change}")
    if replayed.equal:
        out.print(f"✓  the advice is equal to that of {recording.day}, byte for byte but for its uuids")
        return
    out.print(f"✗  the advice is another than on {recording.day}:")
    for line in replayed.difference:
        out.print(line)
    raise typer.Exit(FAILED)
