"""Medications: what is prescribed, stated, dispensed or given, and whether it is current (DS-21)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from cds.chart.dates import Day, days_ago, is_future, parse_day
from cds.chart.facts import Drug
from cds.chart.text import words_of
from cds.fhir import resources
from cds.fhir.resources import (
    Concept,
    Concepts,
    Dosage,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    concepts,
    items,
    texts,
)
from cds.fhir.results import decimal_of

AnyMedication = MedicationRequest | MedicationStatement | MedicationAdministration | MedicationDispense

_INTENTS = frozenset({None, "order", "plan", "original-order", "reflex-order", "filler-order", "instance-order"})
_IN_USE = frozenset({"active", "intended", "recorded", "in-progress"})
_RECENT = 90
"""Days for which a completed course still counts (DS-21) [d]."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A medication whose drug was recognised."""

    source: AnyMedication
    classes: frozenset[str]
    name: str


def substances(medication: AnyMedication, known: Mapping[str, Medication]) -> Iterator[Concepts]:
    """Give every element that may say which drug it is: its code, its reference's words, the Medication referred to."""
    yield medication.medication_codeable_concept
    reference = medication.medication_reference
    for concept in concepts(medication.medication):
        yield concept
        reference = reference or _reference_of(concept)
    if reference is None:
        return
    if reference.display:
        yield Concept(text=reference.display)
    drug = _resolve(reference.reference or "", medication, known)
    if drug is not None:
        yield drug.code
        for ingredient in drug.ingredient or ():
            yield ingredient.item_codeable_concept
            yield ingredient.item


def _reference_of(concept: Concept) -> resources.Reference | None:
    if isinstance(concept.reference, str):
        return resources.Reference(concept.reference, concept.display)
    return concept.reference


def _resolve(reference: str, medication: AnyMedication, known: Mapping[str, Medication]) -> Medication | None:
    if reference.startswith("#"):
        for raw in medication.contained or ():
            try:
                inner, _ = resources.decode(raw)
            except resources.Unreadable:
                continue
            if isinstance(inner, Medication) and inner.id in {reference[1:], reference}:
                return inner
        return None
    bare = reference.split("/_history/")[0]
    return known.get(bare) or known.get("/".join(bare.rsplit("/", 2)[-2:]))


def acts_locally(medication: AnyMedication, names: Iterable[str], local: frozenset[str]) -> bool:
    """Whether a drug acts where it is put: a cream, an eye drop, a nasal spray."""
    said = list(names)
    dosages: list[Dosage] = items(getattr(medication, "dosage_instruction", None) or getattr(medication, "dosage", None))
    for dosage in dosages:
        said.extend(texts(dosage.route))
        if dosage.text:
            said.append(dosage.text)
    return any(local.intersection(words_of(text)) for text in said)


def drug(taken: Taken, today: date) -> Drug | None:
    """Read a medication; None when it never counts as taken."""
    source = taken.source
    if isinstance(source, MedicationRequest):
        return _requested(source, taken, today)
    if isinstance(source, MedicationStatement):
        return _stated(source, taken, today)
    if isinstance(source, MedicationDispense):
        return _dispensed(source, taken, today)
    return _given(source, taken, today)


def _requested(request: MedicationRequest, taken: Taken, today: date) -> Drug | None:
    if request.do_not_perform or request.intent not in _INTENTS:
        return None
    start = _day(request.authored_on)
    ends = [request.dispense_request.validity_period.end] if _has_validity(request) else []
    for dosage in items(request.dosage_instruction):
        period = dosage.timing.repeat.bounds_period if dosage.timing and dosage.timing.repeat else None
        if period:
            ends.append(period.end)
    return _make(taken, request.status, start, _latest(ends), today)


def _has_validity(request: MedicationRequest) -> bool:
    return request.dispense_request is not None and request.dispense_request.validity_period is not None


def _stated(statement: MedicationStatement, taken: Taken, today: date) -> Drug | None:
    if statement.taken == "n" or statement.status in {"not-taken", "unknown"}:
        return None
    period = statement.effective_period
    start = _day(statement.effective_date_time) or (_day(period.start) if period else None)
    end = _day(period.end) if period else None
    return _make(taken, statement.status, start or _day(statement.date_asserted), end, today)


def _dispensed(dispense: MedicationDispense, taken: Taken, today: date) -> Drug | None:
    handed = _day(dispense.when_handed_over)
    supply = decimal_of(dispense.days_supply.value) if dispense.days_supply else None
    if dispense.status not in {"completed", "in-progress"} or handed is None or supply is None or not supply.is_finite():
        return None
    covers = handed.last <= today <= handed.last + timedelta(days=int(min(supply, 3650)))
    return _fact(taken, start=handed, on=handed, current=covers)


def _given(administration: MedicationAdministration, taken: Taken, today: date) -> Drug | None:
    if administration.status not in {"completed", "in-progress"}:
        return None
    period = administration.effective_period or administration.occurence_period
    on = _day(administration.effective_date_time or administration.occurence_date_time)
    on = on or (_day(period.end or period.start) if period else None)
    if on is not None and is_future(on, today):
        return None
    return _fact(taken, start=on, on=on, given=True)


def _make(taken: Taken, status: str | None, start: Day | None, end: Day | None, today: date) -> Drug | None:
    if start is not None and is_future(start, today):
        return None
    if status == "completed":
        last = end or start
        current = last is not None and days_ago(last, today) <= _RECENT
        return _fact(taken, start=start, on=start, current=current, notes=("course completed recently",) if current else ())
    ended = end is not None and end.last < today
    if status == "on-hold":
        return _fact(taken, start=start, on=start, notes=("on hold",))
    return _fact(taken, start=start, on=start, current=status in _IN_USE and not ended)


def _fact(
    taken: Taken,
    *,
    start: Day | None,
    on: Day | None,
    current: bool = False,
    given: bool = False,
    notes: tuple[str, ...] = (),
) -> Drug:
    source = taken.source
    return Drug(
        name=taken.name,
        reference=f"{type(source).__name__}/{source.id}" if source.id else "",
        on=on,
        start=start,
        current=current,
        given=given,
        notes=notes,
    )


def _day(text: str | None) -> Day | None:
    return parse_day(text) if text else None


def _latest(ends: Iterable[str | None]) -> Day | None:
    """Give the last of several ends: a second dosage may run on after the first."""
    days = [day for text in ends if (day := _day(text))]
    return max(days, key=lambda day: day.moment, default=None)
