"""Free text: which phrases count, and what takes them back (G-7, 2.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.chart.text import Cues, Phrasebook, phrases, words_of
from cds.services import knowledge

WORDS = st.sampled_from(
    [
        "leg",
        "pain",
        "legs",
        "ache",
        "no",
        "denies",
        "without",
        "history",
        "of",
        ",",
        ".",
        ";",
        "?",
        ":",
        "cramps",
        "mother",
        "calf",
        "swelling",
        "the",
    ]
)


def _means(text: str) -> bool:
    return "leg-ache" in knowledge().vocabulary.phrases.concepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "leg pain",
        "Leg pain",
        "LEG PAIN",
        "Leg pain at night",
        "Chronic leg pain.",
        "c/o aching legs in bed",
        "No fever. Leg pain for two weeks",
        "Fever: no\nleg pain",
        "leg pain, no swelling",
        "Leg pain; denies trauma",
        "leg pain without oedema",
        "leg\u00a0pain",
        "Aching legs!",
    ],
)
def test_a_stated_symptom_counts(text: str) -> None:
    """G-7."""
    assert _means(text)


@pytest.mark.parametrize(
    "text",
    [
        "no leg pain",
        "denies leg pain",
        "Patient denies any leg pain",
        "without leg pain",
        "not leg pain",
        "rule out leg pain",
        "r/o leg pain",
        "leg pain?",
        "? leg pain",
        "suspected leg pain",
        "history of leg pain",
        "h/o leg pain",
        "hx of leg pain",
        "Family history of leg pain",
        "father: leg pain",
        "mother has leg pain",
        "Leg pain in her sister",
        "leg pain resolved",
        "negative for leg pain",
        "leg pain ruled out",
        "never leg pain",
    ],
)
def test_a_symptom_that_is_denied_doubted_or_a_relatives_does_not(text: str) -> None:
    """G-7, 2.5."""
    assert not _means(text)


@pytest.mark.parametrize(
    "text", ["Leg pain: no", "leg pain - none", "Leg pain (denied)", "Leg pain absent", "Fever: yes. Leg pain: No."]
)
def test_a_form_filled_in_with_no_does_not_count(text: str) -> None:
    """2.5."""
    assert not _means(text)


@pytest.mark.parametrize("text", ["legpain", "legs paint", "leg", "pain", "elbow pain", "big leg painting", "", "..."])
def test_only_whole_words_in_a_row_count(text: str) -> None:
    """2.5."""
    assert not _means(text)


def test_a_phrase_may_need_company_and_may_be_spoiled_by_it() -> None:
    book = Phrasebook()
    for phrase in phrases("cramp", ["cramp"], needs_any=["calf", "lower limb"], unless_any=["menstrual"]):
        book.add(phrase)

    assert book.concepts("cramp in the calf") == {"cramp"}
    assert book.concepts("cramp of a limb") == {"cramp"}
    assert book.concepts("cramp") == frozenset()
    assert book.concepts("menstrual cramp, calf") == frozenset()
    assert book.concepts("cramp. calf") == frozenset()


def test_several_phrases_of_one_text_all_count() -> None:
    book = Phrasebook(Cues(before=(("no",),)))
    for concept in ("pain", "cramps"):
        for phrase in phrases(concept, [concept]):
            book.add(phrase)

    assert book.concepts("pain. cramps") == {"pain", "cramps"}
    assert book.concepts("pain. no cramps") == {"pain"}
    assert book.concepts("no pain. pain") == {"pain"}


def test_words_keep_their_apostrophes_and_lose_their_case() -> None:
    assert words_of("Can\u2019t keep LEGS still, r/o\tRLS") == ["can't", "keep", "legs", "still", "r", "o", "rls"]


def test_of_a_letter_only_the_beginning_is_read() -> None:
    assert not _means("x " * 2000 + "leg pain")


@given(st.lists(WORDS).map(" ".join))
def test_a_denial_in_front_takes_back_whatever_a_sentence_means(sentence: str) -> None:
    sentence = sentence.translate(str.maketrans("", "", ".;?"))

    assert knowledge().vocabulary.phrases.concepts(f"denies {sentence}") == frozenset()


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    for book in (knowledge().vocabulary.phrases, knowledge().vocabulary.drugs):
        assert book.concepts(text) <= set(knowledge().concepts)
