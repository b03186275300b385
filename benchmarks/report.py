"""Results and goals, as a table for people and as JSON for machines."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

_UNITS = (
    "R: orjson.loads of the same body; T: its decode into the service's types. Goals in R and T and the full "
    "validation are of CPU time (user and system); p99, first call and start are of wall time."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measured number.

    Attributes:
        name: what was measured.
        value: the number [unit].
        unit: of the value and the goal.
        goal: the value may be at most this [unit]; None for what is only worth knowing.
        detail: what the number was made of.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    detail: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether there is a goal, and the value is beyond it."""
        return self.goal is not None and self.value > self.goal


def show(results: Sequence[Result], out: Console) -> None:
    """Print the table."""
    table = Table(show_edge=False, caption=_UNITS, caption_justify="left")
    for heading in ("", "value", "goal", "", "made of"):
        table.add_column(heading, justify="right" if heading in {"value", "goal"} else "left")
    for result in results:
        goal = "" if result.goal is None else f"≤ {shown(result.goal)}"
        verdict = "" if result.goal is None else "[red]missed[/]" if result.is_missed else "[green]ok[/]"
        table.add_row(result.name, f"{shown(result.value)} {result.unit}", goal, verdict, result.detail)
    out.print(table)


def shown(value: float) -> str:
    """Give a number with three significant digits, or all of those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def save(results: Sequence[Result], file: Path) -> None:
    """Write the results, and where they were measured."""
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "results": results,
        "missed": [result.name for result in results if result.is_missed],
    }
    file.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
