"""What all commands share: where they write, how they end, and how a day is given."""

from datetime import UTC, date, datetime

import typer
from rich.console import Console

FAILED = 1
"""Exit code when a check failed."""
BAD_INPUT = 2
"""Exit code when what was given cannot be used."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
plain = Console(highlight=False, markup=False, soft_wrap=True)
"""For what is shown as it is, whatever it says."""
plain_err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def day_of(text: str | None) -> date:
    """Give the day that was asked for; today by default."""
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("not a day of the form YYYY-MM-DD", param_hint="--today") from error
