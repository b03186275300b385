"""What counts as taken (DS-21)."""

from typing import Any

import pytest

from cds.chart.facts import Drug
from tests.unit.fhir import METFORMIN, RXNORM, SNOMED, SUBJECT, prescription, record_of


def _drug(*resources: dict[str, Any]) -> Drug:
    (only,) = record_of(*resources).drugs("metformin")
    return only


def _is_current(*resources: dict[str, Any]) -> bool:
    return any(drug.current for drug in record_of(*resources).drugs("metformin"))


def _statement(**members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": METFORMIN,
        "subject": SUBJECT,
        "effectivePeriod": {"start": "2026-01-01"},
    }
    return usual | members


# --- status and intent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "intent", ["order", "plan", "original-order", "reflex-order", "filler-order", "instance-order"]
)
def test_an_active_order_is_current(intent: str) -> None:
    """DS-21, 2.3."""
    assert _is_current(prescription(intent=intent))


@pytest.mark.parametrize("intent", ["proposal", "option", "directive"])
def test_what_nobody_ordered_is_not(intent: str) -> None:
    """DS-21, 2.3."""
    assert record_of(prescription(intent=intent)).drugs("metformin") == ()


@pytest.mark.parametrize("status", ["stopped", "cancelled", "draft", "unknown", "ended", ...])
def test_an_order_of_any_other_status_is_not_current(status: Any) -> None:
    """DS-21."""
    assert not _is_current(prescription(status=status))


def test_an_order_on_hold_is_not_current_and_says_so() -> None:
    """DS-21, 2.3."""
    held = _drug(prescription(status="on-hold"))

    assert not held.current
    assert held.notes == ("on hold",)


@pytest.mark.parametrize(("authored", "current"), [("2026-02-19", True), ("2026-02-18", False), (..., False)])
def test_a_completed_course_counts_for_ninety_days(authored: Any, current: bool) -> None:
    """DS-21, 2.3."""
    assert _is_current(prescription(status="completed", authoredOn=authored)) is current


def test_a_completed_course_counts_from_its_end() -> None:
    """DS-21."""
    assert _is_current(
        prescription(
            status="completed", authoredOn="2025-01-01", dispenseRequest={"validityPeriod": {"end": "2026-05-01"}}
        )
    )


def test_what_shall_not_be_given_is_no_exposure() -> None:
    """DS-21."""
    assert record_of(prescription(doNotPerform=True)).drugs("metformin") == ()


def test_an_order_of_the_future_does_not_count() -> None:
    """2.3."""
    assert record_of(prescription(authoredOn="2026-06-01")).drugs("metformin") == ()


# --- ends --------------------------------------------------------------------------------------------------------

_PAST, _TODAY = {"end": "2026-05-19"}, {"end": "2026-05-20"}


def _dosage(bounds: dict[str, str] | None) -> dict[str, Any]:
    return {"timing": {"repeat": {"boundsPeriod": bounds}}} if bounds else {"text": "once daily"}


@pytest.mark.parametrize(
    ("members", "current"),
    [
        ({"dispenseRequest": {"validityPeriod": _PAST}}, False),
        ({"dispenseRequest": {"validityPeriod": _TODAY}}, True),
        ({"dispenseRequest": {"validityPeriod": {"start": "2026-01-01"}}}, True),
        ({"dosageInstruction": [_dosage(_PAST)]}, False),
        ({"dosageInstruction": _dosage(_PAST)}, False),
        ({"dosageInstruction": [_dosage(_PAST), _dosage(_TODAY)]}, True),
        ({"dosageInstruction": [_dosage(_PAST), _dosage(None)]}, True),
        ({"effectiveDosePeriod": _PAST}, False),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-05"}}}, True),
        ({"dispenseRequest": {"validityPeriod": {"end": "2025"}}}, False),
        ({"dispenseRequest": {"validityPeriod": {"end": "some day"}}}, True),
    ],
)
def test_an_order_whose_end_has_passed_is_not_current_whatever_its_status(
    members: dict[str, Any], current: bool
) -> None:
    """DS-21."""
    assert _is_current(prescription(**members)) is current


# --- statements, administrations, dispenses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "current"),
    [
        ({}, True),
        ({"status": "intended"}, True),
        ({"status": "recorded"}, True),
        ({"status": "not-taken"}, False),
        ({"status": "unknown"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "stopped"}, False),
        ({"taken": "n"}, False),
        ({"taken": "y"}, True),
        ({"effectivePeriod": _PAST}, False),
        ({"status": "completed", "effectivePeriod": _PAST}, True),
        ({"status": "recorded", "adherence": {"code": {"coding": [{"code": "not-taking"}]}}}, False),
        ({"status": "recorded", "adherence": {"code": {"coding": [{"code": "stopped-as-directed"}]}}}, False),
        ({"status": "recorded", "adherence": {"code": {"coding": [{"code": "taking-as-directed"}]}}}, True),
        ({"status": "recorded", "adherence": {"code": {"coding": [{"code": "on-hold"}]}}}, False),
        ({"status": "recorded", "effectivePeriod": _PAST}, True),  # as R4's completed
        ({"wasNotTaken": True}, False),
        ({"subject": None, "patient": SUBJECT}, True),
    ],
)
def test_a_statement_counts_while_the_drug_is_taken(members: dict[str, Any], current: bool) -> None:
    """DS-21: R4, R5, STU3 and DSTU2."""
    assert _is_current(_statement(**members)) is current


@pytest.mark.parametrize(
    ("members", "given"),
    [
        ({}, True),
        ({"status": "in-progress"}, True),
        ({"status": "not-done"}, False),
        ({"status": "entered-in-error"}, False),
        ({"notGiven": True}, False),
        ({"effectiveDateTime": "2026-06-01"}, False),
        ({"effectiveDateTime": None, "occurencePeriod": {"end": "2026-05-18"}}, True),
    ],
)
def test_an_administration_is_given_on_its_day(members: dict[str, Any], given: bool) -> None:
    """DS-21."""
    usual = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": METFORMIN,
        "subject": SUBJECT,
        "effectiveDateTime": "2026-05-18",
    }

    read = record_of(usual | members).drugs("metformin")

    assert [(str(drug.on), drug.given, drug.current) for drug in read] == (
        [("2026-05-18", True, False)] if given else []
    )


@pytest.mark.parametrize(
    ("members", "current"),
    [
        ({}, True),
        ({"daysSupply": {"value": 18}}, False),
        ({"daysSupply": {"value": 19}}, True),
        ({"daysSupply": {"value": 1e300}}, False),
        ({"daysSupply": {"value": -5}}, False),
        ({"daysSupply": None}, False),
        ({"status": "cancelled"}, False),
        ({"whenHandedOver": "2026-05-30"}, False),
        ({"whenHandedOver": "9999-12-31"}, False),
    ],
)
def test_a_dispense_is_current_while_its_supply_lasts(members: dict[str, Any], current: bool) -> None:
    """DS-21."""
    usual = {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "medicationCodeableConcept": METFORMIN,
        "subject": SUBJECT,
        "whenHandedOver": "2026-05-01",
        "daysSupply": {"value": 30},
    }

    assert _is_current(usual | members) is current


# --- which drug --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "concept",
    [
        {
            "coding": [
                {
                    "system": RXNORM,
                    "code": "860975",
                    "display": "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet",
                }
            ]
        },
        {"coding": [{"system": "urn:local", "code": "1", "display": "METFORMIN 500MG TAB"}]},
        {"text": "sitagliptin/metformin"},
        {"coding": [{"system": "http://www.whocc.no/atc", "code": "A10BA02"}]},
    ],
)
def test_a_drug_is_known_by_its_ingredient_code_or_name(concept: dict[str, Any]) -> None:
    """Section 6: products have codes of their own."""
    assert _is_current(prescription(medicationCodeableConcept=concept))


def test_a_word_within_another_is_no_ingredient() -> None:
    assert not _is_current(prescription(medicationCodeableConcept={"text": "metformins"}))


_TABLET = {"resourceType": "Medication", "id": "m", "code": METFORMIN}


@pytest.mark.parametrize(
    ("medication", "others"),
    [
        ({"medicationReference": {"reference": "#m"}, "contained": [_TABLET]}, []),
        ({"medicationReference": {"reference": "#m"}, "contained": [_TABLET | {"id": "#m"}]}, []),
        ({"medicationReference": {"reference": "Medication/m"}}, [_TABLET]),
        ({"medicationReference": {"reference": "https://ehr.example.org/fhir/Medication/m/_history/2"}}, [_TABLET]),
        ({"medicationReference": {"reference": "urn:uuid:m"}}, [_TABLET]),
        ({"medicationReference": {"reference": "Medication/m", "display": "Metformin"}}, []),
        ({"medication": {"reference": {"reference": "Medication/m"}}}, [_TABLET]),
        ({"medication": {"concept": METFORMIN}}, []),
        (
            {"medicationReference": {"reference": "Medication/m"}},
            [{"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": METFORMIN}]}],
        ),
        (
            {"medicationReference": {"reference": "Medication/m"}},
            [{"resourceType": "Medication", "id": "m", "ingredient": [{"item": {"concept": METFORMIN}}]}],
        ),
        (
            {"medicationReference": {"reference": "Medication/m"}},
            [{"resourceType": "Medication", "id": "m", "ingredient": [{"itemReference": {"display": "Metformin"}}]}],
        ),
    ],
)
def test_a_drug_may_be_named_by_reference(medication: dict[str, Any], others: list[dict[str, Any]]) -> None:
    """DS-21: contained, beside it, before or after it, in R5; or at least by its display."""
    request = prescription(medicationCodeableConcept=..., **medication)

    assert _is_current(request, *others)
    assert _is_current(*others, request)


@pytest.mark.parametrize("reference", ["Medication/other", "#m", "Medication/None", "", "urn:uuid:none"])
def test_a_drug_that_cannot_be_found_is_unknown(reference: str) -> None:
    """DS-21."""
    request = prescription(
        medicationCodeableConcept=..., medicationReference={"reference": reference}, contained=[_TABLET | {"id": "x"}]
    )

    assert record_of(request, _TABLET, {"resourceType": "Medication", "code": METFORMIN}).drugs("metformin") == ()


def test_a_statement_names_its_drug_and_its_source() -> None:
    read = _drug(_statement(id="s"))

    assert (read.name, read.reference, str(read.start)) == ("metformin", "MedicationStatement/s", "2026-01-01")


# --- routes ------------------------------------------------------------------------------------------------------

_DIPHENHYDRAMINE = {"coding": [{"system": RXNORM, "code": "3498", "display": "diphenhydramine"}]}


def _antihistamines(*resources: dict[str, Any], **members: Any) -> int:
    request = prescription(**{"medicationCodeableConcept": _DIPHENHYDRAMINE, **members})
    return len(record_of(request, *resources).drugs("rls-sedating-antihistamine"))


@pytest.mark.parametrize(
    "members",
    [
        {"dosageInstruction": [{"route": {"text": "Topical"}}]},
        {"dosageInstruction": [{"route": {"coding": [{"system": SNOMED, "code": "46713006"}]}}]},
        {"dosageInstruction": {"route": {"coding": [{"display": "Ophthalmic route"}]}}},
        {"dosageInstruction": [{"text": "apply cream twice daily"}]},
        {"medicationCodeableConcept": {"text": "diphenhydramine 2 % cream"}},
        {"medicationCodeableConcept": {"text": "Diphenhydramine nasal spray"}},
    ],
)
def test_a_drug_that_acts_where_it_is_put_does_not_count(members: dict[str, Any]) -> None:
    """Section 6."""
    assert _antihistamines() == 1
    assert _antihistamines(**members) == 0


def test_the_form_of_a_drug_tells_where_it_acts() -> None:
    """Section 6."""
    cream = {"resourceType": "Medication", "id": "m", "code": _DIPHENHYDRAMINE, "form": {"text": "Cream"}}

    assert _antihistamines(cream, medicationCodeableConcept=..., medicationReference={"reference": "Medication/m"}) == 0
    assert (
        _antihistamines(
            cream | {"form": {"text": "Tablet"}},
            medicationCodeableConcept=...,
            medicationReference={"reference": "Medication/m"},
        )
        == 1
    )


def test_beside_a_stated_route_the_words_of_the_dosage_may_say_what_for() -> None:
    """Section 6."""
    assert _antihistamines(dosageInstruction=[{"route": {"text": "Oral"}, "text": "for itching of the eye"}]) == 1


def test_a_drug_whose_name_stands_where_its_code_belongs_is_read() -> None:
    """As MIMIC's medications are written."""
    local = {"coding": [{"system": "http://example.org/formulary", "code": "MetFORMIN"}]}

    assert _drug(prescription(medicationCodeableConcept=local)).name == "MetFORMIN"


@pytest.mark.parametrize("code", ["MET500", "860975X", "metf0rmin"])
def test_a_code_is_no_name(code: str) -> None:
    local = {"coding": [{"system": "http://example.org/formulary", "code": code}]}

    assert record_of(prescription(medicationCodeableConcept=local)).drugs("metformin") == ()
