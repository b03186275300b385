"""The review pages say what is executed."""

from pathlib import Path

import pytest

from cds.export.pages import pages

FOLDER = Path(__file__).parents[2] / "docs" / "knowledge"
PAGES = dict(pages())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_not_stale(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `legwork pages docs/knowledge`"


def test_no_page_is_left_of_what_is_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_a_page_is_ready_to_be_signed() -> None:
    page = PAGES["iron.md"]

    for part in ("For whom:", "## Limits", "## Codes", "## Sources", "## Known gaps", "## Cases", "## Signature"):
        assert part in page
    assert "| just below 15: depleted stores | depleted-stores (warning) |" in page
