"""What the documentation tells people to do works, and prints what it says."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.contract.test_server import free_port, start, wait_for
from tests.docs.blocks import PAGES, ROOT, Block, Checkout, blocks, commands, fits

WITH_COMMANDS = [page for page in PAGES if any(block.language == "console" for block in blocks(page))]
LANGUAGES = {"console", "json", "python", "sh", "text", "toml", "yaml"}
PARSED: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    port = free_port()
    checkout = Checkout(tmp_path, address=f"127.0.0.1:{port}")
    checkout.lay_out()
    with start("--port", str(port), LEGWORK_PUBLIC_URL="http://127.0.0.1:8000") as service:
        try:
            wait_for(port, service)
            slips = [slip for block in blocks(page) for slip in _tried(block, checkout)]
        finally:
            service.terminate()
            service.communicate(timeout=15)

    assert slips == []


def _tried(block: Block, checkout: Checkout) -> list[str]:
    if block.title:
        checkout.write(block)
    if block.language != "console":
        return []
    slips = []
    for command, said in commands(block):
        done = checkout.run(command)
        if done.returncode != 0 or not fits(said, done.stdout):
            slips.append(f"{command}\n-- exit {done.returncode}, printed:\n{done.stdout}\n-- by the page:\n{said}")
    return slips


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_names_a_language_and_is_of_it(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, block.text
        if block.language == "python":
            compile(block.text, str(page), "exec")
        PARSED.get(block.language, str)(block.text)


def test_the_release_holds_the_files_that_its_install_reads() -> None:
    install = next(block.text for block in blocks(ROOT / "docs/operators.md") if "SHA256SUMS" in block.text)
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ndist:")[2].partition("\n\n")[0]

    wanted = re.findall(r"(?:--check|-r) (\S+)", install)
    assert len(wanted) == 2
    assert [file for file in wanted if not re.search(rf"(?:dist/|>){re.escape(file)}(?!\S)", recipe)] == []


@pytest.mark.parametrize(
    ("said", "printed", "is_so"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nc", "a\nb\nb\nc\n", True),
        ("a: ...\nc", "a: b\nc\n", True),
        ("a", "a\nb\n", False),
        ("a (1)", "a (1)", True),
        ("", "", True),
    ],
)
def test_three_dots_at_the_end_of_a_line_stand_for_anything(said: str, printed: str, is_so: bool) -> None:
    assert fits(said, printed) is is_so
