"""Text on its way into a card."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.text import SUMMARY_LIMIT, escaped, plain, shortened


@pytest.mark.parametrize(
    ("chart", "card"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("[click](http://evil.example)", r"\[click\](http\://evil.example)"),
        ("www.evil.example", r"www\.evil.example"),
        ("**bold** `code` a|b ~x~", r"\*\*bold\*\* \`code\` a\|b \~x\~"),
        ("# heading", r"\# heading"),
        ("1. item", r"1\. item"),
        ("8.3 mg/dL", "8.3 mg/dL"),
        ("a & b", "a &amp; b"),
        ("line\nbreak", "line break"),
    ],
)
def test_chart_text_is_only_text_in_markdown(chart: str, card: str) -> None:
    assert escaped(chart) == card


@given(st.text(max_size=400))
def test_escaped_text_holds_no_tag_and_no_line_break(text: str) -> None:
    card = escaped(text)

    assert "<" not in card
    assert ">" not in card
    assert "\n" not in card


@given(st.text(max_size=600))
def test_a_summary_has_fewer_than_140_utf_16_units(text: str) -> None:
    assert len(shortened(text).encode("utf-16-le")) // 2 <= SUMMARY_LIMIT


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), max_size=SUMMARY_LIMIT))
def test_a_short_summary_is_left_alone(text: str) -> None:
    assert shortened(text) == text


def test_a_long_summary_is_cut_at_a_word() -> None:
    assert shortened("leg " * 60) == ("leg " * 34).strip() + "…"


def test_characters_beyond_the_basic_plane_count_twice() -> None:
    assert len(shortened("🦵" * 100).encode("utf-16-le")) // 2 <= SUMMARY_LIMIT


def test_invisible_characters_are_dropped() -> None:
    assert plain("a\u202eb\u200bc\x00d") == "abc d"
