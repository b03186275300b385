"""Encounters: where the patient is, and what for."""

from collections.abc import Iterator
from datetime import date

from cds.chart.dates import Day, is_future, parse_day
from cds.chart.facts import Indicator, Problem, Stay
from cds.fhir.recognition import Meant
from cds.fhir.resources import Concept, Encounter, codes, concepts

_INPATIENT = frozenset({"imp", "acute", "nonac", "emer", "obsenc", "ss"})
"""v3-ActCode classes of a patient who is in hospital: https://terminology.hl7.org/CodeSystem-v3-ActCode.html."""
_VOID = frozenset({"entered-in-error", "cancelled", "discarded"})
_UNDER_WAY = frozenset({"in-progress", "arrived", "triaged", "onleave", "on-hold"})


def reasons(encounter: Encounter) -> Iterator[Concept]:
    """Give the coded or worded reasons for a visit, and the conditions that it refers to by name.

    R4 `reasonCode`, STU3 and R5 `reason`; of `reasonReference` and `diagnosis` only the display can be read here.
    """
    if encounter.status in _VOID:
        return
    yield from concepts(encounter.reason_code)
    yield from concepts(encounter.reason)
    yield from concepts(encounter.reason_reference)
    for diagnosis in encounter.diagnosis or ():
        yield from concepts(diagnosis.condition)


def began(encounter: Encounter) -> Day | None:
    """Say when an encounter began, or else ended."""
    for period in (encounter.period, encounter.actual_period):
        for text in (period.start, period.end) if period else ():
            if text and (day := parse_day(text)):
                return day
    return None


def complaint(encounter: Encounter, meant: Meant, today: date) -> Problem | None:
    """Read the reason for a visit as a problem of that day."""
    on = began(encounter)
    if on and is_future(on, today):
        return None
    return Problem(
        name=meant.title,
        reference=f"Encounter/{encounter.id}" if encounter.id else "",
        on=on,
        onset=on,
        notes=("reason for the visit",) if meant.coded else ("reason for the visit, from free text",),
        cap=Indicator.CRITICAL if meant.coded else Indicator.INFO,
        coded=meant.coded,
        about_leg=meant.about_leg,
    )


def stay(encounter: Encounter) -> Stay:
    """Read an encounter as where the patient is or was."""
    return Stay(
        name="Encounter",
        reference=f"Encounter/{encounter.id}" if encounter.id else "",
        on=began(encounter),
        in_progress=encounter.status in _UNDER_WAY,
        inpatient=bool(codes(encounter.class_) & _INPATIENT),
    )
