"""A Bundle in a file: whose it is, and what goes wrong with it."""

import json
from codecs import BOM_UTF8
from typing import Any

import pytest

from cds.errors import InvalidCall, NotJson
from cds.offline import open_bundle
from tests.unit.fhir import PATIENT, TODAY, ferritin


def _bundle(*resources: Any, address: str = "urn:uuid:{}") -> bytes:
    entries = [{"fullUrl": address.format(r.get("id", n)), "resource": r} for n, r in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def _about(patient_id: str, **members: Any) -> dict[str, Any]:
    return ferritin(subject={"reference": f"Patient/{patient_id}"}, **members)


def test_the_patient_of_a_bundle_is_found() -> None:
    opened = open_bundle(_bundle(PATIENT, ferritin()), TODAY)

    assert opened.chart.patient.reference == "Patient/p"
    assert opened.chart.unknown == {}
    assert opened.left_out == {}


def test_references_may_lead_to_the_address_of_the_patient() -> None:
    """Transaction Bundles have urn:uuid references, and resources without an id."""
    patient = {name: value for name, value in PATIENT.items() if name != "id"}
    result = ferritin(subject={"reference": "urn:uuid:0"})

    opened = open_bundle(_bundle(patient, result), TODAY)

    assert [m.reference for m in opened.chart.record.measurements("ferritin")] == ["Observation/1"]


def test_of_several_patients_the_one_that_most_is_said_about_is_judged() -> None:
    others = (PATIENT | {"id": "1"}, PATIENT | {"id": "12"})
    raw = _bundle(*others, _about("12", id="a"), _about("12", id="b"), _about("1", id="c"))

    assert open_bundle(raw, TODAY).chart.patient.reference == "Patient/12"
    assert open_bundle(raw, TODAY, "1").chart.patient.reference == "Patient/1"
    assert open_bundle(raw, TODAY, "1").left_out == {"about another or an unnamed patient": 2}


def test_a_mark_of_the_byte_order_is_passed_over() -> None:
    assert open_bundle(BOM_UTF8 + _bundle(PATIENT), TODAY).chart.patient.sex == "female"


@pytest.mark.parametrize("raw", [b"", b"{", b"not json", b'{"resourceType": "Bundle"\xff}', b"[" * 100_000])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJson):
        open_bundle(raw, TODAY)


@pytest.mark.parametrize(
    "content",
    [
        [],
        7,
        None,
        {"resourceType": "Patient", "id": "p"},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": 7},
        {"resourceType": "Bundle", "entry": [7, None, {}, {"resource": []}]},
        {"resourceType": "Bundle", "entry": [{"fullUrl": 7, "resource": {"resourceType": "Patient"}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": 7}}]},
    ],
)
def test_what_is_no_bundle_with_a_patient_is_refused(content: Any) -> None:
    with pytest.raises(InvalidCall):
        open_bundle(json.dumps(content).encode(), TODAY)


def test_a_patient_who_is_not_in_the_bundle_is_refused() -> None:
    with pytest.raises(InvalidCall, match="it holds p"):
        open_bundle(_bundle(PATIENT), TODAY, "q")
