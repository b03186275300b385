"""Recognition: which concepts an element of a resource means, by its codings or else by its words."""

import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

from msgspec import Struct

from cds.chart.analytes import Analyte, CodeUse
from cds.chart.codes import NONE
from cds.chart.memory import Remembered
from cds.chart.text import words_of
from cds.chart.vocabulary import Vocabulary
from cds.fhir.resources import MOST, Coding, Concept, Concepts, codings, texts

_LOINC = "http://loinc.org"

_IS_NAME = re.compile(r"[A-Za-z]{4}[A-Za-z ,/-]*")

_Codes = tuple[tuple[str | None, str | None], ...]
_Spelled = tuple[_Codes, tuple[str, ...]]
"""The codings of an element, and its words."""


class Recognised(Struct, frozen=True, gc=False):
    """How a result came to be taken for one of an analyte.

    Attributes:
        analyte: what it was taken for.
        use: how far its code is to be trusted.
        coded: whether a code says so, and not words alone.
        named: whether the words beside the code name the analyte.
        contradicted: whether they name another one.
    """

    analyte: Analyte
    use: CodeUse
    coded: bool
    named: bool
    contradicted: bool


class Meant(Struct, frozen=True, gc=False):
    """How a resource means a concept.

    Attributes:
        title: how a card names the concept.
        coded: whether a code says so, and not words alone.
        about_leg: whether it is about a leg, where the concept itself does not say.
        side: of the body, as its words have it.
    """

    title: str
    coded: bool
    about_leg: bool
    side: str = ""


class Recogniser:
    """Looks elements up in the vocabulary.

    There is one for all calls: what it remembers is what codings mean, of which charts repeat the same few hundred.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Look up in this vocabulary."""
        self._vocabulary = vocabulary
        self._lookup = vocabulary.codes.meanings
        self._classes = Remembered(self._drugs, 8192)
        self._judged = Remembered(self._recognised, 8192)
        self._beyond = Remembered(self._said_beyond, 8192)
        self._tested = Remembered(self._tests_of_one, 8192)

    def coded(self, value: Concepts) -> tuple[frozenset[str], bool]:
        """Name the concepts of the codings of an element, and say whether any coding is of a known system."""
        found, known_system = NONE, False
        # The usual shape is walked directly: this is the innermost step of every call.
        usual = value.coding if type(value) is Concept else None
        for coding in usual if type(usual) is list else codings(value):
            names, is_known = self._lookup[coding.system, coding.code]
            if names:
                found |= names
            if is_known:
                known_system = True
        return found, known_system

    def concepts(self, value: Concepts) -> frozenset[str]:
        """Name the concepts of an element: by its codings, and by its words those that its systems do not code."""
        if type(value) is Concept and type(value.coding) is list and len(value.coding) == 1:  # as most are coded
            coding = value.coding[0]
            found, known_system = self._lookup[coding.system, coding.code]
            if known_system and (coding.display == value.text or not value.text):
                beyond = self._beyond[coding.display, coding.system] if coding.display else NONE
                return found | beyond if beyond else found
        else:
            found, known_system = self.coded(value)
        if not known_system:
            return found or self.said(texts(value))
        systems = dict.fromkeys(coding.system for coding in codings(value))
        return found.union(*(self._beyond[text, *systems] for text in texts(value)))

    def _said_beyond(self, text: str, *systems: str | None) -> frozenset[str]:
        """Name the concepts that a text states and none of these code systems could: no list of theirs holds them."""
        canonical = self._vocabulary.codes.systems.canonical
        known = {canonical(system) for system in systems if system}
        coded_in = self._vocabulary.codes.systems_of
        return frozenset(c for c in self._vocabulary.phrases.concepts(text) if known.isdisjoint(coded_in.get(c, NONE)))

    def said(self, words: Iterable[str | None]) -> frozenset[str]:
        """Name the concepts that texts state."""
        return NONE.union(*(self._vocabulary.phrases.concepts(text) for text in words if text))

    def feared(self, value: Concepts) -> frozenset[str]:
        """Name the concepts of an element by its codings and its words, those included that the words only suspect."""
        words = (self._vocabulary.phrases.feared(text) for text in texts(value))
        return self.coded(value)[0].union(*words)

    def drugs(self, value: Concepts) -> frozenset[str]:
        """Name the classes of a drug: by its codings and by the ingredients that its words name.

        Both, since codes of products are seldom listed and the ingredient stands in their display.
        """
        return NONE if value is None else self._classes[_spelled(value),]

    def _drugs(self, spelled: _Spelled) -> frozenset[str]:
        codes, words = spelled
        if not words:  # some systems write the name of the drug where its code belongs
            words = tuple(code for _, code in codes if code and _IS_NAME.fullmatch(code))
        classes = (self._lookup[system, code][0] for system, code in codes)
        return NONE.union(*classes, *(self._vocabulary.drugs.concepts(text) for text in words))

    def names_place(self, concept: str, elements: Iterable[Concepts]) -> bool:
        """Whether the words of some element name the leg, or the place in it, where the concept itself does not."""
        vocabulary = self._vocabulary
        named: set[str] = set()
        if concept in vocabulary.needs_leg or concept in vocabulary.unless_elsewhere:
            for element in elements:
                for words in map(words_of, texts(element)):
                    named.update(words, map(" ".join, pairwise(words)))
            if not vocabulary.leg.isdisjoint(named):
                return True
            if not vocabulary.elsewhere.isdisjoint(named):
                return False
            return concept in vocabulary.unless_elsewhere or not vocabulary.limb.isdisjoint(named)
        places = vocabulary.needs_words.get(concept, NONE)
        if not places:
            return True
        return any(not places.isdisjoint(words_of(text)) for element in elements for text in texts(element))

    def side(self, elements: Iterable[Concepts]) -> str:
        """Say which side the words of elements name: `left`, `right` or `both`; empty where they name none."""
        words = {word for element in elements for text in texts(element) for word in words_of(text)}
        named = {side for word, side in self._vocabulary.sides.items() if word in words}
        return named.pop() if len(named) == 1 else "both" if named else ""

    # --- results (DS-17) -----------------------------------------------------------------------------------------

    def tests(self, code: Concepts) -> frozenset[str]:
        """Name what a result is of: by its codings, else by a code without a system, else by its exact name.

        The name also says of a coded result what no code says: that a systolic pressure is one lying, or standing.
        """
        if type(code) is Concept and type(code.coding) is list and len(code.coding) == 1:  # as most results are coded
            coding = code.coding[0]
            return self._tested[coding.system, coding.code, coding.display, code.text]
        return self._tests(code)

    def _tests(self, code: Concepts) -> frozenset[str]:
        found, known_system = self.coded(code)
        if found or known_system:
            return found.union(*map(self._named_only, texts(code)))
        for coding in codings(code):
            if not coding.system and coding.code and (names := self._unsystematic(coding, code)):
                return names
        return self.tests_named(code)

    def _tests_of_one(
        self, system: str | None, code: str | None, display: str | None, text: str | None
    ) -> frozenset[str]:
        return self._tests(Concept(coding=[Coding(system, code, display)], text=text))

    def tests_named(self, code: Concepts) -> frozenset[str]:
        """Name what a result is of by its exact name alone."""
        return frozenset(name for text in texts(code) if (name := self._analyte_named(text)))

    def _named_only(self, text: str) -> frozenset[str]:
        """Name the analyte whose exact name a text is, where no code of any system is known for it."""
        name = self._analyte_named(text)
        return NONE if name is None or name in self._vocabulary.codes.systems_of else frozenset({name})

    def as_part(self, code: Concepts, whole: Concepts, names: frozenset[str]) -> Concepts:
        """Give what a component is of: where its words name only a side, or the test again, its panel says the rest.

        Args:
            code: of the component.
            whole: the code of the panel.
            names: what the panel is of.
        """
        if not names or codings(code):
            return code
        said = texts(code)
        words = {word for text in said for word in words_of(text)}
        only_side = not words.isdisjoint(self._vocabulary.sides) and words <= {
            *self._vocabulary.sides,
            *self._vocabulary.leg,
            *self._vocabulary.limb,
        }
        if not only_side and not self.tests_named(code) & names:
            return code
        displays = [Coding(None, None, text) for text in texts(whole)]
        return Concept(coding=[*codings(whole), *displays][:MOST], text=" ".join(said))

    def _unsystematic(self, coding: Coding, code: Concepts) -> frozenset[str]:
        """Accept a LOINC code without its system only when the words name the same analyte."""
        meant, _ = self._lookup[_LOINC, coding.code]
        analytes = self._vocabulary.analytes
        codes, words = _spelled(code)
        return frozenset(
            name for name in meant if name in analytes and self._names(name, words, self._use(analytes[name], codes))
        )

    def recognised(self, name: str, code: Concepts) -> Recognised:
        """Say how far a result may be taken for one of an analyte."""
        return self._judged[name, _spelled(code)]

    def _recognised(self, name: str, spelled: _Spelled) -> Recognised:
        codes, words = spelled
        analyte = self._vocabulary.analytes[name]
        use = self._use(analyte, codes)
        # The code system's own name of a code agrees with it, though it may begin like the name of another analyte.
        own_name = any(_folded(text) == _folded(use.display) for text in words)
        others = {self._analyte_named(text) for text in words} - {None}
        return Recognised(
            analyte=analyte,
            use=use,
            coded=any(name in self._lookup[system or _LOINC, code][0] for system, code in codes),
            named=self._names(name, words, use),
            contradicted=bool(others) and name not in others and not own_name,
        )

    def _use(self, analyte: Analyte, codes: _Codes) -> CodeUse:
        for spelling, code in codes:
            system = self._vocabulary.codes.systems.canonical(spelling) if spelling else _LOINC
            if system and code and (use := analyte.uses.get((system, code.strip()))):
                return use
        return CodeUse()

    def _analyte_named(self, text: str) -> str | None:
        """Find the analyte whose exact name a text is, a LOINC name's `[property] in specimen` aside."""
        folded = _folded(text)
        return self._vocabulary.names.get(folded) or self._vocabulary.names.get(folded.partition(" [")[0])

    def _names(self, name: str, words: tuple[str, ...], use: CodeUse) -> bool:
        """Whether the words of a code name an analyte: as its code system does, exactly, or as a longer name begins."""
        return any(_folded(text) == _folded(use.display) or self._is_name(text, name) for text in words)

    def _is_name(self, text: str, name: str) -> bool:
        exactly = self._analyte_named(text)
        if exactly:
            return exactly == name
        folded = _folded(text)
        known = self._vocabulary.analytes[name].names
        return any(folded.startswith(start) and not folded[len(start) : len(start) + 1].isalnum() for start in known)


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def _spelled(value: Concepts) -> _Spelled:
    """Give the codings and the words of an element as they were written: what its meaning hangs on."""
    if type(value) is Concept and type(value.coding) is list and not value.value and value.concept is None:
        inside = value.coding[:MOST]  # the usual shape
        said = dict.fromkeys([value.text, value.display, *[coding.display for coding in inside]])
        return tuple([(c.system, c.code) for c in inside]), tuple([text for text in said if text])
    return tuple([(coding.system, coding.code) for coding in codings(value)]), tuple(texts(value))


@cache
def recogniser(vocabulary: Vocabulary) -> Recogniser:
    """Give the one recogniser of a vocabulary."""
    return Recogniser(vocabulary)
