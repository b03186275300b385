"""Whole patients: what comes out of a Bundle, in a form that can be written down and held against."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from cards.rendering import Press
from cards.suggestions import Desk
from cds.chart.chart import Chart
from cds.errors import LegworkError
from cds.offline import open_bundle
from cds.services import assess, knowledge

ROOT = Path(__file__).parents[2]
FIXTURES = sorted(path.parent for path in ROOT.glob("fixtures/patients/*/bundle.json"))
SHARED = ROOT.parent / "shared" / "data"
"""Patients of public data sets, beside the checkout and never part of it."""
EXPECTED = Path(__file__).with_name("shared_data.json")
REGENERATE = "python -m tests.patients.regenerate"

_URL = "https://legwork.example.org"
_TODAY = re.compile(r"today: (\d{4}-\d\d-\d\d)\b")
_DATED = re.compile(
    rb'"(?:effectiveDateTime|issued|authoredOn|authored|recordedDate|assertedDate|onsetDateTime|start)"\s*:\s*"'
    rb"(\d{4}-\d\d-\d\d)"
)
_NO_DATE = date(2026, 1, 1)
_LEG_PAIN = {"coding": [{"system": "http://snomed.info/sct", "code": "10601006", "display": "Pain in lower limb"}]}


def cards_of(fixture: Path) -> list[Any]:
    """Give the cards for a fixture on its day, without the uuids that differ each time."""
    return cards_for((fixture / "bundle.json").read_bytes(), day_of(fixture))


def cards_for(raw: bytes, today: date) -> list[Any]:
    """Give the cards for a Bundle on a day, without the uuids that differ each time."""
    opened = open_bundle(raw, today)
    assessment = assess(opened.chart)
    desk = Desk(opened.chart, knowledge().orders, knowledge().vocabulary.analytes, None)
    answer = Press(desk, knowledge().overrides, _URL).answer(assessment)
    cards: list[Any] = json.loads(msgspec.json.encode(_without_uuids(msgspec.to_builtins(answer.cards))))
    return cards


def day_of(fixture: Path) -> date:
    """Give the day on which a fixture is judged."""
    match = _TODAY.search((fixture / "about.md").read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{fixture.name}/about.md does not say `today: YYYY-MM-DD`")
    return date.fromisoformat(match[1])


def _without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_uuids(member) for name, member in value.items() if name != "uuid"}
    return [_without_uuids(item) for item in value] if isinstance(value, list | tuple) else value


def shared_files() -> list[Path]:
    """List the shared patients; none where they are not there."""
    return sorted(SHARED.glob("*/*.json"))


def name_of(path: Path) -> str:
    """Give the name under which a shared file is written down."""
    return path.relative_to(SHARED).as_posix()


def digest(path: Path) -> dict[str, Any]:
    """Say what comes out of a shared file on the day of its newest date: what was left out, who speaks how urgently.

    Few of these patients complain of their legs, so each is looked at a second time as if it had come for leg pain.
    """
    raw = path.read_bytes()
    today = _newest_day(raw)
    try:
        opened = open_bundle(raw, today)
    except LegworkError as error:
        return {"refused": type(error).__name__}
    return {
        "left_out": dict(sorted(opened.left_out.items())),
        "topics": _topics(opened.chart),
        "topics_with_leg_pain": _topics(_with_leg_pain(raw, today)),
    }


def _newest_day(raw: bytes) -> date:
    days = {found.decode() for found in _DATED.findall(raw)}
    return max((day for text in days if (day := _day(text)) is not None), default=_NO_DATE)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _with_leg_pain(raw: bytes, today: date) -> Chart:
    opened = open_bundle(raw, today)
    visit = {
        "resourceType": "Encounter",
        "status": "in-progress",
        "subject": {"reference": opened.chart.patient.reference},
        "period": {"start": today.isoformat()},
        "reasonCode": [_LEG_PAIN],
    }
    record = opened.chart.record
    record.take(json.dumps(visit).encode())  # type: ignore[attr-defined]  # the record of a Bundle
    return Chart(today, opened.chart.patient, record)


def _topics(chart: Chart) -> dict[str, str]:
    assessment = assess(chart)
    if assessment.failed:
        raise AssertionError(f"broke down: {', '.join(assessment.failed)}")
    strongest: dict[str, Any] = {}
    for advice in assessment.advice:
        topic = advice.plan.topic
        strongest[topic] = max(strongest.get(topic, advice.indicator), advice.indicator)
    return {topic: strongest[topic].word for topic in sorted(strongest)}
