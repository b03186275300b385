"""`legwork serve` and `legwork doctor`: to run a deployment, and to look at all that it rests on."""

import asyncio
import ctypes
import logging
import sys
from typing import Annotated, Any

import typer

from cds.cli.terminal import FAILED, err, out
from cds.services import plans
from cds.settings import load_settings
from cds.telemetry import logs

commands = typer.Typer()

STOP = 35
"""How long calls in hand may take to end once the service is asked to stop [s]: as long as a body may take to come."""

IDLE = 75
"""How long a connection may rest between calls [s]: longer than proxies let theirs, mostly 60. Else one of them sends a
call at the moment at which we hang up, and has to answer 502."""

_KEPT = 32 * 1024 * 1024
"""What of freed memory is kept for the next large body [By]."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of two options of glibc: https://man7.org/linux/man-pages/man3/mallopt.3.html."""


@commands.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (LEGWORK_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (LEGWORK_PORT).")] = None,
) -> None:
    """Serve CDS Hooks, every plan in draft: on this machine, or to the clients of LEGWORK_CLIENTS."""
    import uvicorn  # noqa: PLC0415 - the other commands need no server

    from cds.app import create_app  # noqa: PLC0415 - likewise

    settings = load_settings(host=host, port=port)
    logs.set_up(settings.log)
    _keep_memory()
    application = create_app(settings)
    callers = "the clients of LEGWORK_CLIENTS" if settings.clients else "whoever is on this machine"
    err.print(
        f"Legwork on [bold]{settings.address}/cds-services[/] for {callers}, {len(plans())} plans; Ctrl-C stops it",
        soft_wrap=True,
    )
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        http=_protocol(),
        timeout_graceful_shutdown=STOP,
        timeout_keep_alive=IDLE,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="warning",
    )


def _keep_memory() -> None:
    """Let freed memory stay with the process: to get it anew cost a call of 5 MB a quarter of its time."""
    if sys.platform != "linux":
        return
    mallopt: Any = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _KEPT)


def _protocol() -> Any:
    try:
        from cds.hooks.wire import Bounded  # noqa: PLC0415 - likewise
    except ImportError:  # without httptools there is h11, which has limits of its own
        return "auto"
    return Bounded


@commands.command()
def doctor() -> None:
    """Look at all that a deployment rests on: settings, knowledge, database, keys, FHIR servers, clock."""
    from cds.doctor import Mark, examine  # noqa: PLC0415 - it brings what the other commands need not load

    signs = {Mark.GOOD: "[green]✓[/]", Mark.NOTE: "[yellow]![/]", Mark.BAD: "[red]✗[/]"}
    logging.getLogger("alembic").setLevel(logging.WARNING)

    async def look() -> int:
        bad = 0
        async for finding in examine():
            bad += finding.mark is Mark.BAD
            out.print(f"{signs[finding.mark]}  {finding.what}: ", end="")
            out.print(finding.words, markup=False, soft_wrap=True)
        return bad

    bad = asyncio.run(look())
    out.print(f"\n{bad} to mend" if bad else "\n[green]nothing stands in the way[/]")
    if bad:
        raise typer.Exit(FAILED)
