"""FHIR servers as they are: the real one that the tests start, or those that `make integration` is told of.

`make integration FHIR_SERVERS="https://hapi.fhir.org/baseR4 https://r4.smarthealthit.org"`
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.calls import fixture_patients
from tests.servers.sekmet import sekmet

SERVERS = os.environ.get("FHIR_SERVERS", "").split()
PATIENCE = 300
"""For how long a server on the internet may keep us [s]."""


@pytest.fixture(scope="module", params=SERVERS or ["local"])
def report(request: Any, tmp_path_factory: Any) -> Iterator[dict[str, Any]]:
    """What `legwork check` finds on a server."""
    if request.param != "local":
        yield _checked(request.param)
        return
    with sekmet(tmp_path_factory.mktemp("fhir"), fixture_patients()[:5]) as server:
        yield _checked(server.base)


def _checked(base: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "cds.cli", "check", "--fhir-server", base, "--sample", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603 - ours
    if "could not be reached" in done.stderr or "no answer within" in done.stderr:
        pytest.skip(f"NO FHIR SERVER AT {base}: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_server_speaks_a_version_that_is_read(report):
    assert report["capability"]["fhir_version"].startswith(("3.", "4.", "5."))


def test_every_patient_of_the_sample_can_be_judged(report):
    assert report["problems"] == []


def test_each_template_is_answered_or_known_to_be_lacking(report):
    silent = {
        (answer["key"], answer["reason"])
        for judged in report["patients"]
        for answer in judged["answers"]
        if answer["reason"] and answer["key"] not in report["capability"]["lacking"]
    }

    assert silent == set()


def test_no_patient_is_named(report):
    assert {judged["name"] for judged in report["patients"]} == {""}
