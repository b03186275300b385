"""The review pages say what is executed."""

import re
from collections import Counter
from pathlib import Path

import pytest

from cds.export.pages import pages
from cds.reasoning.review import meanings
from cds.services import plans

FOLDER = Path(__file__).parents[2] / "docs" / "knowledge"
PAGES = dict(pages())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_not_stale(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `legwork pages docs/knowledge`"


def test_no_page_is_left_of_what_is_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_a_page_is_ready_to_be_signed() -> None:
    page = PAGES["iron.md"]

    for part in (
        "For whom:",
        "## At a glance",
        "- [ferritin]: Ferritin with its unit",
        "## Terms",
        "## Limits",
        "## Why a clinician may set the card aside",
        "## Sources",
        "## Known gaps",
        "## Changes\n\n- 0.1.0, 2026-11-22: First draft.",
        "## Draft orders",
        "## Codes",
        "## Cases",
        "## Signature",
        "Iron 0.1.0, draft; files ",
    ):
        assert part in page
    assert "| just below 15: depleted stores | depleted-stores (warning) |" in page


def test_a_name_stands_for_one_thing_in_a_plan() -> None:
    """A reviewer looks a term up once."""
    double = {
        plan.topic: names
        for plan in plans()
        if (names := [n for n, times in Counter(name for name, _ in meanings(plan)).items() if times > 1])
    }

    assert double == {}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_another_page_leads_somewhere(name: str) -> None:
    lost = [
        f"{page}#{anchor}"
        for page, anchor in re.findall(r"\]\(([a-z0-9]+\.md)#?([^)]*)\)", PAGES[name])
        if page not in PAGES or (anchor and f"\n### {anchor}\n" not in PAGES[page])
    ]

    assert lost == []


def test_tables_have_as_many_cells_in_every_row() -> None:
    for name, text in PAGES.items():
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(widths) == 1, f"{name}: {table[:200]}"


def test_retired_codes_are_named() -> None:
    assert "| `11554-3` | Deprecated Magnesium [Molecules/volume] in Serum or Plasma |" in PAGES["index.md"]
    assert re.search(r"- `11554-3` .*; retired\)", PAGES["codes.md"])
