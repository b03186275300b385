"""The command line: `legwork`."""

import sys

import typer

from cds.cli import advise, audit, check, clients, connect, knowledge, password, serve, store
from cds.cli.terminal import BAD_INPUT, err
from cds.errors import LegworkError

app = typer.Typer(
    help="Legwork: clinical decision support for legs that ache at rest.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_show_locals=False,
)  # fmt: skip
for _part in (serve, advise, check, connect, knowledge, store, audit, password):
    app.add_typer(_part.commands)
app.add_typer(clients.clients, name="clients")


def main() -> None:
    """Run the command line; errors of ours are one line and an exit code."""
    try:
        app()
    except LegworkError as error:
        err.print(f"[red]legwork:[/] {error}", soft_wrap=True)
        sys.exit(BAD_INPUT)
