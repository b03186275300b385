"""Finding concepts in free text: whole-word phrases, unless the sentence takes them back.

Used only for what the codes of a resource cannot say. Which phrases mean what and which cues negate is knowledge (value
sets and negation.toml); here is only the matching.
"""

import re
from collections.abc import Iterable
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
    _by_first: dict[str, list[Phrase]] = field(default_factory=dict)

    def add(self, phrase: Phrase) -> None:
        """Make a phrase known."""
        self._by_first.setdefault(phrase.words[0], []).append(phrase)

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
            for at, phrase in self._phrases(words):
                if phrase.needs_any and not phrase.needs_any.intersection(words):
                    continue
                if phrase.unless_any.intersection(words):
                    continue
                if phrase.concept not in found and not _taken_back(words, at, at + len(phrase.words), cues):
                    found.add(phrase.concept)
        return frozenset(found)

    def _phrases(self, words: list[str]) -> Iterable[tuple[int, Phrase]]:
        for at, word in enumerate(words):
            for phrase in self._by_first.get(word, ()):
                if tuple(words[at : at + len(phrase.words)]) == phrase.words:
                    yield at, phrase


def _taken_back(words: list[str], start: int, end: int, cues: Cues) -> bool:
    return _holds(words[:start], cues.before) or _holds(words, cues.anywhere) or tuple(words[end:]) in cues.after


def _holds(words: list[str], cues: tuple[tuple[str, ...], ...]) -> bool:
    return any(tuple(words[at : at + len(cue)]) == cue for cue in cues for at in range(len(words)))


def phrases(
    concept: str, texts: Iterable[str], needs_any: Iterable[str] = (), unless_any: Iterable[str] = ()
) -> list[Phrase]:
    """Make the phrases of one concept; of a company such as "lower limb", the last word is looked for."""
    needed, barred = (frozenset(words_of(text)[-1] for text in company) for company in (needs_any, unless_any))
    return [Phrase(tuple(words_of(text)), concept, needed, barred) for text in texts if words_of(text)]
