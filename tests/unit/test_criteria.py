"""The words that combine criteria, with their truth tables, and those that ask a chart."""

import json
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.chart.chart import Area, Chart
from cds.chart.facts import Absence, Fact, Indicator
from cds.chart.units import Quantity
from cds.reasoning.answered import answered, scored
from cds.reasoning.criteria import Criterion, affirmed, all_of, any_of, at_least, certain, not_, not_before
from cds.reasoning.findings import Finding, State, met, not_met, unknown
from cds.reasoning.knowledge import Codes, Period, Threshold
from cds.reasoning.listed import (
    allergic_to,
    answers,
    complains_of,
    done,
    drafting_anew,
    ever_had,
    family_history,
    has,
    in_hospital,
    newly,
    ordered,
    taking,
)
from cds.reasoning.persons import age_known, aged, in_care, sex_is, younger_than
from cds.services import knowledge
from tests.unit.fhir import (
    LEG_PAIN,
    METFORMIN,
    PATIENT,
    RESTLESS_LEGS,
    SNOMED,
    SUBJECT,
    active,
    chart_of,
    coded,
    condition,
    ferritin,
    observation,
    prescription,
    record_of,
)

MET, NOT_MET, UNKNOWN = State.MET, State.NOT_MET, State.UNKNOWN
STATES = (MET, NOT_MET, UNKNOWN)
MONTH, YEAR = Period("month", 30, "proposed"), Period("year", 365, "proposed")


class _Fixed(Criterion):
    """A criterion whose answer is known beforehand, and that counts how often it is asked."""

    reads = frozenset({"patient"})

    def __init__(self, state: State, name: str = "it", cap: Indicator = Indicator.CRITICAL) -> None:
        self.state, self.name, self.cap, self.asked = state, name, cap, 0

    def _test(self, chart: Chart) -> Finding:
        self.asked += 1
        fact = Fact(name=self.name, cap=self.cap)
        return {MET: met(fact), NOT_MET: not_met(fact), UNKNOWN: unknown(self.name)}[self.state]

    def sentence(self) -> str:
        return self.name


def _codes(name: str) -> Codes:
    return knowledge().concepts[name]


def _find(criterion: Criterion, chart: Chart | None = None) -> Finding:
    """Ask a criterion the long way and the short one, which must agree; a chart remembers, so each has its own."""
    given = chart or chart_of()
    asked, hurried = (Chart(given.today, given.patient, given.record, given.unknown) for _ in range(2))
    finding = criterion.check(asked)
    assert (criterion.holds(hurried) is not None) == finding.is_met
    return finding


def _state(criterion: Criterion, chart: Chart | None = None) -> State:
    return _find(criterion, chart).state


# --- truth tables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (MET, MET, MET),
        (MET, NOT_MET, NOT_MET),
        (MET, UNKNOWN, UNKNOWN),
        (NOT_MET, MET, NOT_MET),
        (NOT_MET, NOT_MET, NOT_MET),
        (NOT_MET, UNKNOWN, NOT_MET),
        (UNKNOWN, MET, UNKNOWN),
        (UNKNOWN, NOT_MET, NOT_MET),
        (UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_all_of(one: State, other: State, both: State) -> None:
    assert _state(all_of(_Fixed(one), _Fixed(other))) is both


@pytest.mark.parametrize(
    ("one", "other", "either"),
    [
        (MET, MET, MET),
        (MET, NOT_MET, MET),
        (MET, UNKNOWN, MET),
        (NOT_MET, MET, MET),
        (NOT_MET, NOT_MET, NOT_MET),
        (NOT_MET, UNKNOWN, UNKNOWN),
        (UNKNOWN, MET, MET),
        (UNKNOWN, NOT_MET, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_any_of(one: State, other: State, either: State) -> None:
    assert _state(any_of(_Fixed(one), _Fixed(other))) is either


@pytest.mark.parametrize(("state", "opposite"), [(MET, NOT_MET), (NOT_MET, MET), (UNKNOWN, UNKNOWN)])
def test_not(state: State, opposite: State) -> None:
    assert _state(not_(_Fixed(state))) is opposite


@pytest.mark.parametrize(("state", "result"), [(MET, MET), (NOT_MET, NOT_MET), (UNKNOWN, NOT_MET)])
def test_affirmed(state: State, result: State) -> None:
    assert _state(affirmed(_Fixed(state))) is result


@pytest.mark.parametrize(("state", "result"), [(MET, MET), (NOT_MET, NOT_MET), (UNKNOWN, UNKNOWN)])
def test_certain(state: State, result: State) -> None:
    assert _state(certain(_Fixed(state))) is result


@pytest.mark.parametrize("cap", [Indicator.INFO, Indicator.WARNING])
def test_what_may_not_carry_a_critical_card_is_not_certain(cap: Indicator) -> None:
    assert _state(certain(_Fixed(MET, cap=cap))) is NOT_MET
    assert _state(certain(any_of(_Fixed(MET, cap=cap), _Fixed(MET)))) is MET
    assert _state(certain(all_of(_Fixed(MET, cap=cap), _Fixed(MET)))) is NOT_MET


@pytest.mark.parametrize(
    ("later", "earlier", "result"),
    [
        (NOT_MET, MET, NOT_MET),
        (NOT_MET, UNKNOWN, NOT_MET),
        (NOT_MET, NOT_MET, NOT_MET),
        (MET, NOT_MET, NOT_MET),
        (UNKNOWN, NOT_MET, NOT_MET),
        (UNKNOWN, MET, UNKNOWN),
        (MET, UNKNOWN, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_not_before(later: State, earlier: State, result: State) -> None:
    assert _state(not_before(_Fixed(later), _Fixed(earlier))) is result


@pytest.mark.parametrize("states", list(product(STATES, repeat=3)), ids=lambda states: " ".join(s.name for s in states))
def test_at_least_two_of_three(states: tuple[State, ...]) -> None:
    sure, possible = states.count(MET), states.count(MET) + states.count(UNKNOWN)
    expected = MET if sure >= 2 else UNKNOWN if possible >= 2 else NOT_MET

    assert _state(at_least(2, *map(_Fixed, states))) is expected


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=5))
def test_all_any_and_at_least_agree(states: list[State]) -> None:
    """Kleene: all is at least every one, any is at least one, and each is the other's negation of negations."""
    parts = [_Fixed(state) for state in states]

    assert _state(all_of(*parts)) is _state(at_least(len(parts), *parts))
    assert _state(any_of(*parts)) is _state(at_least(1, *parts))
    assert _state(not_(all_of(*parts))) is _state(any_of(*(not_(part) for part in parts)))


# --- what a finding carries --------------------------------------------------------------------------------------


def _names(criterion: Criterion) -> list[str]:
    return [fact.name for fact in _find(criterion).basis]


def test_a_met_whole_rests_on_its_met_parts() -> None:
    assert _names(all_of(_Fixed(MET, "a"), _Fixed(MET, "b"))) == ["a", "b"]
    assert _names(any_of(_Fixed(MET, "a"), _Fixed(NOT_MET, "b"), _Fixed(MET, "c"))) == ["a", "c"]
    assert _names(at_least(1, _Fixed(UNKNOWN, "a"), _Fixed(MET, "b"))) == ["b"]


def test_an_unknown_whole_names_what_one_would_have_to_know() -> None:
    finding = _find(all_of(_Fixed(MET, "a"), _Fixed(UNKNOWN, "b"), _Fixed(UNKNOWN, "c"), _Fixed(UNKNOWN, "b")))

    assert finding.unknown == ("b", "c")


def test_a_whole_is_as_weak_as_its_weakest_needed_part() -> None:
    weak, strong = _Fixed(MET, cap=Indicator.INFO), _Fixed(MET, cap=Indicator.CRITICAL)

    assert _find(all_of(weak, strong)).cap is Indicator.INFO
    assert _find(any_of(weak, strong)).cap is Indicator.CRITICAL
    assert _find(at_least(1, weak, strong)).cap is Indicator.CRITICAL
    assert _find(at_least(2, weak, strong)).cap is Indicator.INFO


def test_what_is_not_so_weakens_nothing() -> None:
    """2.3: an info-level "no" must not cap a warning."""
    weak_no = not_(_Fixed(NOT_MET, cap=Indicator.INFO))

    assert _find(all_of(weak_no, _Fixed(MET))).cap is Indicator.CRITICAL


def test_a_criterion_is_asked_once_per_chart() -> None:
    part = _Fixed(MET)
    whole = all_of(any_of(part, part), part)
    chart = chart_of()

    whole.check(chart)
    whole.check(chart)
    whole.holds(chart)

    assert part.asked == 1
    whole.check(chart_of())
    assert part.asked == 2


@pytest.mark.parametrize(
    ("criterion", "sentence"),
    [
        (all_of(_Fixed(MET, "a"), any_of(_Fixed(MET, "b"), _Fixed(MET, "c"))), "a and (b or c)"),
        (any_of(not_(_Fixed(MET, "a")), all_of(_Fixed(MET, "b"), _Fixed(MET, "c"))), "not (a) or (b and c)"),
        (at_least(2, _Fixed(MET, "a"), _Fixed(MET, "b")), "at least 2 of: a; b"),
        (affirmed(_Fixed(MET, "a")), "a, affirmed"),
    ],
)
def test_a_criterion_reads_as_a_sentence(criterion: Criterion, sentence: str) -> None:
    assert str(criterion) == sentence


# --- questions to a chart: each with the list that was not supplied ------------------------------------------------

_OLD = {"recordedDate": "2024-01-01"}


def _lacking(area: Area) -> Chart:
    return chart_of(unknown={area: "not supplied"})


def test_an_absent_problem_list_is_unknown_and_an_empty_one_is_no() -> None:
    leg_pain = has(_codes("leg-ache"))

    assert _state(leg_pain, chart_of(active())) is MET
    assert _state(leg_pain, chart_of()) is NOT_MET
    assert _state(leg_pain, _lacking(Area.PROBLEMS)) is UNKNOWN
    assert _find(leg_pain, _lacking(Area.PROBLEMS)).unknown == ("problem list (not supplied)",)


def test_what_is_listed_counts_although_the_list_is_not_whole() -> None:
    chart = chart_of(active(), unknown={Area.PROBLEMS: "only a part was supplied"})

    assert _state(has(_codes("leg-ache")), chart) is MET


def test_a_no_names_what_was_looked_for() -> None:
    (absence,) = _find(has(_codes("leg-ache"))).basis

    assert isinstance(absence, Absence)


@pytest.mark.parametrize(
    ("resource", "has_it", "had_it"),
    [
        (active(), MET, MET),
        (active(clinicalStatus={"coding": [{"code": "resolved"}]}), NOT_MET, MET),
        (condition(), MET, MET),
        (active(verificationStatus={"coding": [{"code": "refuted"}]}), NOT_MET, NOT_MET),
        (active(RESTLESS_LEGS), NOT_MET, NOT_MET),
    ],
)
def test_has_asks_for_now_and_ever_had_for_ever(resource: dict, has_it: State, had_it: State) -> None:
    """G-2."""
    assert _state(has(_codes("leg-ache")), chart_of(resource)) is has_it
    assert _state(ever_had(_codes("leg-ache")), chart_of(resource)) is had_it


def test_a_suspected_condition_is_not_confirmed() -> None:
    """2.3."""
    suspected = chart_of(active(verificationStatus={"coding": [{"code": "provisional"}]}))

    assert _state(has(_codes("leg-ache")), suspected) is MET
    assert _state(has(_codes("leg-ache"), confirmed=True), suspected) is NOT_MET


@pytest.mark.parametrize(
    ("members", "within", "dated"),
    [
        ({"recordedDate": "2026-05-01"}, MET, MET),
        ({"recordedDate": "2026-04-20"}, MET, MET),
        ({"recordedDate": "2026-04-19"}, NOT_MET, NOT_MET),
        ({"onsetDateTime": "2020", "recordedDate": "2026-05-01"}, MET, MET),
        ({"recordedDate": ...}, MET, NOT_MET),
        (_OLD, NOT_MET, NOT_MET),
    ],
)
def test_a_condition_may_have_to_be_recent(members: dict, within: State, dated: State) -> None:
    """G-1, 2.3: undated chronic diagnoses count, unless a date is asked for."""
    chart = chart_of(active(**members))

    assert _state(has(_codes("leg-ache"), within=MONTH), chart) is within
    assert _state(has(_codes("leg-ache"), within=MONTH, dated=True), chart) is dated


def test_how_long_something_has_lasted_is_unknown_without_a_start() -> None:
    lasting = has(_codes("leg-ache"))

    for members, long, short in (
        ({"onsetDateTime": "2020"}, MET, NOT_MET),
        ({}, NOT_MET, MET),
        ({"recordedDate": ...}, UNKNOWN, UNKNOWN),
    ):
        chart = chart_of(active(**members))
        assert _state(lasting.for_at_least(YEAR), chart) is long
        assert _state(lasting.for_less_than(YEAR), chart) is short
    assert _state(lasting.for_at_least(YEAR), _lacking(Area.PROBLEMS)) is UNKNOWN
    assert _state(lasting.for_at_least(YEAR), chart_of()) is NOT_MET


def _visit(**members: object) -> dict:
    return {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": SUBJECT,
        **members,
    }


@pytest.mark.parametrize(
    ("resource", "state"),
    [
        (active(), MET),
        (active(**_OLD), NOT_MET),
        (active(recordedDate=...), MET),
        (_visit(reasonCode=[LEG_PAIN], period={"start": "2026-05-20"}), MET),
        (_visit(reasonCode=[LEG_PAIN], period={"start": "2020-05-20"}), NOT_MET),
        (observation("10154-3", valueString="leg pain"), MET),
        (observation("10154-3", valueString="no leg pain"), NOT_MET),
    ],
)
def test_a_complaint_is_a_condition_a_reason_or_a_word_of_the_year(resource: dict, state: State) -> None:
    """G-1, 2.2."""
    assert _state(complains_of(_codes("leg-ache"), within=YEAR), chart_of(resource)) is state


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (7, "7 days"),
        (14, "2 weeks"),
        (42, "6 weeks"),
        (43, "43 days"),
        (84, "12 weeks"),
        (90, "90 days"),
        (92, "3 months"),
        (183, "6 months"),
        (280, "280 days"),
        (365, "12 months"),
        (1825, "5 years"),
    ],
)
def test_a_period_is_said_as_clinicians_say_it(days: int, said: str) -> None:
    assert str(Period("period", days, "proposed")) == said


_FORTNIGHT = Period("fortnight", 14, "proposed")


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ([active(recordedDate="2026-05-06")], MET),
        ([active(recordedDate="2026-05-05")], NOT_MET),
        ([active(onsetDateTime="2020", recordedDate="2026-05-19")], NOT_MET),
        ([active(onsetDateTime="2020"), active(onsetDateTime="2026-05-18")], MET),
        ([active(recordedDate=...)], NOT_MET),
        ([_visit(reasonCode=[LEG_PAIN], period={"start": "2026-05-20"})], MET),
        ([_visit(reasonCode=[LEG_PAIN])], NOT_MET),
        ([active(onsetDateTime="2020"), _visit(reasonCode=[LEG_PAIN], period={"start": "2026-05-20"})], NOT_MET),
        ([active(recordedDate=...), _visit(reasonCode=[LEG_PAIN], period={"start": "2026-05-20"})], MET),
        ([condition(clinicalStatus={"coding": [{"code": "resolved"}]}, onsetDateTime="2026-05-18")], NOT_MET),
        ([], NOT_MET),
    ],
)
def test_what_is_new_has_not_been_there_before(resources: list[dict], state: State) -> None:
    assert _state(newly(_codes("leg-ache"), within=_FORTNIGHT), chart_of(*resources)) is state


def test_what_is_new_is_unknown_without_a_problem_list() -> None:
    assert _state(newly(_codes("leg-ache"), within=_FORTNIGHT), _lacking(Area.PROBLEMS)) is UNKNOWN


@pytest.mark.parametrize(
    ("written", "state"),
    [("2026-05-01", MET), ("2026-05-02", MET), ("2026-04-30", NOT_MET), (..., UNKNOWN)],
)
def test_a_treatment_that_began_before_the_illness_is_not_for_it(written: object, state: State) -> None:
    treated = not_before(taking(_codes("metformin")), has(_codes("leg-ache")))

    assert _state(treated, chart_of(active(), prescription(authoredOn=written))) is state
    assert _state(treated, chart_of(active(recordedDate=...), prescription())) is UNKNOWN
    assert _state(treated, chart_of(active(), prescription(authoredOn="2020"), prescription(id="b"))) is NOT_MET


def test_taking_asks_for_current_drugs() -> None:
    """DS-21."""
    metformin = taking(_codes("metformin"))

    assert _state(metformin, chart_of(prescription())) is MET
    assert _state(metformin, chart_of(prescription(status="stopped"))) is NOT_MET
    assert _state(metformin, _lacking(Area.MEDICATIONS)) is UNKNOWN
    assert _state(metformin.for_at_least(YEAR), chart_of(prescription(authoredOn="2020"))) is MET


def test_an_administration_counts_only_where_it_is_asked_for() -> None:
    """DS-21."""
    given_ = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": METFORMIN,
        "subject": SUBJECT,
    }

    assert _state(taking(_codes("metformin")), chart_of(given_ | {"effectiveDateTime": "2026-05-19"})) is NOT_MET
    assert (
        _state(taking(_codes("metformin"), given_within=MONTH), chart_of(given_ | {"effectiveDateTime": "2026-05-19"}))
        is MET
    )
    assert (
        _state(taking(_codes("metformin"), given_within=MONTH), chart_of(given_ | {"effectiveDateTime": "2026-04-19"}))
        is NOT_MET
    )
    assert _state(taking(_codes("metformin"), given_within=MONTH), chart_of(given_)) is NOT_MET


def _request(**members: object) -> dict:
    usual = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": coded("2276-4"),
        "subject": SUBJECT,
        "authoredOn": "2026-05-01",
    }
    return {**usual, **members}


@pytest.mark.parametrize(
    ("resource", "state"),
    [
        (_request(), MET),
        (_request(authoredOn="2026-04-19"), NOT_MET),
        (_request(authoredOn=None), NOT_MET),
        (_request(status="completed"), NOT_MET),
        (ferritin(status="registered"), MET),
        (ferritin(status="preliminary", effectiveDateTime="2020"), NOT_MET),
        (ferritin(), NOT_MET),
    ],
)
def test_ordered_asks_for_open_requests_and_tests_under_way(resource: dict, state: State) -> None:
    """DS-20."""
    assert _state(ordered(_codes("ferritin"), within=MONTH), chart_of(resource)) is state


def test_a_completed_order_counts_where_it_is_asked_for() -> None:
    """2.3."""
    assert (
        _state(ordered(_codes("ferritin"), within=MONTH, completed=True), chart_of(_request(status="completed"))) is MET
    )
    assert _state(ordered(_codes("ferritin"), within=MONTH), _lacking(Area.ORDERS)) is UNKNOWN


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"performedDateTime": "2026-05-01"}, MET),
        ({"performedDateTime": "2025"}, NOT_MET),
        ({"performedDateTime": "2026-04"}, MET),
        ({"performedDateTime": "2026"}, NOT_MET),
        ({}, NOT_MET),
        ({"status": "not-done"}, NOT_MET),
    ],
)
def test_what_was_done_must_be_dated_where_a_period_is_asked_for(members: dict, state: State) -> None:
    """2.3."""
    procedure = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": coded("401221002", SNOMED),
        "subject": SUBJECT,
    }

    assert _state(done(_codes("abi-order"), within=MONTH), chart_of({**procedure, **members})) is state
    assert _state(done(_codes("abi-order")), chart_of(procedure)) is MET
    assert _state(done(_codes("abi-order")), _lacking(Area.PROCEDURES)) is UNKNOWN


@pytest.mark.parametrize("aside", [False, True])
def test_that_something_was_not_done_is_news_unless_it_is_asked_aside(aside: bool) -> None:
    (absence,) = done(_codes("dialysis"), within=MONTH, aside=aside).check(chart_of()).basis

    assert isinstance(absence, Absence)
    assert absence.worth_saying is not aside


def _pregnancy(code: str, on: str, **members: object) -> dict:
    return observation("82810-3", id=on, effectiveDateTime=on, valueCodeableConcept=coded(code, SNOMED), **members)


def test_the_newest_answer_of_an_observation_decides() -> None:
    """G-5."""
    pregnant = answers(_codes("pregnancy-status"), _codes("pregnancy"), within=YEAR)
    yes, no = _pregnancy("77386006", "2026-05-01"), _pregnancy("60001007", "2026-05-10")

    assert _state(pregnant, chart_of(yes)) is MET
    assert _state(pregnant, chart_of(yes, no)) is NOT_MET
    assert _state(pregnant, chart_of(_pregnancy("77386006", "2025-05-01"))) is NOT_MET
    assert _state(pregnant, _lacking(Area.OBSERVATIONS)) is UNKNOWN


def test_an_answer_without_a_date_never_counts_as_recent() -> None:
    """2.3."""
    pregnant = answers(_codes("pregnancy-status"), _codes("pregnancy"), within=YEAR)

    assert _state(pregnant, chart_of(_pregnancy("77386006", "2026-05-01") | {"effectiveDateTime": None})) is NOT_MET


def _form(on: str | None, *given_: dict) -> dict:
    items = [{"linkId": "cramp", "answer": list(given_)}]
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": SUBJECT,
        "authored": on,
        "item": items,
    }


@pytest.mark.parametrize(
    ("form", "state"),
    [
        (_form("2026-05-01", {"valueBoolean": True}), MET),
        (_form("2026-05-01", {"valueBoolean": False}), NOT_MET),
        (_form("2026-05-01", {"valueCoding": {"code": "373066001"}}), MET),
        (_form("2026-05-01"), UNKNOWN),
        (_form("2026-04-19", {"valueBoolean": True}), UNKNOWN),
        (_form(None, {"valueBoolean": True}), UNKNOWN),
    ],
)
def test_an_unanswered_item_is_unknown(form: dict, state: State) -> None:
    """2.3."""
    assert _state(answered("cramp", within=MONTH), chart_of(form)) is state


@pytest.mark.parametrize(
    ("form", "state"),
    [
        (_form("2026-05-01", {"valueInteger": 9}), MET),
        (_form("2026-05-01", {"valueInteger": 8}), NOT_MET),
        (_form("2026-05-01", {"valueDecimal": 9.5}), MET),
        (_form("2026-05-01", {"valueString": "much"}), UNKNOWN),
        (_form("2026-04-19", {"valueInteger": 9}), UNKNOWN),
        (_form(None, {"valueInteger": 9}), UNKNOWN),
    ],
)
def test_an_answer_may_be_a_number(form: dict, state: State) -> None:
    nine = Threshold("nine", Quantity(Decimal(9), "1"), "proposed")

    assert _state(scored("cramp", at_least=nine, within=MONTH), chart_of(form)) is state


def test_an_answer_may_be_one_of_several_choices() -> None:
    chart = chart_of(_form("2026-05-01", {"valueCoding": {"code": "one-leg"}}))

    assert _state(answered("cramp", "one-leg", "both-legs", within=MONTH), chart) is MET
    assert _state(answered("cramp", "both-legs", within=MONTH), chart) is NOT_MET


def test_family_history_allergies_and_stays_have_lists_of_their_own() -> None:
    relative = {
        "resourceType": "FamilyMemberHistory",
        "status": "completed",
        "patient": SUBJECT,
        "condition": [{"code": RESTLESS_LEGS}],
    }
    allergy = {"resourceType": "AllergyIntolerance", "patient": SUBJECT, "code": METFORMIN}

    for criterion, resource, area in (
        (family_history(_codes("restless-legs")), relative, Area.FAMILY),
        (allergic_to(_codes("metformin")), allergy, Area.ALLERGIES),
        (in_hospital(), _visit(), Area.ENCOUNTERS),
    ):
        assert _state(criterion, chart_of(resource)) is MET
        assert _state(criterion, chart_of()) is NOT_MET
        assert _state(criterion, _lacking(area)) is UNKNOWN


# --- the patient -------------------------------------------------------------------------------------------------


def _patient(**members: object) -> Chart:
    patient = {name: value for name, value in {**PATIENT, **members}.items() if value is not ...}
    record = record_of(patient=patient)
    assert record.patient is not None
    return Chart(record.today, record.patient, record)


FIFTY = Threshold("fifty", Quantity(Decimal(50), "a"), "proposed")


@pytest.mark.parametrize(
    ("birth", "at_least_fifty"),
    [
        ("1976-05-20", MET),
        ("1976-05-21", NOT_MET),
        ("1975", MET),
        ("1976", NOT_MET),
        (..., UNKNOWN),
        ("long ago", UNKNOWN),
        ("2027-01-01", UNKNOWN),
    ],
)
def test_an_age_without_a_birth_date_is_unknown(birth: object, at_least_fifty: State) -> None:
    """G-4."""
    chart = _patient(birthDate=birth)

    assert _state(aged(FIFTY), chart) is at_least_fifty
    assert _state(younger_than(FIFTY), chart) is {MET: NOT_MET, NOT_MET: MET, UNKNOWN: UNKNOWN}[at_least_fifty]
    assert _state(age_known(), chart) is (NOT_MET if at_least_fifty is UNKNOWN else MET)


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({}, MET),
        ({"active": True}, MET),
        ({"active": False}, NOT_MET),
        ({"deceasedBoolean": True}, NOT_MET),
        ({"deceasedBoolean": False}, MET),
        ({"deceasedDateTime": "2026-01-01"}, NOT_MET),
        ({"deceasedDateTime": "unknown"}, NOT_MET),
    ],
)
def test_nobody_advises_on_the_dead_or_on_a_closed_record(members: dict, state: State) -> None:
    """G-3."""
    assert _state(in_care(), _patient(**members)) is state


@pytest.mark.parametrize(("gender", "state"), [("female", MET), ("male", NOT_MET), ("other", NOT_MET), (..., UNKNOWN)])
def test_an_unrecorded_sex_is_unknown(gender: object, state: State) -> None:
    assert _state(sex_is("female"), _patient(gender=gender)) is state


# --- which came first --------------------------------------------------------------------------------------------


def _taken_before_pain(onset: object = "2026-03-01", start: object = "2026-03-01") -> Finding:
    pain = active(onsetDateTime=onset, recordedDate=...)
    drug = prescription(authoredOn=start)
    return _criterion_of_order().check(chart_of(pain, drug))


def _criterion_of_order() -> Criterion:
    return taking(_codes("metformin")).not_begun_after(complains_of(_codes("leg-ache"), within=YEAR))


@pytest.mark.parametrize(
    ("onset", "start", "state"),
    [
        ("2026-03-02", "2026-03-01", MET),
        ("2026-03-01", "2026-03-01", MET),
        ("2026-03-01", "2026-03-02", NOT_MET),
        (..., "2026-03-02", MET),
        ("2026-03-01", ..., MET),
        ("2026", "2026-03-02", MET),
        ("2025-12", "2026", NOT_MET),
    ],
)
def test_a_cause_does_not_follow_its_effect(onset: object, start: object, state: State) -> None:
    assert _taken_before_pain(onset, start).state is state


def test_the_first_of_the_prescriptions_tells_when_a_drug_was_begun() -> None:
    renewed = prescription(id="now", authoredOn="2026-04-01")
    first = prescription(id="then", status="completed", authoredOn="2025-04-01")
    pain = active(onsetDateTime="2026-03-01")
    finding = _criterion_of_order().check(chart_of(pain, renewed, first))

    assert finding.is_met
    assert str(finding.basis[0].on) == "2025-04-01"
    assert _state(_criterion_of_order(), chart_of(pain, renewed)) is NOT_MET


def test_without_the_effect_there_is_no_cause() -> None:
    assert _state(_criterion_of_order(), chart_of(prescription())) is NOT_MET
    assert _state(_criterion_of_order(), chart_of(active())) is NOT_MET
    lacking = chart_of(active(), unknown={Area.MEDICATIONS: "not supplied"})
    assert _state(_criterion_of_order(), lacking) is UNKNOWN
    lacking = chart_of(prescription(), unknown={Area.PROBLEMS: "not supplied"})
    assert _state(_criterion_of_order(), lacking) is UNKNOWN


def test_an_effect_in_words_does_not_hold_its_cause_down() -> None:
    finding = _criterion_of_order().check(chart_of(active({"text": "leg pain"}), prescription()))

    assert finding.is_met
    assert finding.cap is Indicator.CRITICAL


def test_a_finished_course_counts_only_where_it_is_wanted() -> None:
    lately = chart_of(prescription(status="completed", authoredOn="2026-05-01"))

    assert _state(taking(_codes("metformin")), lately) is MET
    assert _state(taking(_codes("metformin"), finished=False), lately) is NOT_MET
    assert _state(taking(_codes("metformin"), finished=False), chart_of(prescription())) is MET


def _ordering(draft: dict, *resources: dict) -> Chart:
    record = record_of(*resources)
    record.take_draft(json.dumps(draft).encode(), at_hand=True)
    assert record.patient is not None
    return Chart(record.today, record.patient, record)


@pytest.mark.parametrize(
    ("words", "state"),
    [("metformin 500 MG Oral Tablet", NOT_MET), ("Metformin 850 mg", NOT_MET), ("glucophage (metformin)", MET)],
)
def test_a_renewal_is_no_new_drug(words: str, state: State) -> None:
    anew = drafting_anew(_codes("metformin"))
    named = {"medicationCodeableConcept": {"text": words}}
    draft = prescription(id="draft", status="draft", **named)

    assert _state(anew, _ordering(draft)) is MET
    assert _state(anew, _ordering(draft, prescription(id="old"))) is state
    assert _state(anew, _ordering(draft, prescription(id="old", status="stopped"))) is MET
    assert _state(anew, _ordering(draft, prescription(id="draft", **named))) is NOT_MET
    assert _state(anew, chart_of(prescription())) is NOT_MET
