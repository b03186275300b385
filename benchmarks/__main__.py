"""The command line: `python -m benchmarks [--quick] [--json FILE]`.

Exit code 1 means that a goal is missed, 2 that nothing could be measured.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.bodies import hook_call
from benchmarks.measures import QUICK, SIZES, VARIANTS, Extent, measure
from benchmarks.report import save, show
from benchmarks.service import ServiceError
from cds.errors import LegworkError


def main() -> int:
    """Measure, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the service against its goals.")
    parser.add_argument("--quick", action="store_true", help="under a minute; the numbers scatter more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    out, err = Console(), Console(stderr=True)
    columns = (TextColumn("{task.description:30}"), BarColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("Making bodies and starting", total=extent.steps)
            today = datetime.now(UTC).date()
            usual, talkative = (
                {size: [hook_call(size, v, today, talkative=much) for v in range(VARIANTS)] for size in SIZES}
                for much in (False, True)
            )

            def step(what: str) -> None:
                progress.update(task, advance=1, description=what)

            results = list(measure(usual, talkative, today, extent, step))
    except (LegworkError, ServiceError) as error:
        err.print("benchmarks:", str(error), markup=False, highlight=False)
        return 2
    show(results, out)
    if options.json:
        save(results, options.json)
    return int(any(result.is_missed for result in results))


if __name__ == "__main__":
    sys.exit(main())
