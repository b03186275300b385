"""`legwork doctor`: a line for each thing that a deployment rests on."""

import asyncio
import logging

from rich.console import Console

from cds.doctor import Mark, examine

_SIGNS = {Mark.GOOD: "[green]✓[/]", Mark.NOTE: "[yellow]![/]", Mark.BAD: "[red]✗[/]"}


def run(out: Console) -> bool:
    """Print what is found as it is found; whether nothing stands in the way."""
    logging.getLogger("alembic").setLevel(logging.WARNING)

    async def look() -> int:
        bad = 0
        async for finding in examine():
            bad += finding.mark is Mark.BAD
            out.print(f"{_SIGNS[finding.mark]}  {finding.what}: ", end="")
            out.print(finding.words, markup=False, soft_wrap=True, highlight=False)
        return bad

    bad = asyncio.run(look())
    out.print(f"\n{bad} to mend" if bad else "\n[green]nothing stands in the way[/]", highlight=False)
    return bad == 0
