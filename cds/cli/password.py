"""The command line: `legwork password`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cds.cli.terminal import plain
from cds.passwords import LONGEST, SHORTEST, hashed

commands = typer.Typer()


@commands.command()
def password(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the hash goes; what is there is replaced.")],
) -> None:
    """Set the password of the reports: it is asked for, or read from standard input, and only its hash is kept."""
    if sys.stdin.isatty():
        given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(given) <= LONGEST:
        raise typer.BadParameter(
            f"the password must have {SHORTEST} to {LONGEST} characters", param_hint="standard input"
        )
    try:
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(hashed(given) + "\n")
        draft.replace(file)
    except OSError as error:
        raise typer.BadParameter(f"cannot be written: {error.strerror}", param_hint="FILE") from error
    plain.print(f"{file} holds the hash. Name it by LEGWORK_REPORTS_PASSWORD and start the service anew.")
