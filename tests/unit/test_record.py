"""The record as a whole: whatever comes in, one broken resource costs only itself."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.chart.chart import Chart
from cds.chart.facts import Patient
from cds.fhir import prefetch, resources
from cds.fhir.record import PatientRecord
from cds.services import assess, knowledge
from tests.unit.fhir import (
    FERRITIN,
    LEG_PAIN,
    LOINC,
    METFORMIN,
    PATIENT,
    SUBJECT,
    TODAY,
    active,
    ferritin,
    observation,
    prescription,
    record_of,
    result,
)


def _ask_everything(record: PatientRecord) -> None:
    """Ask a record for every fact of every concept, and let every plan weigh it."""
    for concept in (*knowledge().concepts, "nothing"):
        for question in (
            record.problems,
            record.complaints,
            record.coded_results,
            record.drugs,
            record.orders,
            record.acts,
            record.answers,
            record.relatives,
            record.allergies,
        ):
            list(question(concept))
        if concept in knowledge().vocabulary.analytes:
            for ask in (record.measurements, record.under_way):
                list(ask(concept))
            record.set_aside(concept, 365)
    record.stays()
    chart = Chart(TODAY, record.patient or Patient(name="Patient"), record)
    assert chart.age is None or chart.age >= 0
    assert not assess(chart).failed


# --- a thousand resources, one of them broken --------------------------------------------------------------------

_BROKEN = {
    "not an object": b"[1, 2]",
    "a number": b"7",
    "nothing": b"",
    "cut off": b'{"resourceType": "Observation", "code": {"coding": [{"sys',
    "no resourceType": b'{"id": "x"}',
    "resourceType is a number": b'{"resourceType": 7}',
    "not UTF-8": b'{"resourceType": "Observation", "status": "fin\xff"}',
    "very deep": b'{"resourceType": "Observation", "code": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("broken", _BROKEN.values(), ids=_BROKEN)
def test_of_a_thousand_resources_only_the_broken_one_is_lost(broken: bytes) -> None:
    record = record_of()

    for number in range(1000):
        record.take(broken if number == 500 else json.dumps(ferritin(10 + number, id=f"f{number}")).encode())

    assert sum(1 for _ in record.measurements("ferritin")) == 999
    assert sum(record.left_out.values()) == 1


@pytest.mark.parametrize("broken", [b"[1]", b'{"id": "x"}', b'{"resourceType": 7}', b"null", b'"text"'])
def test_of_a_bundle_only_the_broken_entry_is_lost(broken: bytes) -> None:
    entries = [b'{"resource": ' + json.dumps(ferritin(id=f"f{n}")).encode() + b"}" for n in range(9)]
    entries.insert(4, b'{"resource": ' + broken + b"}")
    record = record_of()

    for _ in prefetch.read_bundle(b'{"resourceType": "Bundle", "entry": [' + b",".join(entries) + b"]}", record):
        pass

    assert sum(1 for _ in record.measurements("ferritin")) == 9


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("interpretation", 7),
        ("referenceRange", "10-300"),
        ("note", [7]),
        ("component", {"code": 7}),
        ("specimen", "blood"),
        ("meta", []),
        ("bodySite", [[]]),
        ("effectivePeriod", "2026"),
        ("contained", {}),
        ("valueBoolean", "yes"),
    ],
)
def test_of_a_resource_only_the_broken_element_is_lost(element: str, value: Any) -> None:
    """Architecture 3: one vendor field must not cost us a result."""
    record = record_of(ferritin(**{element: value}))

    (read,) = record.measurements("ferritin")

    assert read.number == 20
    assert record.left_out == {f"Observation.{element} could not be read": 1}


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "CarePlan", "subject": SUBJECT},
        {"resourceType": "SomethingNew", "subject": 7},
        {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]},
        {"resourceType": "Bundle", "entry": []},
    ],
)
def test_a_resource_of_a_kind_that_nobody_reads_is_nothing_to_note(resource: dict[str, Any]) -> None:
    record = record_of(resource)

    assert record.left_out == {}


def test_unknown_elements_and_extensions_are_passed_over() -> None:
    extended = ferritin(isUserSelected=True, extension=[{"url": "x", "valueString": "y"}], text={"div": "<div/>"})

    assert result("ferritin", extended).number == 20


def test_the_members_of_a_resource_may_come_in_any_order() -> None:
    """MEDITECH puts resourceType last."""
    reversed_ = dict(reversed(list(ferritin().items())))

    assert result("ferritin", reversed_).number == 20


def test_a_resource_without_an_id_has_that_of_its_address() -> None:
    record = record_of()

    for address in ("urn:uuid:1", "urn:uuid:1", "https://ehr.example.org:8443/fhir/Observation/2"):
        record.take(json.dumps(ferritin()).encode(), address)

    assert sorted(m.reference for m in record.measurements("ferritin")) == ["Observation/1", "Observation/2"]


def test_the_patient_is_the_one_of_the_call() -> None:
    record = record_of(PATIENT | {"id": "q"}, patient=None)

    assert record.patient is None
    assert record.other_patients == 1
    assert record_of().patient is not None


def test_facts_are_made_once() -> None:
    record = record_of(active(), ferritin(), prescription())

    assert record.problems("leg-ache") is record.problems("leg-ache")
    assert next(record.measurements("ferritin")) is next(record.measurements("ferritin"))
    assert record.drugs("metformin")[0] is record.drugs("metformin")[0]


# --- anything at all ---------------------------------------------------------------------------------------------

_TYPES = [kind.__name__ for kind in resources._TYPES]
_ELEMENTS = sorted({name for members in resources._ELEMENTS.values() for name in members})
_INNER = ["coding", "code", "system", "display", "text", "value", "unit", "low", "high", "start", "end", "reference"]
_INNER += ["concept", "item", "answer", "linkId", "comparator", "numerator", "event", "repeat", "resourceType", "id"]

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [LOINC, FERRITIN, "Patient/p", "final", "active", "2026-05-01", "Ferritin", "<5 ng/mL", "#1", "leg pain"]
    )
)
_anything = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_INNER) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
_members = st.dictionaries(st.sampled_from(_ELEMENTS) | st.text(max_size=5), _anything, max_size=8)
_resources = st.builds(lambda kind, members: {**members, "resourceType": kind}, st.sampled_from(_TYPES), _members)
_plausible = st.sampled_from(
    [
        PATIENT,
        ferritin(),
        observation(FERRITIN, valueString="12 L", component=[{"code": {"text": "Ferritin"}}]),
        active(),
        prescription(),
        {"resourceType": "Encounter", "status": "in-progress", "subject": SUBJECT, "reasonCode": [LEG_PAIN]},
        {
            "resourceType": "MedicationDispense",
            "status": "completed",
            "subject": SUBJECT,
            "medicationCodeableConcept": METFORMIN,
        },
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "subject": SUBJECT,
            "item": [{"linkId": "cramp"}],
        },
        {"resourceType": "DiagnosticReport", "status": "final", "subject": SUBJECT, "result": [{"reference": "#1"}]},
    ]
)
_bent = st.builds(lambda resource, members: {**resource, **members}, _plausible, _members)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_resources | _bent, max_size=4))
def test_any_resources_can_be_taken_in_and_asked_about(some: list[dict[str, Any]]) -> None:
    record = record_of(*some)

    _ask_everything(record)


@given(_anything)
def test_any_json_can_be_taken_in(value: Any) -> None:
    record = record_of(patient=None)

    record.take(json.dumps(value).encode())

    assert record.patient is None


@given(st.binary(max_size=200))
def test_any_bytes_can_be_taken_in(raw: bytes) -> None:
    record = record_of()

    record.take(raw)

    assert sum(record.left_out.values()) <= 1


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet='{}[]":,\\ abc0-.eE\ud800', max_size=60))
def test_any_value_of_prefetch_can_be_read(text: str) -> None:
    record, supply = record_of(), prefetch.Supply()
    need = prefetch.Need("labs", "Observation", ())

    for _ in prefetch.read({"labs": msgspec.Raw(text.encode("utf-8", "surrogatepass"))}, [need], record, supply):
        pass

    assert supply.reasons.keys() | supply.known == {"labs"}


@pytest.mark.parametrize("depth", [10, 100, 900, 5000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ('{"item": [', "]}"),
        ('{"concept": ', "}"),
        ('{"value": [', "]}"),
        ('{"answer": [{"item": [', "]}]}"),
        ('{"age": ', "}"),
    ],
)
def test_nesting_never_breaks_the_reader(opening: str, closing: str, depth: int) -> None:
    nested = opening * depth + "{}" + closing * depth
    record = record_of()

    for kind, element in (("Encounter", "reason"), ("Observation", "code"), ("Observation", "component")):
        shared = f'"resourceType": "{kind}", "status": "final", "subject": {json.dumps(SUBJECT)}'
        record.take(f'{{{shared}, "{element}": {nested}}}'.encode())
        record.take(f'{{{shared}, "{element}": [{nested}]}}'.encode())

    _ask_everything(record)


def test_contained_resources_do_not_contain_others() -> None:
    inner: dict[str, Any] = ferritin(id="0")
    for number in range(1, 300):
        inner = observation({"text": "panel"}, id=str(number), contained=[inner])

    assert list(record_of(inner).measurements("ferritin")) == []


def test_a_long_note_costs_no_more_than_its_length() -> None:
    """The words before a haemolysis are looked for near it, not over again from the beginning."""
    note = "a" * 200_000 + " haemolysed " + "no " * 50_000

    assert result("ferritin", ferritin(note=[{"text": note}])).haemolysed
