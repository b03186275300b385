"""What holds of every topic: its rules, words, codes and proof fit together."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cards.text import SUMMARY_LIMIT
from cds.cases import Case, advise, cases
from cds.fhir.record import ASKED
from cds.reasoning import files, versions
from cds.reasoning.calculations import DERIVATIONS
from cds.reasoning.files import AnalyteFile, Include, ValueSetFile
from cds.reasoning.plans import Plan
from cds.services import knowledge, plans

ROOT = knowledge().root
PLANS = plans()
VALUE_SETS = sorted(ROOT.glob("*/valuesets/*.toml"))
ANALYTES = sorted((ROOT / "analytes").glob("*.toml"))
by_topic = pytest.mark.parametrize("plan", PLANS, ids=[plan.topic for plan in PLANS])


def test_the_first_half_of_the_topics_is_there() -> None:
    topics = {plan.topic for plan in PLANS}

    assert topics >= {"iron", "b12", "thyroid", "rls", "pad", "diabeticneuropathy", "venousinsufficiency"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/plan.toml")), ids=lambda path: path.parent.name)
def test_every_version_says_what_it_brought(path: Path) -> None:
    file = files.read(path, files.PlanFile)
    versions_told = [tuple(map(int, change.version.split("."))) for change in file.changes]

    assert file.changes, "say under [[changes]] what this version brought"
    assert file.changes[0].version == file.version, "say under [[changes]] what this version brought"
    assert versions_told == sorted(set(versions_told), reverse=True)
    assert [change.date for change in file.changes] == sorted((c.date for c in file.changes), reverse=True)


@by_topic
def test_every_recommendation_fires_in_some_case(plan: Plan) -> None:
    fired = {name for case in cases(plan) for name in case.expect}

    assert fired == set(plan.knowledge.file.recommendations)


@by_topic
def test_silence_is_proven_too(plan: Plan) -> None:
    assert sum(1 for case in cases(plan) if not case.expect) >= len(plan.recommends)


@by_topic
def test_some_case_lacks_the_data(plan: Plan) -> None:
    assert any(case.unknown for case in cases(plan))


@by_topic
def test_every_threshold_has_cases_on_both_sides(plan: Plan) -> None:
    one_sided = []
    for name, limit in plan.knowledge.file.thresholds.items():
        if limit.analyte is None:
            continue
        values = [value for case in cases(plan) for value in _values(case, limit.analyte)]
        analyte = knowledge().vocabulary.analytes[limit.analyte]
        edge = analyte.units[limit.unit].to_canonical(limit.value)
        sides = {"under" if value < edge else "over" if value > edge else "on" for value in values}
        if len(sides) < 2:
            one_sided.append(name)

    assert one_sided == []


def _values(case: Case, analyte: str) -> Iterator[Decimal]:
    known = knowledge().vocabulary.analytes[analyte]
    for row in case.rows:
        if row.get("measurement") == analyte and isinstance(row.get("value"), int | Decimal):
            unit = known.units.get(row.get("unit", known.unit))
            if unit is not None:
                yield unit.to_canonical(Decimal(row["value"]))


@by_topic
def test_every_name_of_the_plan_is_used(plan: Plan) -> None:
    file, used = plan.knowledge.file, plan.knowledge.used
    worded = {p for words in file.recommendations.values() for p in words.placeholders}
    named = {f"threshold:{name}" for name in file.thresholds} | {f"period:{name}" for name in file.periods}

    assert {name for name in named - used if name.split(":")[1] not in worded} == set()


@by_topic
def test_every_value_set_of_the_topic_is_used(plan: Plan) -> None:
    own = {path.stem for path in (plan.knowledge.folder / "valuesets").glob("*.toml")}
    asked = knowledge().asked
    measured = {concept for order in knowledge().orders.values() for concept in order.measures}

    assert own - asked - measured == set()


@by_topic
def test_every_evidence_is_cited(plan: Plan) -> None:
    file = plan.knowledge.file
    cited = {key for words in file.recommendations.values() for key in words.evidence}
    cited |= {limit.evidence for limit in file.thresholds.values()} | {
        period.evidence for period in file.periods.values()
    }

    assert set(file.evidence) - cited == set()


@by_topic
def test_a_plan_is_a_draft_until_somebody_signs_it(plan: Plan) -> None:
    file = plan.knowledge.file

    assert file.status == "draft"
    assert file.approval_date is None
    assert file.approved_by is None


@by_topic
def test_a_plan_states_its_thirteen_source_attributes(plan: Plan) -> None:
    attributes = plan.knowledge.file.source_attributes

    assert attributes is not None
    assert len(attributes.model_dump()) == 13


@by_topic
def test_summaries_are_short_even_with_values_filled_in(plan: Plan) -> None:
    long = {
        f"{plan.topic} {case.name}": summary
        for case in cases(plan)
        for advice in advise(case, plan)
        if len((summary := advice.recommendation.summary.format_map(advice.shown)).encode("utf-16-le")) // 2
        > SUMMARY_LIMIT
    }

    assert long == {}


@by_topic
def test_wording_neither_diagnoses_nor_doses_nor_reassures(plan: Plan) -> None:
    forbidden = re.compile(
        r"\byou have\b|\bprescribe\b|^(start|stop|give) |\brules out\b|\bno need to worry\b|\d+ ?mg\b", re.I
    )
    bad = [
        f"{name}: {text}"
        for name, words in plan.knowledge.file.recommendations.items()
        for text in words.texts
        if forbidden.search(text)
    ]

    assert bad == []


def _includes(path: Path) -> Iterator[Include]:
    if path.parent.name == "analytes":
        analyte = files.read(path, AnalyteFile)
        yield from (*analyte.include, *analyte.exclude, *analyte.panel)
    else:
        value_set = files.read(path, ValueSetFile)
        yield from (*value_set.include, *value_set.exclude)


@pytest.mark.parametrize("path", [*VALUE_SETS, *ANALYTES], ids=lambda path: path.stem)
def test_check_digits_hold(path: Path) -> None:
    wrong = [
        code
        for include in _includes(path)
        for code, _ in (*include.concept, *include.descendants_of)
        if (include.system == "http://loinc.org" and not is_loinc(code))
        or (include.system == "http://snomed.info/sct" and not is_snomed(code))
    ]

    assert wrong == []


def test_check_digits_of_orders_hold() -> None:
    codes = [order.code for order in knowledge().orders.values() if order.code]
    wrong = [
        code.code
        for code in codes
        if (code.system == "http://loinc.org" and not is_loinc(code.code))
        or (code.system == "http://snomed.info/sct" and not is_snomed(code.code))
    ]

    assert wrong == []


def is_loinc(code: str) -> bool:
    """Luhn's mod-10, as LOINC has it: https://loinc.org/kb/users-guide/."""
    number = code.removeprefix("LA")
    digits, _, check = number.partition("-")
    if not (digits.isdigit() and check.isdigit()):
        return False
    # The letters of an answer code count by their place, as the published codes show: LA33-6, LA4489-6, LA15173-0.
    total = 0 if number == code else 8 if len(digits) % 2 else 5
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled // 10 + doubled % 10
    return (10 - total % 10) % 10 == int(check)


_MULTIPLY = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
    "8765932104", "9876543210",
)  # fmt: skip
_PERMUTE = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def is_snomed(code: str) -> bool:
    """Verhoeff, as SNOMED CT has it: https://confluence.ihtsdotools.org/display/DOCRELFMT/5.5+Check-digit."""
    if not code.isdigit():
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_MULTIPLY[check][int(_PERMUTE[place % 8][int(digit)])])
    return check == 0


def test_versions_agree_with_the_lock() -> None:
    assert versions.slips(ROOT) == []


@pytest.mark.parametrize("path", [*VALUE_SETS, *ANALYTES], ids=lambda path: path.stem)
def test_no_set_names_a_code_twice(path: Path) -> None:
    if path.parent.name == "analytes":
        read = files.read(path, AnalyteFile)
        included: tuple[Include, ...] = (*read.include, *read.panel)
    else:
        included = files.read(path, ValueSetFile).include
    codes = [(i.system, code) for i in included for code, _ in (*i.concept, *i.descendants_of)]

    assert sorted(code for code, times in Counter(codes).items() if times > 1) == []


def test_no_set_is_left_that_nobody_names() -> None:
    asked = knowledge().asked | ASKED
    measured = {concept for order in knowledge().orders.values() for concept in order.measures}
    derived = {name for derivation in DERIVATIONS for name in (derivation.gives, *derivation.inputs)}
    near_misses = {
        name
        for plan in PLANS
        for case in cases(plan)
        for row in case.rows
        for name in row.values()
        if isinstance(name, str)
    }
    sets = {path.stem for path in (*VALUE_SETS, *ANALYTES)}

    assert sorted(sets - asked - measured - derived - near_misses) == []


@pytest.mark.parametrize(
    ("topic", "case", "risk"),
    [
        ("magnesium", "the risk is a result: it is named", "Potassium 3.2 mmol/L"),
        ("calcium", "the risk is a result: it is named", "Magnesium 0.6 mmol/L"),
        (
            "magnesium",
            "the risk is a computed result, beside kidneys that explain nothing: it alone is named",
            "Adjusted calcium 2.07 mmol/L",
        ),
    ],
)
def test_a_risk_that_is_a_result_is_named_and_what_is_absent_is_no_risk(topic: str, case: str, risk: str) -> None:
    (plan,) = (plan for plan in PLANS if plan.topic == topic)
    (found,) = (one for one in cases(plan) if one.name == case)

    assert [advice.shown["risk"] for advice in advise(found, plan) if "risk" in advice.shown] == [risk]


def test_a_drug_listed_with_and_without_its_brand_is_named_once() -> None:
    (plan,) = (plan for plan in PLANS if plan.topic == "druginduced")
    (found,) = (one for one in cases(plan) if one.name == "sertraline listed with and without its brand: named once")

    assert [advice.shown["aggravators"] for advice in advise(found, plan)] == ["Sertraline 100 MG Oral Tablet [Zoloft]"]
