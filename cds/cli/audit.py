"""The command line of what was done: `legwork audit` and `legwork replay`."""

import sys
import uuid
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from cds.cli.database import key_of, opened
from cds.cli.terminal import FAILED, plain, plain_err
from cds.errors import AuditError
from cds.settings import load_settings

commands = typer.Typer()
audit = typer.Typer(help="The audit trail: export it, and see that it is as it was written.", no_args_is_help=True)
commands.add_typer(audit, name="audit")

_DAYS = ["%Y-%m-%d"]


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
    settings = load_settings()
    key = key_of(settings)
    with opened(settings) as store, store.snapshot() as connection:
        try:
            last = trail.verify(connection, key.link, kept)
        except AuditError as error:
            plain_err.print(f"✗  {error}")
            raise typer.Exit(FAILED) from error
    if last is None:
        plain.print("the trail has no entries")
    else:
        plain.print(f"✓  {last.number} entries, as they were written. Its end, to be noted elsewhere:")
        plain.print(f"{last.number}:{last.link}")


@audit.command()
def export(
    since: Annotated[datetime | None, typer.Option("--from", formats=_DAYS, help="The first day.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_DAYS, help="The day behind the last.")] = None,
) -> None:
    """Write the trail as FHIR AuditEvents, one a line, to standard output."""
    from cds.export.audit_events import audit_event  # noqa: PLC0415 - FHIR
    from cds.store import audit as trail  # noqa: PLC0415 - SQLAlchemy

    with opened(load_settings()) as store, store.snapshot() as connection:
        for entry in trail.entries(connection, _ms(since), _ms(until)):
            sys.stdout.buffer.write(msgspec.json.encode(audit_event(entry)) + b"\n")


def _ms(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp() * 1000)


@commands.command()
def replay(call: Annotated[str, typer.Argument(metavar="ID", help="X-Correlation-Id of the answer.")]) -> None:
    """Answer a recorded call anew (LEGWORK_RECORD), and say whether the advice is the same, and if not what changed."""
    from cds.hooks import replaying  # noqa: PLC0415 - SQLAlchemy
    from cds.store.requests import recorded  # noqa: PLC0415 - likewise

    try:
        id_ = uuid.UUID(call)
    except ValueError as error:
        raise typer.BadParameter("must be a UUID", param_hint="ID") from error
    settings = load_settings()
    key = key_of(settings)
    with opened(settings) as store, store.snapshot() as connection:
        recording = recorded(connection, id_, key)
    if recording is None:
        plain_err.print(
            "this call was not recorded, or is deleted: LEGWORK_RECORD=on records calls, LEGWORK_RETENTION_DAYS"
        )
        raise typer.Exit(FAILED)
    replayed = replaying.replay(recording, settings, key.facts)
    if replayed.release:
        plain.print(f"release: {replayed.release}")
    for change in replayed.knowledge:
        plain.print(f"knowledge: {change}")
    if replayed.equal:
        plain.print(f"✓  the advice is equal to that of {recording.day}, byte for byte but for its uuids")
        return
    plain.print(f"✗  the advice is another than on {recording.day}:")
    for line in replayed.difference:
        plain.print(line)
    raise typer.Exit(FAILED)
