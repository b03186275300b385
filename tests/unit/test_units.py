"""Units: every spelling of the knowledge base's table, and the limits that are stated in several units (DS-24)."""

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.chart.analytes import Analyte, CodeUse
from cds.chart.units import SPELLINGS, Conversion, Quantity, Unit, computed, conversion_factor, locked, normal_spelling
from cds.errors import KnowledgeError
from cds.services import knowledge

ANALYTES = knowledge().vocabulary.analytes

TABLE: list[tuple[str, str, str]] = [
    ("ferritin", "ng/mL ng/ml NG/ML ug/L mcg/L µg/L μg/L ug/l MCG/L", "1"),
    ("ferritin", "pmol/L pmol/l", "0.445"),
    ("ferritin", "ug/dL", "10"),
    ("ferritin", "ng/dL", "0.01"),
    ("ferritin", "mg/L", "1000"),
    ("iron", "ug/dL mcg/dL ug%", "1"),
    ("iron", "umol/L µmol/L", "5.5845"),
    ("iron", "mg/L", "100"),
    ("iron-binding-capacity", "ug/dL mcg/dL", "1"),
    ("iron-binding-capacity", "umol/L", "5.5845"),
    ("transferrin-saturation", "%", "1"),
    ("transferrin-saturation", "1 {ratio} ratio", "100"),
    ("haemoglobin", "g/L", "1"),
    ("haemoglobin", "g/dL gm/dL g% gm% G/DL", "10"),
    ("haemoglobin", "mmol/L", "16.114"),
    ("haemoglobin", "mg/dL", "0.01"),
    ("mcv", "fL fl um3 µm³ femtoliter", "1"),
    ("crp", "mg/L ug/mL", "1"),
    ("crp", "mg/dL MG/DL", "10"),
    ("b12", "pg/mL ng/L PG/ML", "1"),
    ("b12", "pmol/L pmol/l", "1.3554"),
    ("b12", "ng/dL", "10"),
    ("b12", "ug/L ng/mL", "1000"),
    ("active-b12", "pmol/L pmol/l", "1"),
    ("methylmalonate", "umol/L nmol/mL", "1"),
    ("methylmalonate", "nmol/L", "0.001"),
    ("methylmalonate", "ug/dL", "0.08468"),
    ("methylmalonate", "ng/mL", "0.008468"),
    ("homocysteine", "umol/L", "1"),
    ("homocysteine", "mg/L", "7.397"),
    ("vitamin-d", "nmol/L", "1"),
    ("vitamin-d", "ng/mL ug/L mcg/L", "2.496"),
    ("vitamin-d", "ng/dL", "0.02496"),
    (
        "tsh",
        "m[IU]/L mIU/L mIU/l mU/L mu/l uIU/mL u[IU]/mL µIU/mL uU/mL uU/ML mcIU/mL mcU/mL MCU/ML mlU/L miu/l nIU/mL",
        "1",
    ),
    ("tsh", "mIU/mL [IU]/L iu/l u/l", "1000"),
    ("free-t4", "pmol/L", "1"),
    ("free-t4", "ng/dL", "12.872"),
    ("free-t4", "pg/mL ng/L", "1.2872"),
    ("potassium", "mmol/L mmol/l meq/L mEq/L MEQ/L mval/L", "1"),
    ("potassium", "mg/dL", "0.2558"),
    ("sodium", "mmol/L mEq/L meq/L", "1"),
    ("sodium", "mg/dL", "0.43498"),
    ("magnesium", "mmol/L", "1"),
    ("magnesium", "mg/dL", "0.41144"),
    ("magnesium", "meq/L mEq/L", "0.5"),
    ("magnesium", "mg/L", "0.041144"),
    ("calcium", "mmol/L", "1"),
    ("calcium", "mg/dL mg%", "0.24951"),
    ("calcium", "meq/L", "0.5"),
    ("calcium", "mg/L", "0.024951"),
    ("corrected-calcium", "mmol/L", "1"),
    ("corrected-calcium", "mg/dL", "0.24951"),
    ("ionised-calcium", "mmol/L", "1"),
    ("ionised-calcium", "mg/dL", "0.24951"),
    ("ionised-calcium", "meq/L", "0.5"),
    ("albumin", "g/L", "1"),
    ("albumin", "g/dL gm/dL g%", "10"),
    ("albumin", "mg/dL", "0.01"),
    ("albumin", "umol/L", "0.0665"),
    ("urea", "mmol/L", "1"),
    ("urea", "mg/dL", "0.16651"),
    ("creatinine", "umol/L mcmol/L", "1"),
    ("creatinine", "mg/dL", "88.4"),
    ("creatinine", "mmol/L", "1000"),
    ("creatinine", "nmol/L", "0.001"),
    ("egfr", "mL/min/{1.73_m2}|mL/min/1.73m2|mL/min/1.73 sq m|ml/min/173m2|mL/min|mL/min/1.73.m2|mL/min / 1.73m2", "1"),
    ("egfr", "mL/s", "60"),
    ("osmolality", "mosm/kg|mOsm/kg|mosmol/kg|mmol/kg|mosm/kgH2O|mosm/L", "1"),
    ("glucose", "mmol/L", "1"),
    ("glucose", "mg/dL", "0.05551"),
    ("glucose", "g/L", "5.551"),
    ("hba1c", "mmol/mol", "1"),
    ("creatine-kinase", "U/L IU/L [IU]/L u/l", "1"),
    ("creatine-kinase", "ukat/L", "60"),
    ("creatine-kinase", "nkat/L", "0.06"),
]
"""Analyte, spellings (split at blanks, or at bars where blanks belong to them), factor to its canonical unit."""


def _spellings(text: str) -> list[str]:
    return text.split("|") if "|" in text else text.split()


ROWS = [(analyte, spelling, Decimal(factor)) for analyte, text, factor in TABLE for spelling in _spellings(text)]


@pytest.mark.parametrize(("analyte", "spelling", "factor"), ROWS, ids=[f"{a} {s}" for a, s, _ in ROWS])
def test_a_spelling_stands_for_its_unit(analyte: str, spelling: str, factor: Decimal) -> None:
    unit = ANALYTES[analyte].unit_for(spelling, CodeUse())

    assert unit is not None
    assert unit.to_canonical(Decimal(100)) == pytest.approx(100 * factor, rel=Decimal("0.005"))


@pytest.mark.parametrize(
    ("analyte", "spelling"),
    [
        ("tsh", "mmol/L"),
        ("b12", "g/L"),
        ("potassium", "g/dL"),
        ("hba1c", "g/dL"),
        ("ferritin", ""),
        ("ferritin", "furlong"),
        ("ferritin", "mmol/L"),
        ("vitamin-d", "pg/mL"),
        ("iron", "K/uL"),
    ],
)
def test_another_unit_is_none_of_the_analyte(analyte: str, spelling: str) -> None:
    """DS-16: potassium in g/dL is no potassium that anybody measured."""
    assert ANALYTES[analyte].unit_for(spelling, CodeUse()) is None


@pytest.mark.parametrize(
    ("analyte", "code", "factor"),
    [
        ("urea", "3094-0", "0.35697"),
        ("urea", "3091-6", "0.16651"),
        ("urea", "14937-7", "0.35697"),
        ("b12", "2132-9", "10"),
    ],
)
def test_a_code_may_have_a_molar_mass_of_its_own(analyte: str, code: str, factor: str) -> None:
    use = ANALYTES[analyte].uses["http://loinc.org", code]

    unit = ANALYTES[analyte].unit_for("mg/dL" if analyte == "urea" else "ng/dL", use)

    assert unit is not None
    assert unit.factor == pytest.approx(Decimal(factor), rel=Decimal("0.005"))


def test_glycated_haemoglobin_follows_the_master_equation() -> None:
    percent, fraction = (ANALYTES["hba1c"].units[code] for code in ("%", "1"))

    assert percent.to_canonical(Decimal("6.5")) == pytest.approx(Decimal("47.5"), abs=Decimal("0.1"))
    assert percent.from_canonical(Decimal(53)) == pytest.approx(Decimal("7.0"), abs=Decimal("0.01"))
    assert fraction.to_canonical(Decimal("0.065")) == pytest.approx(percent.to_canonical(Decimal("6.5")))


def test_temperature_converts_with_its_offset() -> None:
    fahrenheit = ANALYTES["body-temperature"].units["[degF]"]

    assert fahrenheit.to_canonical(Decimal("100.4")) == pytest.approx(Decimal(38), abs=Decimal("0.0001"))


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (" mmol / L ", "mmol/l"),
        ("µg/L", "ug/l"),
        ("μg/L", "ug/l"),
        ("um³", "um3"),
        ("mL/min/{1.73_m2}", "ml/min/{1.73_m2}"),
        ("%{Hb}", "%"),
        ("{ratio}", ""),
        ("ng/mL{FEU}", "ng/ml"),
        ("ml  per   min", "ml per min"),
        ("\uff4d\uff47\uff0f\uff44\uff2c", "mg/dl"),
    ],
)
def test_spellings_are_folded(written: str, normal: str) -> None:
    assert normal_spelling(written) == normal


@given(st.text())
def test_any_text_is_a_unit_of_the_analyte_or_none(text: str) -> None:
    for analyte in ANALYTES.values():
        unit = analyte.unit_for(text, CodeUse())
        assert unit is None or unit in analyte.units.values()


def test_every_common_spelling_means_a_unit_that_some_analyte_accepts() -> None:
    accepted = {code for analyte in ANALYTES.values() for code in analyte.units}

    assert set(SPELLINGS.values()) - accepted == set()


numbers = st.decimals(min_value=Decimal("0.001"), max_value=Decimal(100_000), places=4)
analytes = st.sampled_from(list(ANALYTES.values()))


@given(analytes, numbers)
def test_to_canonical_and_back_is_the_same_number(analyte: Analyte, number: Decimal) -> None:
    for unit in analyte.units.values():
        assert unit.from_canonical(unit.to_canonical(number)) == pytest.approx(number, rel=Decimal("1e-9"))


@given(analytes, numbers, numbers)
def test_conversion_keeps_order(analyte: Analyte, one: Decimal, other: Decimal) -> None:
    for unit in analyte.units.values():
        assert (one < other) == (unit.to_canonical(one) < unit.to_canonical(other))


@pytest.mark.parametrize("analyte", [a for a in ANALYTES.values() if a.pairs], ids=lambda analyte: analyte.name)
def test_paired_limits_are_exact_in_every_unit(analyte: Analyte) -> None:
    """DS-24: 6.5 % is 48 mmol/mol, not 47.5."""
    for pair in analyte.pairs:
        for stated in pair:
            for wanted in pair:
                assert analyte.limit(stated, analyte.units[wanted.unit]) == wanted.value


def test_units_with_equal_numbers_share_a_paired_limit() -> None:
    """DS-24: ug/L numbers are ng/mL numbers."""
    ferritin = ANALYTES["ferritin"]

    assert ferritin.limit(Quantity(Decimal(169), "pmol/L"), ferritin.units["ug/L"]) == 75


def test_a_limit_without_a_pair_is_converted() -> None:
    """DS-24."""
    potassium = ANALYTES["potassium"]

    assert potassium.limit(Quantity(Decimal("2.5"), "mmol/L"), potassium.units["mg/dL"]) == pytest.approx(
        Decimal("9.774"), rel=Decimal("0.001")
    )


@pytest.mark.parametrize(
    ("analyte", "value", "unit"),
    [
        ("hba1c", "6.5", "%"),
        ("glucose", "126", "mg/dL"),
        ("vitamin-d", "20", "ng/mL"),
        ("magnesium", "1.7", "mg/dL"),
        ("b12", "133", "pmol/L"),
    ],
)
def test_a_value_at_a_paired_limit_is_neither_above_nor_below_it(analyte: str, value: str, unit: str) -> None:
    """DS-24: each of these lands on the wrong side when it is converted."""
    known = ANALYTES[analyte]
    (pair,) = [pair for pair in known.pairs if Quantity(Decimal(value), unit) in pair]

    assert known.limit(pair[0], known.units[unit]) == Decimal(value)


def test_units_are_converted_by_mass_and_by_charge() -> None:
    assert conversion_factor(Conversion("mg/dL", "mmol/L", Decimal("24.305"))) == pytest.approx(
        Decimal("0.41144"), rel=Decimal("1e-4")
    )
    assert conversion_factor(Conversion("meq/L", "mmol/L", equivalents_per_mole=2)) == Decimal("0.5")
    assert conversion_factor(Conversion("ug/L", "ng/mL")) == 1


@pytest.mark.parametrize(("source", "target"), [("mg/dL", "mmol/L"), ("furlong", "m"), ("kg", "L"), ("", "mg")])
def test_units_of_different_things_cannot_be_converted(source: str, target: str) -> None:
    with pytest.raises(KnowledgeError):
        conversion_factor(Conversion(source, target))


@pytest.mark.parametrize("conversion", sorted(locked(), key=str), ids=lambda one: f"{one.source} to {one.target}")
def test_a_locked_factor_is_what_the_library_gives(conversion: Conversion) -> None:
    assert locked()[conversion] == computed(conversion)


def test_the_service_starts_without_the_library_of_units() -> None:
    """What is locked is every conversion of the knowledge, and no other."""
    code = "import sys; from cds.chart import units; from cds.services import plans; plans(); "
    code += "print('pint' in sys.modules, units.asked == units.locked())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours

    assert done.stdout.split() == ["False", "True"]


def test_equal_numbers_need_equal_offsets() -> None:
    one, other = Unit("a", Decimal(1)), Unit("b", Decimal(1), Decimal(5))

    assert one.same_numbers(Unit("c", Decimal(1)))
    assert not one.same_numbers(other)
