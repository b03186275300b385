"""The vocabulary: everything by which a reader recognises what a resource means."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds.chart.analytes import Analyte
from cds.chart.codes import CodeBook
from cds.chart.text import Phrasebook


@dataclass(frozen=True, slots=True)
class Question:
    """What an item of the intake form asks, and what its answers say; both as a card prints them."""

    text: str
    answers: Mapping[str, str]


@dataclass(slots=True, eq=False)
class Vocabulary:
    """Codes, names and phrases of the whole knowledge base.

    Attributes:
        codes: code -> concepts.
        phrases: free text -> concepts, for problems, complaints, orders and procedures without a code.
        drugs: ingredient names -> drug classes, for the text of clinical-drug codes.
        local_routes: words of a route or form that acts where it is put (cream, eye drops).
        analytes: by name.
        names: exact name of a test -> the analyte, for results without a code.
        titles: concept -> how a card names it.
        needs_leg: concepts that count only when the resource names a leg.
        leg: the words, or two in a row, that name one.
        limb: words that are taken for a leg where no other place is named.
        unless_elsewhere: concepts that do not count when the resource names another place than a leg, and no leg.
        elsewhere: the words, or two in a row, that name one.
        sides: a word that names a side -> `left`, `right` or `both`.
        needs_words: concepts that count only when the resource names one of these words, such as a joint.
    """

    codes: CodeBook = field(default_factory=CodeBook)
    phrases: Phrasebook = field(default_factory=Phrasebook)
    drugs: Phrasebook = field(default_factory=Phrasebook)
    local_routes: frozenset[str] = frozenset()
    analytes: dict[str, Analyte] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    needs_leg: frozenset[str] = frozenset()
    leg: frozenset[str] = frozenset()
    limb: frozenset[str] = frozenset()
    unless_elsewhere: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    sides: Mapping[str, str] = field(default_factory=dict)
    needs_words: dict[str, frozenset[str]] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    """The items of the intake form."""
    also_item: Mapping[str, str] = field(default_factory=dict)
    """Another questionnaire's item -> the item of ours that asks the same."""
