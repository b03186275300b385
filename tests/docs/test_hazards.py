"""The hazard log names what there is."""

import ast
import re

import pytest

from tests.docs.blocks import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs/hazards.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| H")
]


def test_every_hazard_has_a_number_of_its_own_and_no_empty_field():
    assert [row[0] for row in ROWS] == [f"H{number}" for number in range(1, len(ROWS) + 1)]
    assert {len(row) for row in ROWS} == {6}
    assert all(all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_proof_of_a_hazard_is_a_test(row):
    path, name = row[4].strip("`").split("::")

    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_holds_a_hazard_off_is_where_it_is_said_to_be(row):
    places = re.findall(r"`([^`]+)`", row[3])

    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []
