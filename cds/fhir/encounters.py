"""Encounters: where the patient is, and what for."""

from collections.abc import Iterator

from cds.chart.dates import Day, parse_day
from cds.chart.facts import Stay
from cds.fhir.resources import Concept, Encounter, codes, concepts, items

_INPATIENT = frozenset({"imp", "acute", "nonac", "emer", "obsenc", "ss"})
"""v3-ActCode classes of a patient who is in hospital: https://terminology.hl7.org/CodeSystem-v3-ActCode.html."""
_VOID = frozenset({"entered-in-error", "cancelled", "discarded"})
_OVER = frozenset({"finished", "completed", "discharged"})
_UNDER_WAY = frozenset({"in-progress", "arrived", "triaged", "onleave", "on-hold"})


def reasons(encounter: Encounter) -> Iterator[Concept]:
    """Give the coded or worded reasons for a visit, and the conditions that it refers to by name.

    R4 `reasonCode`, STU3 and R5 `reason`; of `reasonReference` and `diagnosis` only the display can be read here.
    """
    if encounter.status in _VOID:
        return
    for said in (encounter.reason_code, encounter.reason, encounter.reason_reference):
        if said is not None:  # as it seldom is
            yield from concepts(said)
    for diagnosis in items(encounter.diagnosis):
        yield from concepts(diagnosis.condition)


def began(encounter: Encounter) -> Day | None:
    """Say when an encounter began, or else ended."""
    for period in (encounter.period, encounter.actual_period):
        for text in (period.start, period.end) if period else ():
            if text and (day := parse_day(text)):
                return day
    return None


def descriptions(encounter: Encounter) -> Iterator[Concept]:
    """Give all that says what an encounter is about: its reasons, its kind, the service that cares."""
    yield from reasons(encounter)
    yield from concepts(encounter.type)
    yield from concepts(encounter.service_type)


def is_in_hospital(encounter: Encounter) -> bool:
    """Whether an encounter is in a hospital's bed or emergency department."""
    usual = encounter.class_
    if type(usual) is Concept and usual.code:  # a Coding, as R4 has it
        return usual.code.strip().lower() in _INPATIENT
    return not _INPATIENT.isdisjoint(codes(usual))


def stay(encounter: Encounter, *, over: bool = False) -> Stay | None:
    """Read an encounter in hospital as where the patient is, or was; None when it is not under way, or not over."""
    if encounter.status not in (_OVER if over else _UNDER_WAY):
        return None
    return Stay(
        name="Hospital stay",
        reference=f"Encounter/{encounter.id}" if encounter.id else "",
        on=began(encounter),
        ended=_ended(encounter) if over else None,
    )


def _ended(encounter: Encounter) -> Day | None:
    ends = (period.end for period in (encounter.period, encounter.actual_period) if period is not None and period.end)
    return next((day for text in ends if (day := parse_day(text))), None)
