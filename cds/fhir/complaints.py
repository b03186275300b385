"""Complaints: what brings the patient, as a visit, a draft order or a chief complaint states it."""

from datetime import date

from cds.chart.dates import Day, is_future
from cds.chart.facts import Indicator, Problem
from cds.fhir.recognition import Meant
from cds.fhir.resources import Encounter, Observation, ServiceRequest

Complained = Observation | Encounter | ServiceRequest
"""What may say why the patient comes."""

_SAID = {
    Observation: "complaint",
    Encounter: "reason for the visit",
    ServiceRequest: "reason of a draft order",
}


def complaint(source: Complained, meant: Meant, on: Day | None, today: date) -> Problem | None:
    """Read a complaint as a problem of its day; None when that lies in the future."""
    if on is not None and is_future(on, today):
        return None
    said = next(words for kind, words in _SAID.items() if isinstance(source, kind))
    return Problem(
        name=meant.title,
        reference=f"{type(source).__name__}/{source.id}" if source.id else "",
        on=on,
        onset=on,
        notes=(said if meant.coded else f"{said}, from free text",),
        cap=Indicator.CRITICAL if meant.coded else Indicator.INFO,
        coded=meant.coded,
        about_leg=meant.about_leg,
        side=meant.side,
    )
