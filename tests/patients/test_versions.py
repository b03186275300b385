"""Patients in R4B, R5 and STU3: what is known of them, and what they are told, is the same as in R4."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cds.chart.chart import Chart
from cds.offline import open_bundle
from cds.services import knowledge
from tests.patients.reading import FIXTURES, cards_for, day_of
from tests.patients.versions import VERSIONS, is_valid, rendered

_KINDS = (
    "problems", "complaints", "measurements", "under_way", "coded_results", "drugs", "orders", "acts", "answers",
    "relatives", "allergies",
)  # fmt: skip

in_every_version = pytest.mark.parametrize("version", VERSIONS)
for_every_patient = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)


@cache
def bundle_of(fixture: Path) -> Any:
    return json.loads((fixture / "bundle.json").read_bytes())


def facts_of(chart: Chart) -> dict[str, list[str]]:
    """Give every fact of a chart in words, by what it is of."""
    record: Any = chart.record
    analytes = knowledge().vocabulary.analytes
    found = {
        f"{kind} {concept}": [_in_words(fact) for fact in getattr(record, kind)(concept)]
        for kind in _KINDS
        for concept in sorted(record.concepts())
        if kind != "measurements" or concept in analytes
    }
    stays = [_in_words(stay) for stay in (*record.stays(), *record.past_stays())]
    return {
        name: facts for name, facts in {**found, "stays": stays, "patient": [_in_words(chart.patient)]}.items() if facts
    }


def _in_words(fact: Any) -> str:
    said = {name: getattr(fact, name) for name in fact.__struct_fields__ if name != "analyte"}
    return str(said).replace("ProcedureRequest/", "ServiceRequest/")  # as STU3 calls it


def opened(bundle: Any, today: date) -> tuple[dict[str, list[str]], dict[str, int]]:
    found = open_bundle(json.dumps(bundle).encode(), today)
    return facts_of(found.chart), dict(found.left_out)


@in_every_version
@for_every_patient
def test_what_is_known_of_a_patient_is_the_same_in_every_version(fixture: Path, version: str) -> None:
    bundle, today = bundle_of(fixture), day_of(fixture)

    facts, left_out = opened(rendered(bundle, version), today)

    assert (facts, left_out) == opened(bundle, today)


@in_every_version
@pytest.mark.parametrize(
    "name", ["one-of-everything", "many-causes-at-once", "swollen-leg-after-hip-replacement", "deceased-clinosim"]
)
def test_the_cards_for_a_patient_are_the_same_in_every_version(name: str, version: str) -> None:
    fixture = next(fixture for fixture in FIXTURES if fixture.name == name)
    bundle, today = bundle_of(fixture), day_of(fixture)

    cards = cards_for(json.dumps(rendered(bundle, version)).encode(), today)

    said = json.dumps(cards).replace("ProcedureRequest/", "ServiceRequest/")
    assert json.loads(said) == cards_for(json.dumps(bundle).encode(), today)


@in_every_version
@for_every_patient
def test_a_patient_in_another_version_is_truly_of_that_version(fixture: Path, version: str) -> None:
    bundle = bundle_of(fixture)

    pairs = zip(rendered(bundle, "R4B")["entry"], rendered(bundle, version)["entry"], strict=True)

    for before, after in pairs:
        assert is_valid(after["resource"], version) or not is_valid(before["resource"], "R4B")


def test_each_version_has_shapes_of_its_own() -> None:
    fixture = next(fixture for fixture in FIXTURES if fixture.name == "one-of-everything")

    shapes = {json.dumps(rendered(bundle_of(fixture), version)) for version in VERSIONS}

    assert len(shapes) == len(VERSIONS)
