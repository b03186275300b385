"""`legwork build-sheet`: what is typed in at an EHR is what the service says of itself."""

import json

import pytest
from typer.testing import CliRunner, Result

from cds.cli import app
from cds.cli.terminal import BAD_INPUT

KINDS = ("generic", "epic", "oracle", "sandbox")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"LEGWORK_PUBLIC_URL": "https://legwork.example.org"})


def _discovered() -> list[dict]:
    services: list[dict] = json.loads(_run("discovery").stdout)["services"]
    return services


@pytest.mark.parametrize("kind", KINDS)
def test_each_prefetch_row_stands_as_discovery_states_it(kind):
    sheet = _run("build-sheet", "--client", kind).stdout

    for key, template in _discovered()[0]["prefetch"].items():
        assert f"| {key} | `{template}` |" in sheet


@pytest.mark.parametrize(
    ("kind", "hooks"),
    [
        ("generic", {"patient-view", "encounter-start", "order-select", "order-sign"}),
        ("epic", {"patient-view", "order-select", "order-sign"}),
        ("oracle", {"patient-view"}),
        ("sandbox", {"patient-view", "order-select", "order-sign"}),
    ],
)
def test_only_hooks_that_the_client_has_are_named(kind, hooks):
    sheet = _run("build-sheet", "--client", kind).stdout

    named = {one["hook"] for one in _discovered() if f"`https://legwork.example.org/cds-services/{one['id']}`" in sheet}
    assert named == hooks


def test_the_words_of_the_kind_of_client_are_in():
    assert "Discovery is not read" in _run("build-sheet", "--client", "epic").stdout


def test_an_unknown_kind_is_refused_in_words():
    result = _run("build-sheet", "--client", "abacus")

    assert result.exit_code == BAD_INPUT
    assert "generic, epic, oracle, sandbox" in result.output
