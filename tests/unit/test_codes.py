"""The code book: which concepts a coding belongs to (2.4, DS-17)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.chart.codes import ATC, ICD, CodeBook, CodeSystems
from cds.services import knowledge

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
UNKNOWN: tuple[frozenset[str], bool] = (frozenset(), False)


@pytest.fixture
def book() -> CodeBook:
    book = CodeBook()
    for system in (LOINC, SNOMED, ICD, ATC):
        book.systems.add(system)
    book.systems.add("http://unspoken.example.org")
    book.add("ferritin", LOINC, "2276-4")
    book.add("pad", ICD, "I70.2", below=True)
    book.add("pain", ICD, "M79.60")
    book.exclude("pad", ICD, "I70.228")
    book.add("ache", SNOMED, "10601006")
    book.add("metformin", ATC, "A10BA02", below=True)
    return book


@pytest.mark.parametrize("code", ["I70.2", "I702", "i70.201", "I70.213 ", "I7020100"])
def test_a_hierarchical_code_and_all_beneath_it_mean_the_concept(book: CodeBook, code: str) -> None:
    """2.4."""
    assert book.lookup(ICD, code) == (frozenset({"pad"}), True)


@pytest.mark.parametrize("code", ["I70", "I7", "I71.2", "", "I70.228", "I70.2289"])
def test_a_code_above_beside_or_excluded_does_not(book: CodeBook, code: str) -> None:
    """2.4."""
    assert "pad" not in book.lookup(ICD, code)[0]


def test_an_exact_code_does_not_mean_what_is_beneath_it(book: CodeBook) -> None:
    assert book.lookup(ICD, "M79.60") == (frozenset({"pain"}), True)
    assert book.lookup(ICD, "M79.601") == (frozenset(), True)


def test_codes_without_a_hierarchy_match_whole(book: CodeBook) -> None:
    assert book.lookup(LOINC, "2276-4") == (frozenset({"ferritin"}), True)
    assert book.lookup(LOINC, " 2276-4 ") == (frozenset({"ferritin"}), True)
    assert book.lookup(LOINC, "2276") == (frozenset(), True)
    assert book.lookup(SNOMED, "1060100") == (frozenset(), True)


@pytest.mark.parametrize(
    "system",
    [
        "http://loinc.org",
        "http://loinc.org/",
        " http://loinc.org ",
        "HTTP://LOINC.ORG",
        "https://loinc.org",
        "http://loinc.org|2.77",
        "urn:oid:2.16.840.1.113883.6.1",
        "2.16.840.1.113883.6.1",
        "URN:OID:2.16.840.1.113883.6.1",
    ],
)
def test_every_spelling_of_loinc_is_loinc(system: str) -> None:
    """DS-17."""
    assert "ferritin" in knowledge().vocabulary.codes.lookup(system, "2276-4")[0]


@pytest.mark.parametrize(
    "system",
    [
        "http://snomed.info/sct",
        "https://snomed.info/sct",
        "http://snomed.info/sct/900000000000207008/version/20260301",
        "http://snomed.info/sct?fhir_vs=ecl/<64572001",
        "urn:oid:2.16.840.1.113883.6.96",
        "http://snomed.info/sct/731000124108",
    ],
)
def test_every_edition_of_snomed_is_snomed(system: str) -> None:
    """2.4."""
    assert "leg-ache" in knowledge().vocabulary.codes.lookup(system, "10601006")[0]


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("http://hl7.org/fhir/sid/icd-10", "G25.8", None),
        ("http://hl7.org/fhir/sid/icd-10", "M79.606", "leg-ache"),
        ("urn:oid:2.16.840.1.113883.6.90", "g2581", "restless-legs"),
        ("urn:oid:2.16.840.1.113883.6.88", "6809", "metformin"),
        ("http://fhir.de/CodeSystem/bfarm/atc", "A10BA02", "metformin"),
    ],
)
def test_other_systems_have_their_aliases_too(system: str, code: str, concept: str | None) -> None:
    """2.4."""
    found, known = knowledge().vocabulary.codes.lookup(system, code)

    assert known
    assert (concept in found) if concept else not found


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("urn:local", "2276-4"),
        (None, "2276-4"),
        ("", "2276-4"),
        (LOINC, None),
        (LOINC, ""),
        ("http://loinc.organic", "2276-4"),
    ],
)
def test_an_unknown_system_or_no_code_says_nothing(book: CodeBook, system: str | None, code: str | None) -> None:
    """2.4: ignored without error, and the words may speak."""
    assert book.lookup(system, code) == UNKNOWN


def test_a_system_in_which_we_know_no_code_leaves_it_to_the_words(book: CodeBook) -> None:
    assert book.lookup("http://unspoken.example.org", "unknown") == UNKNOWN


def test_a_code_may_mean_several_concepts(book: CodeBook) -> None:
    book.add("iron-store", LOINC, "2276-4")

    assert book.lookup(LOINC, "2276-4") == (frozenset({"ferritin", "iron-store"}), True)


@given(st.text() | st.none(), st.text() | st.none())
def test_any_coding_can_be_looked_up(system: str | None, code: str | None) -> None:
    found, known = knowledge().vocabulary.codes.lookup(system, code)

    assert known or not found


@given(st.from_regex(r"[A-Z]\d\d(\.[0-9A-Z]{1,4})?", fullmatch=True), st.from_regex(r"[0-9A-Z]{0,3}", fullmatch=True))
def test_what_is_beneath_a_descendants_code_means_at_least_its_concept(code: str, rest: str) -> None:
    """2.4."""
    book = CodeBook()
    book.systems.add(ICD)
    book.add("concept", ICD, code, below=True)

    assert book.lookup(ICD, code + rest) == (frozenset({"concept"}), True)


@given(st.text(min_size=1))
def test_a_system_is_found_under_its_own_name(uri: str) -> None:
    systems = CodeSystems()
    systems.add(uri)

    assert systems.canonical(uri) == uri
