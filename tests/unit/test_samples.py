"""What a result was measured in (DS-18, DS-19)."""

from typing import Any

import pytest

from tests.unit.fhir import (
    LOINC,
    POTASSIUM,
    observation,
    quantity,
    result,
    results,
)


@pytest.mark.parametrize(
    "members",
    [
        {"specimen": {"display": "Urine, random"}},
        {
            "code": {
                "coding": [{"system": LOINC, "code": "2160-0", "display": "Creatinine"}],
                "text": "Creatinine, urine",
            }
        },
        {
            "specimen": {"reference": "#s"},
            "contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "CSF"}}],
        },
        {"specimen": {"reference": "Specimen/s"}},
        {"specimen": {"reference": "urn:uuid:s"}},
    ],
)
def test_a_result_of_another_fluid_is_no_blood_test(members: dict[str, Any]) -> None:
    """DS-18."""
    specimen = {"resourceType": "Specimen", "id": "s", "type": {"coding": [{"display": "Urine specimen"}]}}
    resource = observation("2160-0", valueQuantity=quantity(1.1, "mg/dL")) | members

    assert results("creatinine", specimen, resource) == []


def test_blood_is_blood() -> None:
    """DS-18."""
    specimen = {"resourceType": "Specimen", "id": "s", "type": {"coding": [{"display": "Venous blood specimen"}]}}

    assert result(
        "creatinine",
        specimen,
        observation("2160-0", valueQuantity=quantity(1.1, "mg/dL"), specimen={"reference": "Specimen/s"}),
    ).scale


def _potassium(**members: Any) -> dict[str, Any]:
    return observation(POTASSIUM, **{"valueQuantity": quantity(6.4, "mmol/L"), "id": "k", **members})


@pytest.mark.parametrize(
    "members",
    [
        {"note": [{"text": "Specimen hemolyzed."}]},
        {"note": {"text": "Sample slightly haemolysed; no repeat possible"}},
        {"comment": "HEMOLYSIS PRESENT"},
        {"interpretation": [{"text": "haemolysed"}]},
        {"note": [{"text": "Hemolysis index: 3"}]},
        {
            "specimen": {"reference": "#s"},
            "contained": [{"resourceType": "Specimen", "id": "s", "condition": [{"text": "Hemolyzed"}]}],
        },
    ],
)
def test_a_haemolysed_sample_is_known_as_one(members: dict[str, Any]) -> None:
    """DS-19."""
    read = result("potassium", _potassium(**members))

    assert read.haemolysed
    assert "sample reported as haemolysed" in read.notes


@pytest.mark.parametrize(
    "text",
    [
        "No hemolysis",
        "not haemolysed",
        "Sample non-hemolyzed",
        "Haemolysis: none",
        "hemolysis index: 0",
        "without visible haemolysis",
        "repeat",
    ],
)
def test_a_sample_free_of_haemolysis_is_not(text: str) -> None:
    """DS-19."""
    assert not result("potassium", _potassium(note=[{"text": text}])).haemolysed


def _haemolysis(**members: Any) -> dict[str, Any]:
    return observation("20393-5", **{"id": "h", "valueCodeableConcept": {"text": "Positive"}, **members})


_AT_TEN = "2026-05-19T10:00:00Z"


def test_another_result_of_the_same_sample_may_say_that_it_is_haemolysed() -> None:
    """DS-19."""
    tube, other = {"reference": "Specimen/1"}, {"reference": "Specimen/2"}

    assert result("potassium", _potassium(specimen=tube), _haemolysis(specimen=tube)).haemolysed
    assert result("potassium", _potassium(effectiveDateTime=_AT_TEN), _haemolysis(effectiveDateTime=_AT_TEN)).haemolysed
    assert not result("potassium", _potassium(specimen=tube), _haemolysis(specimen=other)).haemolysed
    assert not result("potassium", _potassium(), _haemolysis()).haemolysed
    assert not result(
        "potassium", _potassium(specimen=tube), _haemolysis(specimen=tube, valueCodeableConcept={"text": "Negative"})
    ).haemolysed
    assert not result(
        "potassium", _potassium(specimen=tube), _haemolysis(specimen=tube, status="entered-in-error")
    ).haemolysed
