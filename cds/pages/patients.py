"""Example patients: the fixtures of a checkout, as if their day were today."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cds.offline import read_bundle
from cds.pages.calls import as_written

_FOLDER = Path(__file__).parents[2] / "fixtures" / "patients"
"""Beside the packages in a checkout; an installed service has no examples, and its pages say so."""

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?=$|T)", re.ASCII)
_PART = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
_DATED = re.compile(r".*[dD]ate(Time)?$|start|end|issued|authored(On)?|recorded|asserted", re.ASCII)
"""The elements in which a date may be a year or a month."""
_TODAY = re.compile(r"today: (\d{4}-\d\d-\d\d)\b")
_LINE = re.compile(r"- \*\*(Who|Legs|Must come out):\*\* (.*)")


@dataclass(frozen=True, slots=True)
class Example:
    """A patient of ours: what to call them, who they are, and what must come out."""

    slug: str
    title: str
    who: str
    legs: str
    expected: str
    day: date

    def bundle(self) -> bytes:
        """Give the Bundle, with every date moved by as many days as have gone by since the patient's own day."""
        bundle = read_bundle((_FOLDER / self.slug / "bundle.json").read_bytes())
        return as_written.encode(moved(bundle, datetime.now(UTC).date() - self.day))


@cache
def examples() -> Mapping[str, Example]:
    """List the example patients; none outside a checkout."""
    found = (_example(path) for path in sorted(_FOLDER.glob("*/about.md")))
    return {example.slug: example for example in found}


def _example(path: Path) -> Example:
    text = path.read_text(encoding="utf-8")
    said = dict(_LINE.findall(text))
    slug = path.parent.name
    day = _TODAY.search(text)
    return Example(
        slug=slug,
        title=slug.replace("-", " ").capitalize(),
        who=said.get("Who", ""),
        legs=said.get("Legs", ""),
        expected=said.get("Must come out", ""),
        day=date.fromisoformat(day[1]) if day else datetime.now(UTC).date(),
    )


def moved(value: Any, by: timedelta, name: str = "") -> Any:
    """Move every date in a resource; times of day, and how exact a date is, stay as they are."""
    if isinstance(value, dict):
        return {key: moved(member, by, key) for key, member in value.items()}
    if isinstance(value, list):
        return [moved(item, by, name) for item in value]
    return _moved(value, by, name) if isinstance(value, str) else value


def _moved(text: str, by: timedelta, name: str) -> str:
    try:
        if match := _DAY.match(text):
            return (date.fromisoformat(match[1]) + by).isoformat() + text[match.end() :]
        if (match := _PART.fullmatch(text)) and _DATED.fullmatch(name):
            year, month = int(match[1]), match[2]
            middle = date(year, int(month), 15) if month else date(year, 7, 1)
            return f"{middle + by:%Y-%m}" if month else f"{middle + by:%Y}"
    except (ValueError, OverflowError):
        pass  # it is no date, or none that can be moved: some fixtures are broken on purpose
    return text
