"""What holds of every code of the knowledge, beside its check digit: its system, its form, how far it is trusted."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds.chart.codes import BY_PREFIX, plain
from cds.export.elements import systems
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, Include, ValueSetFile
from cds.services import differential, knowledge
from tests.knowledge.test_all_plans import is_loinc, is_snomed

ROOT = knowledge().root
SETS = sorted(ROOT.glob("*/valuesets/*.toml"))
ANALYTES = sorted((ROOT / "analytes").glob("*.toml"))
SNOMED = "http://snomed.info/sct"
FORMS = {
    "http://hl7.org/fhir/sid/icd-10-cm": r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?",
    "http://www.whocc.no/atc": r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?",
    "http://www.nlm.nih.gov/research/umls/rxnorm": r"[1-9]\d*",
}
"""How codes look in systems without check digits."""

every_file = pytest.mark.parametrize("path", [*SETS, *ANALYTES], ids=lambda path: path.stem)


def _read(path: Path) -> ValueSetFile | AnalyteFile:
    return files.read(path, AnalyteFile) if path in ANALYTES else files.read(path, ValueSetFile)


def _parts(path: Path) -> Iterator[Include]:
    file = _read(path)
    yield from (*file.include, *file.exclude)
    if isinstance(file, AnalyteFile):
        yield from file.panel


@every_file
def test_every_system_is_one_that_the_reader_knows(path: Path) -> None:
    assert {part.system for part in _parts(path)} <= set(systems())


@every_file
def test_codes_look_as_their_systems_write_them(path: Path) -> None:
    odd = [
        code
        for part in _parts(path)
        for code, _ in (*part.concept, *part.descendants_of)
        if part.system in FORMS and not re.fullmatch(FORMS[part.system], code)
    ]

    assert odd == []


@every_file
def test_all_below_a_code_is_asked_only_where_the_code_tells(path: Path) -> None:
    """A SNOMED CT id says nothing of its parents: its descendants must be listed."""
    assert {part.system for part in _parts(path) if part.descendants_of} <= BY_PREFIX


@every_file
def test_nothing_is_both_in_a_set_and_out_of_it(path: Path) -> None:
    file = _read(path)
    included, excluded = (
        {(part.system, plain(code)) for part in parts for code, _ in (*part.concept, *part.descendants_of)}
        for parts in (file.include, file.exclude)
    )

    assert included & excluded == set()


@every_file
def test_a_retired_code_is_flagged(path: Path) -> None:
    unflagged = [
        f"{code} {display}"
        for part in _read(path).include
        if part.use != "deprecated"
        for code, display in (*part.concept, *part.descendants_of)
        if re.search(r"\b(deprecated|retired|discouraged|legacy|obsolete|inactive)\b", display, re.IGNORECASE)
    ]

    assert unflagged == []


@every_file
def test_a_set_says_where_its_codes_were_seen_and_when(path: Path) -> None:
    assert re.search(r"reviewed \d{4}-\d\d-\d\d$", _read(path).source)


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_an_expression_is_of_snomed_ct_and_of_codes_that_the_set_holds(path: Path) -> None:
    for part in _read(path).include:
        named = re.findall(r"\d{6,}", part.ecl or "")
        held = {code for code, _ in part.concept}
        assert not part.ecl or (part.system == SNOMED and named and set(named) <= held)


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_what_holds_drug_codes_is_a_set_of_drugs(path: Path) -> None:
    file = files.read(path, ValueSetFile)
    drugs = {"http://www.whocc.no/atc", "http://www.nlm.nih.gov/research/umls/rxnorm"}

    assert file.kind == "drug" or not any(part.system in drugs for part in file.include)


def test_check_digits_of_the_intake_form_hold() -> None:
    codes = [item.code[0] for item in differential().intake.item if item.code is not None]

    assert codes
    assert [code for code in codes if not is_loinc(code)] == []


@pytest.mark.parametrize("code", ["2276-4", "718-7", "LA33-6", "LA32-8", "LA4489-6", "LA15173-0", "LA26683-5"])
def test_a_wrong_digit_of_loinc_is_seen(code: str) -> None:
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)

    assert is_loinc(code)
    assert not is_loinc(wrong)


def test_a_wrong_digit_and_two_digits_changed_over_of_snomed_ct_are_seen() -> None:
    assert is_snomed("399957001")
    assert not is_snomed("399957002")
    assert not is_snomed("399975001")
