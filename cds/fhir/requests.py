"""Requests for services, and what was done."""

from datetime import date

from cds.chart.dates import Day, is_future, parse_day
from cds.chart.facts import Act, Order
from cds.fhir.resources import (
    AnyMedication,
    Concept,
    Concepts,
    DeviceRequest,
    DiagnosticReport,
    Procedure,
    ServiceRequest,
    concepts,
)

_OPEN = frozenset({"draft", "active", "on-hold"})
_URGENT = frozenset({"urgent", "asap", "stat"})
_INTENTS = frozenset(
    {None, "order", "plan", "proposal", "original-order", "reflex-order", "filler-order", "instance-order"}
)
_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "revoked", "stopped"})
_DONE = frozenset({"completed", "in-progress", "preparation"})
_REPORTED = frozenset({"final", "amended", "corrected", "appended"})
_BEING_REPORTED = frozenset({"partial", "preliminary"})


def asked_for(request: ServiceRequest) -> Concepts:
    """Give the element that says what a request asks for."""
    return request.code_codeable_concept or request.code if isinstance(request, DeviceRequest) else request.code


def order(request: ServiceRequest, title: str, today: date) -> Order | None:
    """Read a request; None when it was withdrawn, or asks for something not to be done."""
    if request.do_not_perform or request.intent not in _INTENTS:
        return None
    if request.status not in _OPEN and request.status != "completed":
        return None
    on = _first(request.authored_on, request.occurrence_date_time, _start(request.occurrence_period))
    if on is not None and request.authored_on and is_future(on, today):
        return None
    return Order(
        name=title,
        reference=f"{type(request).__name__}/{request.id}" if request.id else "",
        on=on,
        open=request.status in _OPEN,
        urgent=request.priority in _URGENT,
        value=request.status or "",
    )


def draft(order: AnyMedication | ServiceRequest, title: str, words: str) -> Order | None:
    """Read an order that is being written; None when it is withdrawn, or asks for something not to be done.

    A revision of an order that is active already is written in the same place: no other status is filtered.
    """
    if getattr(order, "do_not_perform", None) or order.status in _WITHDRAWN:
        return None
    return Order(
        name=words or title,
        reference=f"{type(order).__name__}/{order.id}" if order.id else "",
        urgent=isinstance(order, ServiceRequest) and order.priority in _URGENT,
        notes=("the order at hand",),
    )


def reasons(request: ServiceRequest) -> list[Concept]:
    """Give the reasons of a request that is being drafted: what brings the patient now (R5 calls them `reason`)."""
    if request.status != "draft" or request.do_not_perform:
        return []
    return [*concepts(request.reason_code), *concepts(request.reason)]


def written(request: ServiceRequest) -> Day | None:
    """Say when a request was written."""
    return _first(request.authored_on)


def act(done: Procedure | DiagnosticReport, title: str, today: date) -> Act | None:
    """Read a procedure or a report; None when it was not done, or nobody has signed the report yet."""
    if isinstance(done, DiagnosticReport):
        if done.status not in _REPORTED:
            return None
        on = _reported(done)
    else:
        if done.not_done or done.status not in _DONE:
            return None
        periods = (done.performed_period, done.occurrence_period)
        ends = [text for period in periods for text in (_end(period), _start(period))]
        on = _first(done.performed_date_time, done.occurrence_date_time, *ends)
    if on is not None and is_future(on, today):
        return None
    return Act(name=title, reference=f"{type(done).__name__}/{done.id}" if done.id else "", on=on)


def being_reported(done: Procedure | DiagnosticReport, title: str, today: date) -> Order | None:
    """Read a report that is not final as what it says for certain: that the examination is under way."""
    if not isinstance(done, DiagnosticReport) or done.status not in _BEING_REPORTED:
        return None
    on = _reported(done)
    if on is not None and is_future(on, today):
        return None
    reference = f"DiagnosticReport/{done.id}" if done.id else ""
    return Order(name=title, reference=reference, on=on, urgent=True, value=f"{done.status} report")


def _reported(report: DiagnosticReport) -> Day | None:
    return _first(report.effective_date_time, _end(report.effective_period), report.issued)


def _start(period: object) -> str | None:
    return getattr(period, "start", None)


def _end(period: object) -> str | None:
    return getattr(period, "end", None) or _start(period)


def _first(*candidates: str | None) -> Day | None:
    return next((day for text in candidates if text and (day := parse_day(text))), None)
