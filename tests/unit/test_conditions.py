"""Conditions, reasons for a visit, complaints, relatives and allergies (G-2, G-7, 2.3, 2.5, 2.7)."""

from typing import Any

import pytest

from cds.chart.facts import Indicator, Problem
from tests.unit.fhir import (
    ICD,
    LEG_PAIN,
    LOINC,
    METFORMIN,
    RESTLESS_LEGS,
    SNOMED,
    SUBJECT,
    active,
    coded,
    condition,
    observation,
    record_of,
)


def _problem(resource: dict[str, Any], concept: str = "leg-ache") -> Problem:
    (only,) = record_of(resource).problems(concept)
    return only


def _status(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": code}]}


# --- G-2: does it count, and is it there now ---------------------------------------------------------------------


@pytest.mark.parametrize("status", ["active", "recurrence", "relapse", "Active"])
def test_a_condition_of_an_active_status_is_there(status: str) -> None:
    """G-2."""
    assert _problem(condition(clinicalStatus=_status(status))).active


@pytest.mark.parametrize("status", ["inactive", "remission", "resolved", "nonsense"])
def test_a_condition_of_any_other_status_is_not(status: str) -> None:
    """G-2: it stays in the history."""
    assert not _problem(condition(clinicalStatus=_status(status))).active


@pytest.mark.parametrize("status", ["active", {"text": "Active"}, [_status("active")], _status("active")])
def test_a_status_is_read_in_every_version_and_shape(status: Any) -> None:
    """G-2: STU3 has a bare code."""
    assert _problem(condition(clinicalStatus=status)).active


def test_a_status_that_is_not_known_is_none() -> None:
    """G-2: R5 requires the element, and has this code where R4 leaves it out."""
    assert _problem(condition(clinicalStatus=_status("unknown"))).active
    assert not _problem(condition(clinicalStatus=_status("unknown"), abatementDateTime="2020-01-01")).active


@pytest.mark.parametrize("status", ["resolved", {"text": "Resolved"}])
def test_a_status_in_words_ends_a_condition_too(status: Any) -> None:
    """G-2."""
    assert not _problem(condition(clinicalStatus=status)).active


def test_a_condition_without_a_status_is_there_until_it_abates() -> None:
    """G-2: encounter diagnoses have none."""
    assert _problem(condition()).active


@pytest.mark.parametrize(
    "abated",
    [
        {"abatementDateTime": "2026-05-19"},
        {"abatementDateTime": "2026-05-20"},
        {"abatementDateTime": "2020"},
        {"abatementDateTime": "long ago"},
        {"abatementPeriod": {"start": "2020-01-01", "end": "2020-02-01"}},
        {"abatementPeriod": {"start": "2020-01-01"}},
        {"abatementString": "in spring"},
        {"abatementBoolean": True},
        {"abatementAge": {"value": 40, "unit": "a"}},
        {"abatementRange": {"low": {"value": 1}}},
    ],
)
def test_a_condition_that_has_abated_is_gone_whatever_its_status(abated: dict[str, Any]) -> None:
    """G-2, 2.3."""
    assert not _problem(condition(**abated)).active
    assert not _problem(active(**abated)).active


@pytest.mark.parametrize(
    "abated", [{"abatementDateTime": "2026-05-21"}, {"abatementDateTime": "2027"}, {"abatementBoolean": False}]
)
def test_a_condition_that_has_not_yet_abated_is_there(abated: dict[str, Any]) -> None:
    """2.3."""
    assert _problem(active(**abated)).active


@pytest.mark.parametrize("element", ["verificationStatus", "clinicalStatus"])
@pytest.mark.parametrize(
    "status", [_status("entered-in-error"), "entered-in-error", {"coding": [{"code": "entered-in-error"}], "text": "x"}]
)
def test_a_condition_entered_in_error_never_was(element: str, status: Any) -> None:
    """G-2."""
    assert record_of(condition(**{element: status})).problems("leg-ache") == ()


def test_a_refuted_condition_never_was() -> None:
    """G-2."""
    assert record_of(active(verificationStatus=_status("refuted"))).problems("leg-ache") == ()


@pytest.mark.parametrize("status", ["unconfirmed", "provisional", "differential", "unknown"])
def test_a_condition_that_is_not_confirmed_only_supports(status: str) -> None:
    """G-2, 2.3."""
    read = _problem(active(verificationStatus=_status(status)))

    assert read.active
    assert not read.confirmed
    assert "suspected, not confirmed" in read.notes


@pytest.mark.parametrize("members", [{}, {"verificationStatus": _status("confirmed")}])
def test_a_condition_is_confirmed_unless_it_says_otherwise(members: dict[str, Any]) -> None:
    """2.3."""
    assert _problem(active(**members)).confirmed


# --- dates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "on"),
    [
        ({"onsetDateTime": "2026-01-01", "recordedDate": "2026-02-01"}, "2026-01-01"),
        ({"onsetPeriod": {"start": "2026-01-02", "end": "2026-03-01"}}, "2026-01-02"),
        ({"onsetString": "2026-01-03"}, "2026-01-03"),
        ({"onsetDateTime": "2019"}, "2019"),
        ({"recordedDate": "2026-02-01T10:00:00Z"}, "2026-02-01"),
        ({"assertedDate": "2026-02-02"}, "2026-02-02"),
        ({"onsetString": "childhood", "recordedDate": "2026-02-03"}, "2026-02-03"),
        ({}, "None"),
    ],
)
def test_a_condition_is_dated_by_its_onset_or_else_its_record(members: dict[str, Any], on: str) -> None:
    assert str(_problem(condition(**members)).on) == on


def test_a_condition_of_the_future_does_not_count() -> None:
    """2.3."""
    assert record_of(condition(onsetDateTime="2026-05-22")).problems("leg-ache") == ()


@pytest.mark.parametrize("element", ["encounter", "context"])
@pytest.mark.parametrize(
    "reference", ["Encounter/e", "urn:uuid:e", "https://ehr.example.org/fhir/Encounter/e/_history/1"]
)
def test_a_condition_without_a_date_has_that_of_its_encounter(element: str, reference: str) -> None:
    """MIMIC has none on any condition."""
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "subject": SUBJECT,
        "period": {"start": "2026-03-01T08:00:00Z"},
    }
    record = record_of(condition(**{element: {"reference": reference}}), visit)

    (read,) = record.problems("leg-ache")

    assert str(read.recorded) == "2026-03-01"


# --- G-7, 2.5: words ---------------------------------------------------------------------------------------------


def test_a_coded_condition_may_prove_anything() -> None:
    read = _problem(active())

    assert (read.name, read.coded, read.cap) == ("Pain in lower limb", True, Indicator.CRITICAL)


@pytest.mark.parametrize(
    "code",
    [
        {"text": "Aching legs at night"},
        {"coding": [{"system": "urn:local", "code": "7", "display": "Leg pain"}]},
        {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}],
            "text": "leg pain",
        },
        {"coding": [{"display": "leg pain"}]},
        {"coding": [{"system": SNOMED}], "text": "leg pain"},
        "leg pain",
    ],
)
def test_a_condition_in_words_is_context_only(code: Any) -> None:
    """G-7, 2.5."""
    read = _problem(active(code))

    assert (read.coded, read.cap) == (False, Indicator.INFO)
    assert "from free text" in read.notes


def test_the_words_of_a_coded_condition_do_not_overrule_its_code() -> None:
    """2.5: the code is asthma."""
    assert (
        record_of(active({"coding": [{"system": SNOMED, "code": "195967001"}], "text": "leg pain"})).problems(
            "leg-ache"
        )
        == ()
    )


@pytest.mark.parametrize("text", ["No leg pain", "Family history of leg pain", "leg pain?"])
def test_a_condition_that_its_words_take_back_does_not_count(text: str) -> None:
    """G-7."""
    assert record_of(active({"text": text})).problems("leg-ache") == ()


@pytest.mark.parametrize(
    ("members", "about_leg"),
    [
        ({}, False),
        ({"bodySite": [{"text": "Right calf"}]}, True),
        ({"bodySite": {"coding": [{"display": "Left lower leg"}]}}, True),
        ({"bodySite": [{"text": "Hand"}]}, False),
        ({"code": {"coding": [{"system": ICD, "code": "R25.2"}], "text": "Cramp in the leg"}}, True),
    ],
)
def test_a_complaint_of_no_stated_site_must_name_the_leg(members: dict[str, Any], about_leg: bool) -> None:
    """3.1: R25.2 is a cramp of any site."""
    assert _problem(active(coded("R25.2", ICD)) | members, "cramp-any-site").about_leg is about_leg


@pytest.mark.parametrize(
    ("members", "about_knee"),
    [
        ({}, False),
        ({"bodySite": [{"text": "Right knee joint"}]}, True),
        ({"bodySite": [{"text": "Left ankle"}]}, False),
        ({"code": {"coding": [{"system": SNOMED, "code": "396275006"}], "text": "Osteoarthritis of knees"}}, True),
    ],
)
def test_a_disease_of_no_stated_joint_must_name_one(members: dict[str, Any], about_knee: bool) -> None:
    """9.1: osteoarthritis counts with a site at knee or hip only."""
    assert _problem(active(coded("396275006", SNOMED)) | members, "osteoarthritis-at-knee").about_leg is about_knee


def test_a_code_beneath_another_means_the_same() -> None:
    """2.4."""
    assert record_of(active(coded("M79661", ICD))).problems("leg-ache")


# --- 2.7: repeats ------------------------------------------------------------------------------------------------


def test_twins_of_one_day_are_one_problem() -> None:
    """2.7: the same thing in ICD and in SNOMED CT."""
    twin = active({"coding": [{"system": ICD, "code": "M79.605"}]}, id="b", recordedDate="2026-05-01T09:00:00Z")

    (read,) = record_of(active(id="a"), twin).problems("leg-ache")

    assert read.reference in {"Condition/a", "Condition/b"}


def test_problems_of_different_days_or_states_stay_apart() -> None:
    """2.7."""
    others = [
        active(id="b", recordedDate="2026-04-01"),
        condition(id="c", recordedDate="2026-05-01", clinicalStatus=_status("resolved")),
    ]

    assert len(record_of(active(id="a"), *others).problems("leg-ache")) == 3


# --- reasons for a visit and complaints --------------------------------------------------------------------------


def _visit(**members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "in-progress",
        "class": {"code": "AMB"},
        "subject": SUBJECT,
        "period": {"start": "2026-05-20T08:00:00Z"},
    }
    return usual | members


@pytest.mark.parametrize(
    "members",
    [
        {"reasonCode": [LEG_PAIN]},
        {"reason": [LEG_PAIN]},
        {"reason": [{"value": [{"concept": LEG_PAIN}]}]},
        {
            "diagnosis": [{"condition": [{"concept": LEG_PAIN}]}],
            "actualPeriod": {"start": "2026-05-20"},
            "period": None,
        },
    ],
)
def test_a_coded_reason_for_a_visit_is_a_complaint_of_that_day(members: dict[str, Any]) -> None:
    """2.2: R4, STU3 and R5."""
    (read,) = record_of(_visit(**members)).complaints("leg-ache")

    assert (str(read.on), read.coded, read.reference) == ("2026-05-20", True, "Encounter/e")


@pytest.mark.parametrize(
    "members",
    [
        {"reasonCode": [{"text": "Legs ache at night"}]},
        {"reasonReference": [{"reference": "Condition/c", "display": "Leg pain"}]},
        {"diagnosis": [{"condition": {"reference": "Condition/c", "display": "Leg pain"}}]},
    ],
)
def test_a_reason_in_words_is_context_only(members: dict[str, Any]) -> None:
    """2.2, 2.5."""
    (read,) = record_of(_visit(**members)).complaints("leg-ache")

    assert (read.coded, read.cap) == (False, Indicator.INFO)


def test_a_reason_that_is_a_condition_of_the_record_leaves_the_word_to_it() -> None:
    """2.2: it may be resolved."""
    resolved = active(id="c", clinicalStatus=_status("resolved"))
    visit = _visit(reasonReference=[{"reference": "Condition/c", "display": "Leg pain"}])

    assert record_of(resolved, visit).complaints("leg-ache") == ()


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_the_reason_for_a_visit_that_never_was_does_not_count(status: str) -> None:
    assert record_of(_visit(status=status, reasonCode=[LEG_PAIN])).complaints("leg-ache") == ()


def _draft(**members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "ServiceRequest",
        "id": "d",
        "status": "draft",
        "subject": SUBJECT,
        "authoredOn": "2026-05-20",
    }
    return {**usual, "code": {"text": "Ultrasound"}, **members}


@pytest.mark.parametrize("members", [{"reasonCode": [LEG_PAIN]}, {"reason": [{"concept": LEG_PAIN}]}])
def test_the_reason_of_an_order_that_is_being_drafted_is_a_complaint(members: dict[str, Any]) -> None:
    """2.2."""
    (read,) = record_of(_draft(**members)).complaints("leg-ache")

    assert (str(read.on), read.coded, read.reference) == ("2026-05-20", True, "ServiceRequest/d")


@pytest.mark.parametrize(
    "members",
    [
        {"status": "active"},
        {"status": "completed"},
        {"doNotPerform": True},
        {"authoredOn": "2026-06-01"},
        {"subject": {}},
    ],
)
def test_the_reason_of_any_other_order_is_not(members: dict[str, Any]) -> None:
    """2.2."""
    assert record_of(_draft(reasonCode=[LEG_PAIN], **members)).complaints("leg-ache") == ()


@pytest.mark.parametrize("code", ["10154-3", "29299-5", "10164-2"])
def test_the_words_of_a_chief_complaint_are_context_only(code: str) -> None:
    """3.1."""
    (read,) = record_of(observation(code, valueString="Both legs ache when lying down")).complaints("leg-ache")

    assert (str(read.on), read.coded, read.cap) == ("2026-05-19", False, Indicator.INFO)


def test_a_coded_chief_complaint_counts_as_coded() -> None:
    (read,) = record_of(observation("10154-3", valueCodeableConcept=LEG_PAIN)).complaints("leg-ache")

    assert (read.coded, read.cap) == (True, Indicator.CRITICAL)


@pytest.mark.parametrize(
    "members",
    [
        {"valueString": "Denies leg pain"},
        {"status": "entered-in-error"},
        {"effectiveDateTime": "2026-06-01"},
        {"code": coded("8302-2")},
    ],
)
def test_a_complaint_that_does_not_count(members: dict[str, Any]) -> None:
    assert record_of(observation("10154-3", valueString="leg pain") | members).complaints("leg-ache") == ()


def test_a_complaint_of_no_stated_site_must_name_the_leg_too() -> None:
    """3.1."""
    for words, about_leg in (("Cramp in the leg", True), ("Cramp in the hand", False)):
        said = coded("R25.2", ICD) | {"text": words}
        for resource in (observation("10154-3", valueCodeableConcept=said), _visit(reasonCode=[said])):
            (read,) = record_of(resource).complaints("cramp-any-site")
            assert read.about_leg is about_leg


@pytest.mark.parametrize(
    ("members", "stays"),
    [
        ({"class": {"code": "IMP"}}, 1),
        ({"class": [{"coding": [{"code": "IMP"}]}]}, 1),
        ({}, 0),
        ({"class": {"code": "EMER"}, "status": "finished"}, 0),
    ],
)
def test_an_encounter_under_way_tells_where_the_patient_is(members: dict[str, Any], stays: int) -> None:
    assert len(record_of(_visit(**members)).stays()) == stays


# --- relatives and allergies -------------------------------------------------------------------------------------


def _relative(**members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "FamilyMemberHistory",
        "id": "f",
        "status": "completed",
        "patient": SUBJECT,
        "condition": [{"code": RESTLESS_LEGS}],
    }
    return usual | members


@pytest.mark.parametrize("status", ["completed", "partial"])
def test_a_relatives_condition_is_family_history_only(status: str) -> None:
    """2.3."""
    record = record_of(_relative(status=status))

    assert len(record.relatives("restless-legs")) == 1
    assert record.problems("restless-legs") == ()


@pytest.mark.parametrize("status", ["entered-in-error", "health-unknown", None])
def test_what_nobody_told_of_a_relative_does_not_count(status: str | None) -> None:
    """2.3."""
    assert record_of(_relative(status=status)).relatives("restless-legs") == ()


def test_an_allergy_counts_by_its_code_or_its_words_while_it_is_active() -> None:
    def allergies(**members: Any) -> int:
        return len(
            record_of(
                {"resourceType": "AllergyIntolerance", "patient": SUBJECT, "code": METFORMIN} | members
            ).allergies("metformin")
        )

    assert allergies() == 1
    assert allergies(code={"text": "Metformin 500 mg"}, clinicalStatus=_status("active")) == 1
    assert allergies(clinicalStatus=_status("resolved")) == 0
    assert allergies(verificationStatus=_status("refuted")) == 0
    assert allergies(verificationStatus=_status("entered-in-error")) == 0
    assert allergies(code={"coding": [{"system": LOINC, "code": "1-8"}]}) == 0
