"""Whole patients of ours: each gives exactly the cards that lie beside it."""

import json
from pathlib import Path

import pytest

from tests.patients.reading import FIXTURES, REGENERATE, cards_of


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)
def test_a_patient_gives_exactly_these_cards(fixture: Path) -> None:
    expected = json.loads((fixture / "cards.json").read_text(encoding="utf-8"))

    assert cards_of(fixture) == expected, f"if this is meant, write it down: {REGENERATE}"


def test_there_are_patients() -> None:
    assert FIXTURES
