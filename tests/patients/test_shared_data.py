"""Patients of public data sets, where they lie beside the checkout: nothing breaks, and nothing changes unseen."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.patients.reading import EXPECTED, REGENERATE, digest, name_of, shared_files

FILES = shared_files()
pytestmark = pytest.mark.skipif(
    not FILES, reason="the shared patient data are not beside this checkout (../shared/data)"
)


@pytest.fixture(scope="module")
def expected() -> Any:
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES or [Path()], ids=name_of if FILES else None)
def test_a_file_gives_what_was_written_down(path: Path, expected: Any) -> None:
    assert digest(path) == expected.get(name_of(path)), f"if this is meant, write it down: {REGENERATE}"


def test_every_file_that_was_written_down_is_there(expected: Any) -> None:
    assert sorted(expected) == [name_of(path) for path in FILES]
