"""What a result is of, by its code and its name (DS-17)."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.facts import Indicator
from cds.fhir.recognition import recogniser
from cds.fhir.resources import Coding, Concept
from cds.services import knowledge
from tests.unit.fhir import (
    FERRITIN,
    LOINC,
    condition,
    ferritin,
    observation,
    quantity,
    record_of,
    result,
    results,
)


def _named(text: str, *codings: dict[str, str]) -> dict[str, Any]:
    return observation({"coding": list(codings), "text": text}, valueQuantity=quantity(20, "ng/mL"))


def test_loinc_may_be_any_of_several_codings() -> None:
    """DS-17: Cerner's own code comes first."""
    read = result(
        "ferritin", _named("Ferritin Lvl", {"system": "urn:local", "code": "1"}, {"system": LOINC, "code": FERRITIN})
    )

    assert read.cap is Indicator.CRITICAL


@pytest.mark.parametrize(
    "display", ["Ferritin", "Ferritin [Mass/volume] in Serum or Plasma", "ferritin, serum by assay"]
)
def test_a_code_without_a_system_counts_beside_the_right_name(display: str) -> None:
    """DS-17: as any coded result does; only a name in words alone is for information."""
    read = result("ferritin", _named("", {"code": FERRITIN, "display": display}))

    assert read.number == 20
    assert read.cap is Indicator.CRITICAL


@pytest.mark.parametrize("display", ["", "Albumin", "Lab test", "Ferritinuria"])
def test_a_code_without_a_system_does_not_count_beside_another_name(display: str) -> None:
    """DS-17."""
    assert results("ferritin", _named("", {"code": FERRITIN, "display": display})) == []


@pytest.mark.parametrize("display", ["Albumin", "Albumin [Mass/volume] in Serum or Plasma", "TSH"])
def test_a_code_whose_name_contradicts_it_is_left_aside_and_named(display: str) -> None:
    """DS-17."""
    record = record_of(
        _named(display, {"system": LOINC, "code": FERRITIN}), ferritin(9, id="older", effectiveDateTime="2026-01-01")
    )

    assert [m.number for m in record.measurements("ferritin")] == [9]
    assert [fact.notes for fact in record.set_aside("ferritin", 365)] == [
        ("not used: the code and its name do not agree",)
    ]


def test_a_name_that_we_do_not_know_contradicts_nothing() -> None:
    """DS-17."""
    assert result("ferritin", _named("Fe storage protein", {"system": LOINC, "code": FERRITIN})).number == 20


@pytest.mark.parametrize("text", ["Ferritin", "FERRITIN", " serum  ferritin "])
def test_an_exact_name_without_a_code_counts_for_information(text: str) -> None:
    """DS-17."""
    read = result("ferritin", _named(text))

    assert (read.number, read.cap) == (Decimal(20), Indicator.INFO)
    assert "test named in words only" in read.notes


@pytest.mark.parametrize("text", ["Ferritin index", "ferritins", ""])
def test_another_name_without_a_code_does_not(text: str) -> None:
    """DS-17."""
    assert results("ferritin", _named(text)) == []


def test_the_words_of_a_known_code_do_not_overrule_it() -> None:
    """DS-17: the code says bilirubin."""
    assert results("ferritin", _named("Ferritin", {"system": LOINC, "code": "1975-2"})) == []


def test_no_code_contradicts_its_own_name() -> None:
    """DS-17: a name may begin like that of another analyte ("Calcium corrected for albumin")."""
    means = recogniser(knowledge().vocabulary)

    contradicted = [
        (name, code)
        for name, analyte in knowledge().vocabulary.analytes.items()
        for (system, code), use in analyte.uses.items()
        if means.recognised(name, Concept([Coding(system, code, use.display)])).contradicted
    ]

    assert contradicted == []


ENLARGED_PROSTATE = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "N40.1"}


def _problem(concept: str, text: str, *codings: dict[str, str]) -> list[Any]:
    return list(record_of(condition({"coding": list(codings), "text": text})).problems(concept))


def test_the_words_of_a_code_say_what_no_list_of_its_system_holds() -> None:
    """A concept that is known by words only would otherwise be lost in every chart that codes its problems."""
    (found,) = _problem("cauda-equina-prostate", "Benign prostatic hyperplasia", ENLARGED_PROSTATE)

    assert found.cap < Indicator.CRITICAL


def test_the_words_of_a_code_do_not_overrule_the_lists_of_its_system() -> None:
    other = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "Z01.89"}

    assert _problem("restless-legs", "Restless legs", other) == []


def test_the_display_of_a_code_is_words_too() -> None:
    assert _problem("cauda-equina-prostate", "", {**ENLARGED_PROSTATE, "display": "Benign prostatic hyperplasia"})


def test_words_beside_a_code_are_taken_back_like_any_others() -> None:
    assert _problem("cauda-equina-prostate", "No benign prostatic hyperplasia", ENLARGED_PROSTATE) == []
