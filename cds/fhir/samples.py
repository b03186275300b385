"""What a result was measured in: blood or something else, haemolysed or not (DS-18, DS-19)."""

import re
from itertools import islice

from cds.chart.analytes import Analyte
from cds.chart.memory import Remembered
from cds.chart.text import words_of
from cds.fhir.resources import MOST, Observation, Specimen, items, texts
from cds.fhir.values import Valued

_OTHER_SPECIMEN = re.compile(
    r"\b(urin(e|ary)|csf|cerebrospinal|stool|fa?ec(es|al)|dialysate|pleural|ascit(es|ic)|peritoneal|synovial|saliva|sweat|fluid)\b",
    re.IGNORECASE,
)
"""Words of a code or specimen that make a result one of something else than blood."""
_HAEMOLYSIS = re.compile(r"ha?emoly(?P<noun>sis)?\w*", re.IGNORECASE)
_CLAUSE = re.compile(r"[.;,!?\n]")
_LONGEST = 5000
"""Characters read of the name of a test [1]."""
_NEAR = 40
"""Characters either side of a word in which its denial is looked for [1]."""
_NONE = frozenset({"no", "not", "non", "without", "none", "nil", "negative", "absent", "free", "0"})
_POSITIVE = frozenset({"positive", "pos", "present", "yes", "slight", "moderate", "gross", "marked"})


def is_other_specimen(observation: Observation, valued: Valued, analyte: Analyte, specimen: Specimen | None) -> bool:
    """Whether a blood test was made in something else, by its code's words or its specimen's."""
    if analyte.category != "laboratory" or "urine" in analyte.name:
        return False
    said = [*texts(valued.code), *texts(observation.code)]
    if observation.specimen and observation.specimen.display:
        said.append(observation.specimen.display)
    if specimen is not None:
        said.extend(texts(specimen.type))
    return any(_is_other(text) for text in said)


def _is_other(text: str) -> bool:
    """Whether words name another specimen than blood."""
    return _names_other[text[:_LONGEST],]


_names_other = Remembered(lambda text: _OTHER_SPECIMEN.search(text) is not None, 4096)
"""Remembered: charts repeat the names of a few hundred tests."""


def is_haemolysed(observation: Observation, valued: Valued, specimen: Specimen | None) -> bool:
    """Whether a result or its specimen says that the sample is haemolysed."""
    said: list[str | None] = [
        *(note.text for note in items(observation.note)),
        observation.comment,
        *texts(valued.interpretation),
        *texts(valued.data_absent_reason),
        *texts(valued.value_codeable_concept),
        valued.value_string,
    ]
    if specimen is not None:
        said += [*texts(specimen.condition), *(note.text for note in items(specimen.note))]
    return any(_affirms(text) for text in said if text)


def _affirms(text: str) -> bool:
    return any(not _is_denied(text, found) for found in islice(_HAEMOLYSIS.finditer(text), MOST))


def _is_denied(text: str, found: re.Match[str]) -> bool:
    """Whether a clause denies what it names: "no visible haemolysis", "not haemolysed", "haemolysis index: 0"."""
    before = words_of(_CLAUSE.split(text[max(0, found.start() - _NEAR) : found.start()])[-1])[-2:]
    after = words_of(_CLAUSE.split(text[found.end() : found.end() + _NEAR])[0])[:2] if found["noun"] else []
    return not _NONE.isdisjoint((*before, *after))


def says_haemolysed(observation: Observation) -> bool:
    """Whether a result about haemolysis says that there is some."""
    said = [*texts(observation.value_codeable_concept), observation.value_string or ""]
    words = {word for text in said for word in words_of(text)}
    positive = bool(words & _POSITIVE) or any(_affirms(text) or text.strip().startswith("+") for text in said)
    return observation.value_boolean is True or (positive and not words & _NONE)
