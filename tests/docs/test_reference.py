"""The reference pages say what the code says."""

from pathlib import Path

import pytest

from tests.docs.reference import FOLDER, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_not_stale(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `.venv/bin/python -m tests.docs.reference`"


def test_no_page_is_left_of_what_is_gone() -> None:
    assert {path.name for path in Path(FOLDER).iterdir()} == set(PAGES)
