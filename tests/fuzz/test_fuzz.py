"""What was made to break the reader: kept inputs, calls that are made to cost, and bytes that nobody thought of."""

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contract.calls import SERVICES
from tests.contract.shapes import fully_valid
from tests.fuzz.hostile import ADDRESSES, HOSTILE

CORPUS = Path(__file__).with_name("corpus")
ROOT = Path(__file__).parents[2]
SIZE = 1_000_000
BOUND = 5
"""Seconds that any one answer may take on a busy machine; before they were mended, these took minutes."""
LARGEST_ANSWER = 100_000
"""An answer is a few cards, whatever was sent [By]."""


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_no_work_grows_with_the_square_of_what_a_caller_sends(client, make):
    """CH-Z-11, Z-15, N-01."""
    made = make(SIZE)
    start = time.perf_counter()

    response = client.post(ADDRESSES[made["hook"]], json=made)

    assert time.perf_counter() - start < BOUND
    assert response.status_code == 200
    fully_valid(response, ADDRESSES[made["hook"]])
    assert len(response.content) < LARGEST_ANSWER


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_once_broke_something_is_answered(client, path):
    """CH-G-01 to G-07, Z-06, Z-13."""
    for address in SERVICES.values():
        fully_valid(client.post(address, content=path.read_bytes()), address)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is made for Linux on x86-64 only")
def test_bytes_that_nobody_thought_of_are_answered(tmp_path):
    """CH-Z-06: the same at each run; `python -m tests.fuzz.reader` goes on for longer."""
    shutil.copytree(CORPUS, tmp_path / "corpus")
    options = ["-runs=4000", "-seed=20260102", "-max_len=4096", "-timeout=20"]
    command = [sys.executable, "-m", "tests.fuzz.reader", *options, f"-artifact_prefix={tmp_path}/", "corpus"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}

    done = subprocess.run(  # noqa: S603 - ours
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 0, done.stderr[-4000:]
