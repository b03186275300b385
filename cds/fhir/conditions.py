"""Conditions, and what else states a disease: of a relative, or against a drug."""

from collections.abc import Iterable, Iterator
from datetime import date

from cds.chart.dates import Day, is_future, parse_day
from cds.chart.facts import Indicator, Problem
from cds.fhir.encounters import began
from cds.fhir.recognition import Meant
from cds.fhir.resources import AllergyIntolerance, Condition, Encounter, FamilyMemberHistory, codes, texts

_VOID = frozenset({"refuted", "entered-in-error"})
_CONFIRMED = frozenset({"confirmed"})
_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_NOT_STATED = frozenset({"unknown"})
"""R5 requires a clinical status: this code stands where there was none in R4."""
_PAST = _VOID | {"inactive", "resolved"}
"""Statuses of DSTU2 that say of an allergy that it is not there, or no longer."""
_TOLD = frozenset({"completed", "partial"})


def problem(condition: Condition, meant: Meant, encounter: Encounter | None, today: date) -> Problem | None:
    """Read a condition; None when it was refuted, entered in error, or lies in the future.

    The void ones go first: servers send them without any clinical status. One without a date has that of its encounter.
    """
    verification = codes(condition.verification_status)
    if verification & _VOID or codes(condition.clinical_status) & _VOID:
        return None
    onset = _first(condition.onset_date_time, *_ends(condition.onset_period), condition.onset_string)
    recorded = _first(condition.recorded_date, condition.asserted_date, condition.date_recorded)
    if onset is None and recorded is None and encounter is not None:
        recorded = began(encounter)
    on = onset or recorded
    if on is not None and is_future(on, today):
        return None
    confirmed = verification <= _CONFIRMED
    notes = []
    if not confirmed:
        notes.append("suspected, not confirmed")
    if not meant.coded:
        notes.append("from free text")
    return Problem(
        name=_words(condition, meant.title) if meant.coded else meant.title,
        reference=f"Condition/{condition.id}" if condition.id else "",
        on=on,
        onset=onset,
        recorded=recorded,
        notes=tuple(notes),
        cap=Indicator.CRITICAL if meant.coded else Indicator.INFO,
        active=_is_active(condition, today),
        confirmed=confirmed,
        coded=meant.coded,
        about_leg=meant.about_leg,
        side=meant.side,
        ended=_ended(condition),
    )


def merged(problems: Iterable[Problem | None]) -> tuple[Problem, ...]:
    """Keep of a problem that several resources state of one day the one recorded last: it is one fact (2.7)."""
    kept: dict[object, Problem] = {}
    for one in problems:
        if one is None:
            continue
        days = (one.on.first, one.on.last) if one.on else None
        same = (days, one.active, one.confirmed, one.coded, one.about_leg, one.side)
        if same not in kept or _recorded(one) > _recorded(kept[same]):
            kept[same] = one
    return tuple(kept.values())


def _recorded(problem_: Problem) -> float:
    return problem_.recorded.moment if problem_.recorded else 0.0


def _words(condition: Condition, title: str) -> str:
    return next((text for text in texts(condition.code) if text.strip()), title)


def _first(*candidates: str | None) -> Day | None:
    return next((day for text in candidates if text and (day := parse_day(text))), None)


def _ends(period: object) -> Iterator[str | None]:
    if period is not None:
        yield getattr(period, "start", None)
        yield getattr(period, "end", None)


def _is_active(condition: Condition, today: date) -> bool:
    """Whether a condition is present: by its status, unless it has abated (G-2)."""
    status = codes(condition.clinical_status) - _NOT_STATED
    if status and not status & _ACTIVE:
        return False
    period = condition.abatement_period
    if (ended := _ended(condition)) is not None:
        return ended.last > today
    return not (
        condition.abatement_boolean
        or condition.abatement_date_time
        or condition.abatement_string
        or condition.abatement_age is not None
        or condition.abatement_range is not None
        or (period is not None and period.end)
    )


def _ended(condition: Condition) -> Day | None:
    period = condition.abatement_period
    return _first(condition.abatement_date_time, *((period.end, period.start) if period else ()))


def of_relative(history: FamilyMemberHistory, title: str) -> Problem | None:
    """Read a relative's condition; None when nobody told of it."""
    if history.status not in _TOLD:
        return None
    return Problem(
        name=f"Family history: {title}",
        reference=f"FamilyMemberHistory/{history.id}" if history.id else "",
        on=_first(history.date),
    )


def allergy(allergy_: AllergyIntolerance, title: str) -> Problem | None:
    """Read an allergy or intolerance; None when it is void or no longer there."""
    if codes(allergy_.verification_status) & _VOID or allergy_.status in _PAST:
        return None
    status = codes(allergy_.clinical_status)
    if status and not status & _ACTIVE:
        return None
    return Problem(
        name=f"Allergy or intolerance: {title}",
        reference=f"AllergyIntolerance/{allergy_.id}" if allergy_.id else "",
        on=_first(allergy_.recorded_date, allergy_.asserted_date),
    )
