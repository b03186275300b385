"""What docs/operators.md says of backup and restore brings everything back."""

import os
import subprocess
import sys

import pytest

from tests.audit.conftest import Deployed
from tests.contract.calls import call
from tests.docs.blocks import ROOT, blocks

SCRIPTS = {block.title: block.text for block in blocks(ROOT / "docs/operators.md") if block.title}


@pytest.fixture
def folder(tmp_path):
    """Give a folder with the scripts of the page, beside the programs that they call."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in (("legwork", f'{sys.executable} -m cds.cli "$@"'), ("python3", f'{sys.executable} "$@"')):
        (programs / name).write_text(f"#!/bin/sh\nPYTHONPATH={ROOT} exec {words}\n")
        (programs / name).chmod(0o755)
    made = tmp_path / "service"
    made.mkdir()
    return made


def run(folder, script, *arguments):
    environment = {**os.environ, "PATH": f"{folder.parent / 'programs'}:{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603 - what our page says
        ["sh", "-c", SCRIPTS[script], script, *arguments],  # noqa: S607 - likewise
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_service_is_restored_from_its_backup_with_an_unbroken_trail(folder, monkeypatch):
    deployed = Deployed(folder, monkeypatch)
    deployed.post(call(), call())
    backup = run(folder, "backup.sh").strip()
    deployed.post(call())
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()

    said = run(folder, "restore.sh", backup)

    assert "2 entries, as they were written" in said
    (answer,) = deployed.post(call())
    assert answer.status_code == 200
    assert "3 entries" in deployed.run("audit", "verify")[1]
