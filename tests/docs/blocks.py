"""The code blocks of the documentation, and a folder in which they can be tried without harm.

A block marked `console` is run: lines that begin with `$ ` are commands, the others are what they print, where `...`
at the end of a line stands for anything. A block with a title is a file of that name, written before the commands
after it. All other blocks only have to be what they say they are.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted({ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")})
_BLOCK = re.compile(r"^( *)```(\w*)(?: title=\"([^\"]+)\")?[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_ADDRESS = "127.0.0.1:8000"
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Give the blocks of a page, from top to bottom."""
    for indent, language, title, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        yield Block(language, title, re.sub(f"^{indent}", "", text, flags=re.MULTILINE))


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Give each command of a `console` block, and what it prints by the page."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
        yield "\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :]).strip()


def fits(said: str, printed: str) -> bool:
    """Whether what a command printed is what the page says."""
    lines = [re.sub(r"\\\.\\\.\\\.$", ".*", re.escape(line.rstrip())) for line in said.splitlines()]
    found = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch("\n".join(lines), found, re.DOTALL) is not None


@dataclass(slots=True)
class Checkout:
    """A copy of the project in which commands may change what they like."""

    folder: Path
    address: str = _ADDRESS
    environment: Mapping[str, str] = field(default_factory=dict)

    def lay_out(self) -> None:
        """Copy what commands may change, link the rest, and let `.venv/bin/legwork` run the copy."""
        for path in ROOT.iterdir():
            if path.name in {"cds", "cards", "docs"}:
                subprocess.run(["cp", "-R", path, self.folder], check=True)  # noqa: S603, S607 - our own folders
            elif not path.name.startswith((".", "build", "dist")):
                (self.folder / path.name).symlink_to(path)
        binaries = self.folder / ".venv" / "bin"
        binaries.mkdir(parents=True)
        python, copy = shlex.quote(sys.executable), shlex.quote(str(self.folder))
        for name, run in (("legwork", "-m cds.cli "), ("python", "")):
            (binaries / name).write_text(f'#!/bin/sh\nPYTHONPATH={copy} exec {python} {run}"$@"\n')
            (binaries / name).chmod(0o755)

    def write(self, block: Block) -> None:
        """Write a block with a title."""
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of a page, against the service that listens in place of the usual one."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LEGWORK_", "PYTHON"))}
        return subprocess.run(  # noqa: S603 - what our pages say
            ["bash", "-c", command.replace(_ADDRESS, self.address)],  # noqa: S607 - likewise
            cwd=self.folder,
            env={**own, "COLUMNS": "80", **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
