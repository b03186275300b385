"""One patient's chart on one day: the inner rooms' only view of the data.

A chart answers two questions. What facts are there of a concept? And is what is not there known to be absent, or
unknown? The second is asked by area of data, since that is how data arrive: a list was supplied, or it was not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol

from cds.chart.dates import age_on
from cds.chart.facts import Act, Answer, CodedResult, Drug, Fact, Measurement, Order, Patient, Problem, Stay


class Area(StrEnum):
    """A part of the chart that arrives, or fails to arrive, as a whole; the words are for cards."""

    PROBLEMS = "problem list"
    LABORATORY = "laboratory results"
    OBSERVATIONS = "other observations"
    MEDICATIONS = "medications"
    ORDERS = "orders"
    PROCEDURES = "procedures"
    REPORTS = "diagnostic reports"
    ENCOUNTERS = "encounters"
    ANSWERS = "questionnaire answers"
    FAMILY = "family history"
    ALLERGIES = "allergies"


PATIENT, STAY = "patient", "stay"
"""What criteria read that is no concept of the knowledge: who the patient is, and an encounter under way."""


class Record(Protocol):
    """Where the facts come from: the resources of a call, read when asked for."""

    def concepts(self) -> frozenset[str]:
        """Name all of which it may hold a fact; of no other does any question find one."""

    def problems(self, concept: str) -> tuple[Problem, ...]:
        """Conditions that mean a concept, active or not; none that was refuted or entered in error."""

    def complaints(self, concept: str) -> tuple[Problem, ...]:
        """Reasons of encounters and chief complaints that mean a concept."""

    def feared(self, concept: str) -> tuple[Problem, ...]:
        """Reasons of orders that are being written, those included that are to be ruled out."""

    def measurements(self, analyte: str) -> Iterable[Measurement]:
        """Results of an analyte, newest first, undated last; each is read when it is reached."""

    def under_way(self, analyte: str) -> tuple[Fact, ...]:
        """Results of an analyte that are registered or preliminary."""

    def set_aside(self, analyte: str, days: int) -> tuple[Fact, ...]:
        """Results of so many days that do not count and should be looked at: dated ahead, or named as another test."""

    def coded_results(self, concept: str) -> tuple[CodedResult, ...]:
        """Results with a coded or yes/no value, newest first."""

    def drugs(self, concept: str) -> tuple[Drug, ...]:
        """Medications of a class, current or not."""

    def orders(self, concept: str) -> tuple[Order, ...]:
        """Requests for a service, or for a panel that contains an analyte."""

    def drafts(self, concept: str) -> tuple[Order, ...]:
        """Orders at hand, as they are being written, that mean a concept or a panel that contains it."""

    def acts(self, concept: str) -> tuple[Act, ...]:
        """Procedures and reports that mean a concept."""

    def answers(self, item: str) -> tuple[Answer, ...]:
        """Answers to an item, newest first."""

    def relatives(self, concept: str) -> tuple[Problem, ...]:
        """Conditions of relatives."""

    def allergies(self, concept: str) -> tuple[Problem, ...]:
        """Active allergies and intolerances to a class of drugs."""

    def stays(self) -> tuple[Stay, ...]:
        """Encounters that are under way."""

    def past_stays(self) -> tuple[Stay, ...]:
        """Encounters that are over."""


class _Bare:
    """A record that holds nothing."""

    def concepts(self) -> frozenset[str]:
        """Name nothing."""
        return frozenset()

    def stays(self) -> tuple[()]:
        """Find nothing."""
        return ()

    past_stays = stays

    def problems(self, _: str) -> tuple[()]:
        """Find nothing."""
        return ()

    def set_aside(self, _: str, days: int) -> tuple[()]:  # noqa: ARG002
        """Find nothing."""
        return ()

    complaints = feared = measurements = under_way = coded_results = problems
    drugs = orders = drafts = acts = answers = relatives = allergies = problems


@dataclass(slots=True)
class Chart:
    """A patient's facts as of `today`."""

    today: date
    patient: Patient
    record: Record
    unknown: Mapping[Area, str] = field(default_factory=dict)
    """Areas that are not wholly known, each with the reason in words."""
    findings: dict[object, Any] = field(default_factory=dict)
    """What was already concluded from this chart, by criterion (cds.reasoning.criteria)."""
    holds: frozenset[str] = field(init=False)
    """The concepts of which the chart may hold a fact."""
    bare: "Chart" = field(init=False)
    """A chart of nobody that lacks the same areas: what is concluded from nothing is concluded once for all calls."""
    wants: dict[object, Any] = field(default_factory=dict)
    """Of a bare chart: of what another must hold something, for a criterion to be met (cds.reasoning.criteria)."""

    def __post_init__(self) -> None:
        """Find out what there is to ask."""
        self.holds = self.record.concepts()
        self.bare = _bare(frozenset(self.unknown.items())) if self.holds else self

    @property
    def age(self) -> int | None:
        """The patient's age today [a]; None without a birth date."""
        return age_on(self.patient.birth, self.today) if self.patient.birth else None


@lru_cache(maxsize=64)
def _bare(unknown: frozenset[tuple[Area, str]]) -> Chart:
    return Chart(date.min, Patient(name="Patient"), _Bare(), dict(unknown))
