"""`legwork discovery` and `legwork build-sheet`: what an EHR needs to know of this service."""

import json
import sys
from typing import Annotated

import typer

from cds.hooks import build_sheet, discovery
from cds.settings import load_settings

commands = typer.Typer()


@commands.command("discovery")
def discover() -> None:
    """Print the discovery document."""
    document = discovery.document(load_settings().specification_version)
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@commands.command("build-sheet")
def print_build_sheet(
    client: Annotated[str, typer.Option(help=f"Kind of client: {', '.join(build_sheet.DIALECTS)}.")] = "generic",
) -> None:
    """Print what an EHR analyst types in to connect this service."""
    kind = next((dialect for dialect in build_sheet.DIALECTS if dialect == client), None)
    if kind is None:
        raise typer.BadParameter(f"there are {', '.join(build_sheet.DIALECTS)}", param_hint="--client")
    sys.stdout.write(build_sheet.build_sheet(kind, load_settings()))
