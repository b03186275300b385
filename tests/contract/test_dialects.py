"""fixtures/dialects: calls in the accents of EHRs, each understood by every deployment, and what each brings about."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.contract.calls import FIXTURES, SERVICES
from tests.contract.shapes import advised, cards_of, outcome_of, unknowns

FOLDER = FIXTURES / "dialects"
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
CALLS: dict[str, dict[str, Any]] = EXPECTED["calls"]
_DATE = re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d")
_UNREAD = re.compile(r"could not be read, wholly or in part: (\d+)")


def sent(client, name):
    """Send a call, its dates moved so that its day is today."""
    passed = datetime.now(UTC).date() - EXPECTED["day"]
    body = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    body = _DATE.sub(lambda found: (date.fromisoformat(found[0]) + passed).isoformat(), body)
    call = json.loads(body)
    return call["context"]["patientId"], client.post(SERVICES[call["hook"]], content=body.encode())


def facts_of(cards) -> Iterator[str]:
    for card in cards:
        for advice in card.get("extension", {}).get("org.legwork.advice", ()):
            for fact in advice.get("basis", ()):
                said = (fact["fact"], fact.get("value"), fact.get("unit"), f"({fact.get('reference')})")
                yield " ".join(word for word in said if word)


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if "status" not in call])
def test_a_call_is_understood_and_answered(client, name):
    """CH-P-03 to P-16, Q-10, Q-15, E-04, H-22 to H-29."""
    expected = CALLS[name]

    patient, response = sent(client, name)

    cards = cards_of(response, patient)
    assert advised(cards) == expected["advised"]
    assert set(expected.get("read", ())) <= set(facts_of(cards))
    assert set(expected.get("unknown", ())) <= unknowns(cards)
    assert _UNREAD.findall(json.dumps(cards)) == [str(count) for count in [expected.get("unread", 0)] if count]


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if "status" in call])
def test_a_call_without_the_data_it_needs_is_told_so(client, name):
    """CH-P-05, P-09."""
    _, response = sent(client, name)

    assert CALLS[name]["words"] in outcome_of(response, CALLS[name]["status"])


def test_every_call_is_written_down():
    assert sorted(CALLS) == sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.json"))
