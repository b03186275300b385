"""What of a record was not understood although it may matter: for those who map codes and units at an EHR.

A code that none of our lists holds counts for nothing (cds.chart.codes), and a number in an unknown unit is no value.
Both are right at the bedside and wrong to pass over in silence when a server is connected.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cds.chart.chart import Record
from cds.chart.vocabulary import Vocabulary
from cds.fhir import requests, resources
from cds.fhir.recognition import Recogniser, recogniser

_LONGEST = 80
"""Characters of a code or of words that are shown [1]."""


@dataclass(frozen=True, slots=True)
class Overlooked:
    """A code or a value that was not understood.

    Attributes:
        where: the element.
        said: the code or the unit, as it was written.
        words: what stands beside it.
        may_mean: what it would mean by its words.
        trouble: why it does not count.
    """

    where: str
    said: str
    words: str
    may_mean: str
    trouble: str


def codes(resource: Any, vocabulary: Vocabulary) -> Iterator[Overlooked]:
    """List the codes of a resource that mean nothing to us, though their words say something that matters."""
    means, kind = recogniser(vocabulary), type(resource).__name__
    if isinstance(resource, resources.Observation):
        for part in (resource, *resources.items(resource.component)):
            where = "Observation.code" if part is resource else "Observation.component.code"
            if not means.tests(part.code):
                yield from _unlisted(where, part.code, frozenset(means.tests_named(part.code)), means, vocabulary)
        return
    code = requests.asked_for(resource) if isinstance(resource, resources.ServiceRequest) else _code_of(resource)
    if code is not None and not means.concepts(code):
        yield from _unlisted(f"{kind}.code", code, means.said(resources.texts(code)), means, vocabulary)


def _code_of(resource: Any) -> Any:
    kinds = resources.Condition | resources.Procedure | resources.DiagnosticReport | resources.AllergyIntolerance
    return resource.code if isinstance(resource, kinds) else None


def _unlisted(
    where: str, code: Any, may_mean: frozenset[str], means: Recogniser, vocabulary: Vocabulary
) -> Iterator[Overlooked]:
    if not may_mean:
        return
    _, is_known = means.coded(code)
    codings = [f"{c.system or 'no system'}|{c.code}" for c in resources.codings(code) if c.code]
    yield Overlooked(
        where=where,
        said=", ".join(codings)[:_LONGEST],
        words=next(iter(resources.texts(code)), "")[:_LONGEST],
        may_mean=", ".join(sorted(vocabulary.titles.get(name, name) for name in may_mean)),
        trouble="no list holds the code" if is_known else "the system of the code is not known",
    )


def values(record: Record, vocabulary: Vocabulary) -> Iterator[Overlooked]:
    """List the results that could not be understood."""
    for name, analyte in sorted(vocabulary.analytes.items()):
        for m in record.measurements(name):
            if m.unreadable:
                yield Overlooked(
                    "Observation.value", m.unit or "no unit", m.value[:_LONGEST], analyte.title, m.unreadable
                )


def unknown_systems(resource: Any, vocabulary: Vocabulary) -> Iterator[str]:
    """Name the systems of a resource's code where we know none of them by any of its spellings."""
    code = getattr(resource, "code", None)
    if recogniser(vocabulary).coded(code)[1]:
        return
    for coding in resources.codings(code):
        if coding.code:
            yield f"{type(resource).__name__}: {(coding.system or 'no system')[:_LONGEST]}"
