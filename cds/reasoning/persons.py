"""Who the patient is: age, sex, and whether in care."""

from collections.abc import Callable

from cds.chart.chart import PATIENT, Chart
from cds.chart.facts import Fact
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding, met, not_met, unknown
from cds.reasoning.knowledge import Threshold


class _Age(Criterion):
    reads = frozenset({PATIENT})

    def __init__(self, limit: Threshold, *, reached: bool) -> None:
        self.limit, self.reached = limit, reached

    def _test(self, chart: Chart) -> Finding:
        age = chart.age
        if age is None:
            return unknown("age (no birth date)")
        fact = Fact(name="Age", value=str(age), unit="years", reference=chart.patient.reference)
        return met(fact) if (age >= self.limit.value) is self.reached else not_met(fact)

    def sentence(self) -> str:
        return f"age {'at least' if self.reached else 'under'} {self.limit.value} years"


def aged(limit: Threshold) -> Criterion:
    """Old enough: at least so many years."""
    return _Age(limit, reached=True)


def younger_than(limit: Threshold) -> Criterion:
    """Not yet so old."""
    return _Age(limit, reached=False)


class _Patient(Criterion):
    reads = frozenset({PATIENT})

    def __init__(self, sentence: str, test: Callable[[Chart], bool | None], value: Callable[[Chart], str]) -> None:
        self.words, self.test, self.value = sentence, test, value

    def _test(self, chart: Chart) -> Finding:
        answer = self.test(chart)
        if answer is None:
            return unknown(self.words)
        fact = Fact(name="Patient", value=self.value(chart), reference=chart.patient.reference)
        return met(fact) if answer else not_met(fact)

    def sentence(self) -> str:
        return self.words


def in_care() -> Criterion:
    """The patient is alive and the record active."""
    return _Patient(
        "alive, record active", lambda c: not (c.patient.deceased or c.patient.inactive),
        lambda c: "deceased" if c.patient.deceased else "inactive" if c.patient.inactive else "in care",
    )  # fmt: skip


def age_known() -> Criterion:
    """A birth date is recorded: where a plan sets children aside, this leaves the adults."""
    return _Patient(
        "birth date recorded",
        lambda c: c.age is not None,
        lambda c: "of unknown age" if c.age is None else "of known age",
    )


def sex_is(sex: str) -> Criterion:
    """The administrative gender recorded; other and unknown are neither."""
    return _Patient(
        f"recorded as {sex}",
        lambda c: None if c.patient.sex is None else c.patient.sex == sex,
        lambda c: c.patient.sex or "",
    )
