"""Medications: what is prescribed, stated, dispensed or given, and whether it is current (DS-21)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from cds.chart.dates import Day, days_ago, is_future, parse_day
from cds.chart.facts import Drug
from cds.chart.text import words_of
from cds.fhir.references import target
from cds.fhir.resources import (
    AnyMedication,
    Concept,
    Concepts,
    Dosage,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationOrder,
    MedicationRequest,
    MedicationStatement,
    Reference,
    codes,
    codings,
    concepts,
    items,
    texts,
)
from cds.fhir.values import number_of

_INTENTS = frozenset({None, "order", "plan", "original-order", "reflex-order", "filler-order", "instance-order"})
_IN_USE = frozenset({"active", "intended", "recorded", "in-progress"})
_ADHERENCE = {"not-taking": "not-taken", "on-hold": "on-hold", "stopped": "stopped", "unknown": "unknown"}
"""How the codes of R5's adherence begin that are no use, and the statuses that R4 has for it."""
_RECENT = 90
"""Days for which a completed course still counts [d]."""


class Taken(Struct, frozen=True, gc=False):
    """A medication whose drug was recognised."""

    source: AnyMedication
    classes: frozenset[str]
    name: str


Known = Callable[[str], Medication | None]
"""Finds a Medication of the record by its id."""


def drug_kind(medication: AnyMedication, contained: Iterable[object], known: Known) -> Medication | None:
    """Find the Medication that a medication refers to, inside it or in the record."""
    reference = _reference(medication)
    address = reference.reference if reference else None
    if not address:
        return None
    if address.startswith("#"):
        inside = (inner for inner in contained if isinstance(inner, Medication))
        return next((inner for inner in inside if (inner.id or "").lstrip("#") == address[1:]), None)
    return known(target(address))


def _reference(medication: AnyMedication) -> Reference | None:
    if medication.medication_reference is not None or medication.medication is None:
        return medication.medication_reference
    found = (_reference_of(concept) for concept in concepts(medication.medication))
    return next((reference for reference in found if reference is not None), None)


def _reference_of(concept: Concept) -> Reference | None:
    if isinstance(concept.reference, str):
        return Reference(concept.reference, concept.display)
    return concept.reference


def substances(medication: AnyMedication, kind: Medication | None) -> Iterator[Concepts]:
    """Give every element that may say which drug it is: its code, its reference's words, the Medication referred to."""
    yield from (said for said in (medication.medication_codeable_concept, medication.medication) if said is not None)
    reference = _reference(medication)
    if reference is not None and reference.display:
        yield Concept(text=reference.display)
    if kind is not None:
        yield kind.code
        for ingredient in items(kind.ingredient):
            yield ingredient.item_codeable_concept
            yield ingredient.item
            if ingredient.item_reference is not None and ingredient.item_reference.display:
                yield Concept(text=ingredient.item_reference.display)


def acts_locally(
    medication: AnyMedication, kind: Medication | None, names: Iterable[str], local: frozenset[str]
) -> bool:
    """Whether a drug acts where it is put: a cream, an eye drop, a nasal spray.

    Its names, its form and its route say so; the words of the dosage only where no route is stated, since they may also
    say what for.
    """
    said = list(names)
    if kind is not None:
        said += [*texts(kind.form), *texts(kind.dose_form)]
    dosages: list[Dosage] = items(
        getattr(medication, "dosage_instruction", None) or getattr(medication, "dosage", None)
    )
    for dosage in dosages:
        route = [*texts(dosage.route), *(coding.code for coding in codings(dosage.route) if coding.code)]
        said += route or [dosage.text or ""]
    return any(not local.isdisjoint(words_of(text)) for text in said)


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
    written = request.date_written if isinstance(request, MedicationOrder) else request.authored_on
    return _make(taken, request.status, _day(written), _end(request), today)


def _end(request: MedicationRequest) -> Day | None:
    """Say when a prescription ends; a dosage without an end goes on after one that has one."""
    bounds = [
        dosage.timing.repeat.bounds_period if dosage.timing and dosage.timing.repeat else None
        for dosage in items(request.dosage_instruction)
    ]
    ends = [bound.end if bound else None for bound in bounds]
    periods = (
        request.dispense_request.validity_period if request.dispense_request else None,
        request.effective_dose_period,
    )
    stated = [period.end for period in periods if period]
    days = [day for text in (*stated, *(ends if all(ends) else ())) if (day := _day(text))]
    return max(days, key=lambda day: day.moment, default=None)


def _stated(statement: MedicationStatement, taken: Taken, today: date) -> Drug | None:
    period = statement.effective_period
    start = _day(statement.effective_date_time) or (_day(period.start) if period else None)
    end = _day(period.end) if period else None
    status = _status(statement, end, today)
    if status in {"not-taken", "unknown"}:
        return None
    return _make(taken, status, start or _day(statement.date_asserted), end, today)


def _status(statement: MedicationStatement, end: Day | None, today: date) -> str | None:
    """Give the status that a statement has, or would have in R4: R5 says only that it was recorded."""
    if statement.taken == "n" or statement.was_not_taken:
        return "not-taken"
    said = codes(statement.adherence.code) if statement.adherence else ()
    for code in said:
        for start, status in _ADHERENCE.items():
            if code.startswith(start):
                return status
    if statement.status == "recorded" and end is not None and end.last < today:
        return "completed"
    return statement.status


def _dispensed(dispense: MedicationDispense, taken: Taken, today: date) -> Drug | None:
    handed, supply = _day(dispense.when_handed_over), number_of(dispense.days_supply)
    if dispense.status not in {"completed", "in-progress"} or handed is None or supply is None:
        return None
    return _fact(taken, handed, current=0 <= days_ago(handed, today) <= supply)


def _given(administration: MedicationAdministration, taken: Taken, today: date) -> Drug | None:
    if (
        administration.status not in {"completed", "in-progress"}
        or administration.not_given
        or administration.was_not_given
    ):
        return None
    period = administration.effective_period or administration.occurence_period
    on = _day(administration.effective_date_time or administration.occurence_date_time)
    on = on or (_day(period.end or period.start) if period else None)
    if on is not None and is_future(on, today):
        return None
    return _fact(taken, on, given=True)


def _make(taken: Taken, status: str | None, start: Day | None, end: Day | None, today: date) -> Drug | None:
    if start is not None and is_future(start, today):
        return None
    if status == "completed":
        last = end or start
        current = last is not None and days_ago(last, today) <= _RECENT
        fact = _fact(taken, start, current=current, note="course completed recently" if current else "")
        return replace(fact, finished=True)
    if status == "on-hold":
        return _fact(taken, start, note="on hold")
    ended = end is not None and end.last < today
    return _fact(taken, start, current=status in _IN_USE and not ended)


def _fact(taken: Taken, start: Day | None, *, current: bool = False, given: bool = False, note: str = "") -> Drug:
    source = taken.source
    return Drug(
        name=taken.name,
        reference=f"{type(source).__name__}/{source.id}" if source.id else "",
        on=start,
        start=start,
        current=current,
        given=given,
        notes=(note,) if note else (),
    )


def _day(text: str | None) -> Day | None:
    return parse_day(text) if text else None
