"""Which results count, when they were so, and what they say (DS-1 to DS-5, DS-23, 2.7)."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.facts import Indicator
from cds.services import knowledge
from tests.unit.fhir import (
    HBA1C,
    POTASSIUM,
    SNOMED,
    SUBJECT,
    coded,
    ferritin,
    observation,
    quantity,
    record_of,
    result,
    results,
)

# --- DS-1: status ---


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "appended"])
def test_a_released_result_counts(status: str) -> None:
    """DS-1."""
    assert result("ferritin", ferritin(status=status)).final


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered-in-error", "unknown", "", "FINAL?", ...])
def test_a_result_of_any_other_status_does_not(status: Any) -> None:
    """DS-1."""
    assert results("ferritin", ferritin(status=status)) == []


def test_a_preliminary_result_is_marked_and_never_critical() -> None:
    """DS-1."""
    read = result("potassium", observation(POTASSIUM, valueQuantity=quantity(6.8, "mmol/L"), status="preliminary"))

    assert not read.final
    assert "preliminary result" in read.notes
    assert read.cap is Indicator.WARNING


def test_a_preliminary_vital_sign_counts_in_full() -> None:
    """2.3."""
    read = result("body-temperature", observation("8310-5", valueQuantity=quantity(38.2, "Cel"), status="preliminary"))

    assert read.final
    assert read.cap is Indicator.CRITICAL


@pytest.mark.parametrize("status", ["registered", "preliminary"])
def test_an_open_result_says_that_a_test_is_under_way(status: str) -> None:
    """DS-1, DS-20."""
    (open_one,) = record_of(ferritin(status=status)).under_way("ferritin")

    assert open_one.value == "under way"
    assert record_of(ferritin()).under_way("ferritin") == ()


# --- DS-2 to DS-5: dates and the newest ---

_EVERYWHERE = [
    ("effectiveDateTime", "2026-01-01", "2026-01-01"),
    ("effectiveInstant", "2026-01-02T10:00:00Z", "2026-01-02"),
    ("effectivePeriod", {"start": "2025-12-31", "end": "2026-01-03"}, "2026-01-03"),
    ("effectivePeriod", {"start": "2026-01-04"}, "2026-01-04"),
    ("effectiveTiming", {"event": ["2025-12-01", "2026-01-05"]}, "2026-01-05"),
    ("issued", "2026-01-06T10:00:00Z", "2026-01-06"),
]


@pytest.mark.parametrize(("element", "value", "day"), _EVERYWHERE)
def test_a_result_is_dated_by_whichever_element_is_there(element: str, value: Any, day: str) -> None:
    """DS-2."""
    read = result("ferritin", ferritin(**{"effectiveDateTime": ..., element: value}))

    assert str(read.on) == day


def test_when_a_sample_was_taken_goes_before_when_the_result_was_issued() -> None:
    """DS-2."""
    read = result("ferritin", ferritin(effectiveDateTime="2026-01-01", issued="2026-01-06T10:00:00Z"))

    assert str(read.on) == "2026-01-01"


def test_an_unreadable_date_gives_way_to_the_next() -> None:
    """DS-2."""
    read = result("ferritin", ferritin(effectiveDateTime="yesterday", issued="2026-01-06T10:00:00Z"))

    assert str(read.on) == "2026-01-06"


@pytest.mark.parametrize(
    "reference", ["Observation/f", "urn:uuid:f", "https://ehr.example.org/fhir/Observation/f/_history/2"]
)
def test_the_report_that_lists_a_result_dates_it(reference: str) -> None:
    """DS-2."""
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": SUBJECT,
        "effectiveDateTime": "2026-01-07",
        "code": {"text": "panel"},
        "result": [{"reference": reference}],
    }

    assert str(result("ferritin", report, ferritin(id="f", effectiveDateTime=...)).on) == "2026-01-07"
    assert (
        result("ferritin", report | {"status": "entered-in-error"}, ferritin(id="f", effectiveDateTime=...)).on is None
    )


def test_a_result_inside_a_report_has_its_date_and_its_patient() -> None:
    """DS-2, DS-7."""
    inner = ferritin(id="x", effectiveDateTime=..., subject=...)
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": SUBJECT,
        "issued": "2026-01-08",
        "code": {"text": "panel"},
        "result": [{"reference": "#x"}],
        "contained": [inner],
    }
    later = report | {"id": "s", "issued": "2026-02-08"}

    assert sorted(str(r.on) for r in results("ferritin", report, later)) == ["2026-01-08", "2026-02-08"]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_nothing_inside_a_void_report_or_panel_counts(status: str) -> None:
    """DS-1."""
    inner = ferritin(id="x", subject=...)
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": status, "subject": SUBJECT, "contained": [inner]}
    panel = observation("75689-0", id="panel", status=status, contained=[inner])

    assert results("ferritin", report, panel) == []


def test_a_result_of_the_future_is_left_aside_and_named() -> None:
    """DS-3."""
    record = record_of(ferritin(id="f", effectiveDateTime="2026-05-22"))

    (aside,) = record.set_aside("ferritin", 365)

    assert list(record.measurements("ferritin")) == []
    assert (aside.name, aside.reference, str(aside.on)) == ("Ferritin", "Observation/f", "2026-05-22")
    assert (aside.value, aside.unit, aside.notes) == ("20", "ng/mL", ("not used: dated ahead",))


def test_of_results_of_unknown_status_the_newest_is_named() -> None:
    """DS-1: none counts, but that there is one is not kept silent."""
    record = record_of(
        *(ferritin(id=day, status="unknown", effectiveDateTime=f"2026-05-{day}") for day in ("11", "12"))
    )

    (aside,) = record.set_aside("ferritin", 365)

    assert list(record.measurements("ferritin")) == []
    assert (aside.reference, aside.notes) == ("Observation/12", ("not used: its status is not known",))


def test_a_result_of_tomorrow_counts() -> None:
    """DS-3: clocks and zones differ by up to a day."""
    assert result("ferritin", ferritin(effectiveDateTime="2026-05-21T08:00:00Z")).number == 20


def test_undated_results_come_last() -> None:
    """DS-4."""
    undated, old = ferritin(10, id="u", effectiveDateTime=...), ferritin(30, id="o", effectiveDateTime="1999")

    assert [r.number for r in results("ferritin", undated, old)] == [30, 10]


def _numbers(*resources: dict[str, Any]) -> list[Decimal | None]:
    return [r.number for r in results("ferritin", *resources)]


def test_the_newest_result_comes_first() -> None:
    """DS-5."""
    days = ["2026-01-01", "2026-03-01T10:00:00Z", "2026-03-01T09:00:00+02:00", "2025"]

    assert _numbers(*(ferritin(n, id=f"{n}", effectiveDateTime=day) for n, day in enumerate(days, 1))) == [2, 3, 1, 4]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"issued": "2026-05-19T12:00:00Z"}, {"issued": "2026-05-19T11:00:00Z"}),
        ({"status": "corrected"}, {"status": "final"}),
        ({"status": "amended"}, {"status": "final"}),
        ({"meta": {"lastUpdated": "2026-05-20T01:00:00Z"}}, {"meta": {"lastUpdated": "2026-05-19T01:00:00Z"}}),
        (
            {"issued": "2026-05-19T12:00:00Z", "status": "final"},
            {"issued": "2026-05-19T11:00:00Z", "status": "corrected"},
        ),
    ],
)
def test_of_one_day_the_later_word_comes_first(first: dict[str, Any], second: dict[str, Any]) -> None:
    """DS-5: issued, then a correction, then the last update."""
    assert _numbers(ferritin(2, id="b", **second), ferritin(1, id="a", **first)) == [1, 2]


# --- DS-23: whose it is ---


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "Patient/p/_history/3",
        "https://ehr.example.org/fhir/Patient/p",
        "https://ehr.example.org/fhir/Patient/p/_history/1",
        "http://other.example.org/Patient/p",
        "urn:uuid:p",
    ],
)
def test_a_resource_about_the_patient_counts(reference: str) -> None:
    """DS-23."""
    assert result("ferritin", ferritin(subject={"reference": reference})).number == 20


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/q"},
        {"reference": "Patient/pp"},
        {"reference": "https://ehr.example.org/fhir/Patient/q"},
        {"reference": "p"},
        {"reference": "Group/p"},
        {"reference": "#p"},
        {"reference": ""},
        {"display": "Jane"},
        {"identifier": {"value": "p"}},
        ...,
        None,
        "Patient/p",
    ],
)
def test_a_resource_about_somebody_else_or_nobody_is_left_out_and_counted(subject: Any) -> None:
    """DS-23."""
    record = record_of(ferritin(subject=subject))

    assert list(record.measurements("ferritin")) == []
    assert record.left_out["about another or an unnamed patient"] == 1


def test_a_copy_about_somebody_else_does_not_hide_the_patients_own() -> None:
    """DS-23."""
    assert _numbers(ferritin(1, id="x", subject={"reference": "Patient/q"}), ferritin(2, id="x")) == [2]


# --- DS-24 and repeats ---


def test_a_limit_is_given_in_the_unit_of_the_result() -> None:
    """DS-24."""
    read = result("hba1c", observation(HBA1C, valueQuantity=quantity(6.5, "%")))
    pair = next(pair for pair in knowledge().vocabulary.analytes["hba1c"].pairs if pair[0].value == 48)

    assert read.scale is not None
    assert read.analyte.limit(pair[0], read.scale) == Decimal("6.5")


def test_the_same_resource_twice_is_one() -> None:
    """2.7: it came under two prefetch keys."""
    assert len(results("ferritin", ferritin(id="x"), ferritin(id="x"))) == 1


def test_the_side_of_a_finding_is_in_its_code_its_site_or_its_words() -> None:
    def side(**members: Any) -> str:
        return result("ankle-brachial-index", observation("77194-9", valueQuantity=quantity(0.8, "1")) | members).side

    assert side(bodySite={"text": "Left leg"}) == "left"
    assert side(code={"text": "ABI, right"}) == "right"
    assert side(code=coded("8580-3")) == "right"
    assert side(bodySite={"text": "left and right"}) == ""
    assert side() == ""


# --- results that say something instead of a number ---


def test_a_coded_result_means_the_concepts_of_its_answer() -> None:
    pregnant = observation(
        "82810-3", valueCodeableConcept={"coding": [{"system": SNOMED, "code": "77386006", "display": "Pregnant"}]}
    )

    (read,) = record_of(pregnant).coded_results("pregnancy-status")

    assert "pregnancy" in read.means
    assert read.value == "Pregnant"


def test_coded_results_come_newest_first_and_an_answer_that_we_do_not_know_is_one() -> None:
    old = observation("82810-3", id="a", effectiveDateTime="2026-01-01", valueCodeableConcept=coded("77386006", SNOMED))
    new = observation("82810-3", id="b", valueCodeableConcept=coded("LA26683-5"))

    newest, oldest = record_of(old, new).coded_results("pregnancy-status")

    assert not newest.means
    assert "pregnancy" in oldest.means


@pytest.mark.parametrize(
    "members",
    [
        {"status": "preliminary"},
        {"valueCodeableConcept": {"text": "Not done"}},
        {"valueCodeableConcept": ...},
        {"effectiveDateTime": "2027-01-01"},
        {"dataAbsentReason": {"coding": [{"code": "unknown"}]}},
    ],
)
def test_a_coded_result_that_does_not_count(members: dict[str, Any]) -> None:
    """DS-1, DS-3, DS-9."""
    usual = {"valueCodeableConcept": coded("77386006", SNOMED)}

    assert record_of(observation("82810-3", **(usual | members))).coded_results("pregnancy-status") == ()
