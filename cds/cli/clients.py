"""The command line: `legwork clients`, for whoever registers clients and looks into why one is refused."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from cards.dialects import OWN_CODES
from cds.cli.terminal import FAILED
from cds.clients import SANDBOX_ISSUER, RegisteredClient, check_orders, read_clients
from cds.errors import NotTrusted
from cds.services import knowledge

if TYPE_CHECKING:
    from cds.hooks.tokens import Step, Token, Verifier

_WIDE = 200
clients = typer.Typer(help="The clients' file: check it, and see why a token is refused.", no_args_is_help=True)
out = Console(highlight=False, soft_wrap=True)

ClientsFile = Annotated[Path, typer.Argument(metavar="FILE", help="The clients' file.", dir_okay=False)]


@clients.command()
def check(file: ClientsFile) -> None:
    """Read the clients' file and its keys: a table of who may do what, or every fault."""
    headings = (Column(name, overflow="fold") for name in ("client", "issuer", "keys", "FHIR servers", "terms"))
    table = Table(*headings, box=None, padding=(0, 2, 1, 0))
    known = read_clients(file)
    check_orders(known, knowledge().orders, OWN_CODES)
    for client in known.values():
        keys = f"{client.jwks} ({len(client.keys)})" if client.jwks else "\n".join(client.jku)
        issuer = "\n".join((client.issuer, *(f"tenant {tenant}" for tenant in client.tenants)))
        table.add_row(client.name, issuer, keys, "\n".join(client.fhir_servers) or "none", _terms(client))
    Console(highlight=False, markup=False, width=None if out.is_terminal else _WIDE).print(table)
    for client in known.values():
        if client.issuer == SANDBOX_ISSUER:
            out.print(
                f"\n{client.name}: its private key is public, so that anybody may call in its name: never with patients"
            )


def _terms(client: RegisteredClient) -> str:
    limits = client.limits
    words = [client.dialect, f"{limits.calls_per_minute} calls a minute, {limits.concurrent} at once"]
    words += [name for name in ("private_network", "loopback_fhir", "open_fhir") if getattr(client, name)]
    words += [f"codes of {len(client.orders)} orders"] if client.orders else []
    words += ["a card where nothing can be concluded"] if client.unevaluated == "card" else []
    return "\n".join(words)


@clients.command("test-token")
def explain_token(
    file: ClientsFile,
    aud: Annotated[str, typer.Option(metavar="URL", help="The address that the client calls, path and all.")],
    token: Annotated[
        str | None, typer.Argument(help="The token; left out or -, it is read from standard input.")
    ] = None,
) -> None:
    """Verify a token step by step, as the service would. It is not used up by that, nor ever printed."""
    from cds.hooks.keys import Keys  # noqa: PLC0415 - cryptography, which the other commands need not load
    from cds.hooks.tokens import LARGEST, Token, Verifier  # noqa: PLC0415 - likewise

    text = (sys.stdin.read() if token in {None, "-"} else str(token)).strip()
    text = text.removeprefix("Authorization:").strip().removeprefix("Bearer ").strip()
    if not text or len(text) > LARGEST:
        raise typer.BadParameter(f"must be 1 to {LARGEST} characters", param_hint="TOKEN")

    async def steps() -> int:
        keys = Keys()
        verifier = Verifier(read_clients(file).values(), keys)
        given = Token(text, frozenset((aud,)))
        try:
            return await _explain(given, verifier)
        finally:
            await keys.close()

    failed = asyncio.run(steps())
    out.print(f"\n{failed} to mend" if failed else "\n[green]trusted[/], if it comes for the first time")
    if failed:
        raise typer.Exit(FAILED)


async def _explain(token: "Token", verifier: "Verifier") -> int:
    from cds.hooks.tokens import STEPS  # noqa: PLC0415 - cryptography

    failed = 0
    for step in STEPS:
        if not token.has(*step.needs):
            out.print(f"[dim]·  {step.words}: not looked at, for want of what failed above[/]")
            continue
        try:
            await _take(step, token, verifier)
        except NotTrusted as error:
            failed += 1
            out.print(f"[red]✗[/]  {step.words}")
            out.print(f"   {error}" + (f"; found: {error.found[:200]!r}" if error.found else ""), markup=False)
        else:
            out.print(f"[green]✓[/]  {step.words}")
    if token.has("client"):
        out.print(f"\nclient: {token.client.name}", markup=False)
    return failed


async def _take(step: "Step", token: "Token", verifier: "Verifier") -> None:
    waits = step.check(token, verifier)
    if waits is not None:
        await waits
