"""Finding concepts in free text: whole-word phrases, unless the sentence takes them back.

Used only for what the codes of a resource cannot say. Which phrases mean what and which cues negate is knowledge (value
sets and negation.toml); here is only the matching.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_SENTENCE = re.compile(r"[.;\n\r!]+")
_LONGEST = 2000
"""Characters read of one text [1]: a complaint is a line, not a letter; this bounds the work on hostile input."""


def words_of(text: str) -> list[str]:
    """Split a text into lower-case words."""
    return [word.lower() for word in _WORD.findall(text[:_LONGEST].replace("\u2019", "'"))]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row that mean a concept; perhaps only in company of some words, or not in that of others."""

    words: tuple[str, ...]
    concept: str
    needs_any: frozenset[str] = frozenset()
    unless_any: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cues:
    """Words that take a phrase back: `before` it, `anywhere` in its sentence, or `after` it as the sentence's last.

    `doubt` are those among them that leave it open.
    """

    before: tuple[tuple[str, ...], ...] = ()
    anywhere: tuple[tuple[str, ...], ...] = ()
    after: tuple[tuple[str, ...], ...] = ()
    doubt: frozenset[tuple[str, ...]] = frozenset()

    @property
    def denying(self) -> "Cues":
        """The cues but for doubt."""
        before, anywhere = (
            tuple(cue for cue in cues if cue not in self.doubt) for cues in (self.before, self.anywhere)
        )
        return Cues(before, anywhere, self.after)


@dataclass(slots=True)
class Phrasebook:
    """All phrases of the knowledge base, found by their first word."""

    cues: Cues = field(default_factory=Cues)
    _by_words: dict[tuple[str, ...], list[Phrase]] = field(default_factory=dict)
    _lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """First word -> how many words the phrases have that begin so."""

    def add(self, phrase: Phrase) -> None:
        """Make a phrase known."""
        self._by_words.setdefault(phrase.words, []).append(phrase)
        known = self._lengths.get(phrase.words[0], ())
        self._lengths[phrase.words[0]] = tuple(sorted({*known, len(phrase.words)}))

    def concepts(self, text: str) -> frozenset[str]:
        """Name the concepts that a text states; none that it denies, doubts or tells of a relative."""
        sentences = _SENTENCE.split(text[:_LONGEST])
        return self._stated([sentence for sentence in sentences if "?" not in sentence], self.cues)

    def feared(self, text: str) -> frozenset[str]:
        """Name the concepts that a text states, suspects or asks for."""
        return self._stated(_SENTENCE.split(text[:_LONGEST]), self.cues.denying)

    def _stated(self, sentences: Iterable[str], cues: Cues) -> frozenset[str]:
        found: set[str] = set()
        for sentence in sentences:
            words = words_of(sentence)
            said: _Sentence | None = None
            for at, phrase in self._phrases(words):
                if phrase.concept in found:
                    continue
                said = said or _Sentence(words, cues)
                if at >= said.void_from:
                    break
                if phrase.needs_any and said.holds_none(phrase.needs_any):
                    continue
                if said.holds_none(phrase.unless_any) and not said.takes_back(at + len(phrase.words)):
                    found.add(phrase.concept)
        return frozenset(found)

    def _phrases(self, words: list[str]) -> Iterable[tuple[int, Phrase]]:
        for at, word in enumerate(words):
            for length in self._lengths.get(word, ()):
                for phrase in self._by_words.get(tuple(words[at : at + length]), ()):
                    yield at, phrase


class _Sentence:
    """The words of a sentence that states something, looked through once for all that it states."""

    __slots__ = ("_after", "_all", "_words", "void_from")

    def __init__(self, words: list[str], cues: Cues) -> None:
        self._words, self._all, self._after = words, frozenset(words), cues.after
        self.void_from = 0
        """From which word on cues take everything back, whatever comes after it."""
        if next(self._ends(cues.anywhere), None) is None:
            self.void_from = min(self._ends(cues.before), default=len(words))

    def holds_none(self, company: frozenset[str]) -> bool:
        return self._all.isdisjoint(company)

    def takes_back(self, end: int) -> bool:
        """Whether the words after a phrase take it back."""
        left = len(self._words) - end
        return any(len(cue) == left and tuple(self._words[end:]) == cue for cue in self._after)

    def _ends(self, cues: tuple[tuple[str, ...], ...]) -> Iterator[int]:
        """Say where cues end."""
        for cue in cues:
            if cue[0] in self._all:
                for at, word in enumerate(self._words):
                    if word == cue[0] and tuple(self._words[at : at + len(cue)]) == cue:
                        yield at + len(cue)


def phrases(
    concept: str, texts: Iterable[str], needs_any: Iterable[str] = (), unless_any: Iterable[str] = ()
) -> list[Phrase]:
    """Make the phrases of one concept; of a company such as "lower limb", the last word is looked for."""
    needed, barred = (frozenset(words_of(text)[-1] for text in company) for company in (needs_any, unless_any))
    return [Phrase(tuple(words_of(text)), concept, needed, barred) for text in texts if words_of(text)]
