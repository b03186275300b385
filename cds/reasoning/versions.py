"""The version lock: what every knowledge folder held when its version was given.

A change of knowledge without a new version would let the same version mean two things; `versions.lock` is compared in
the tests and written by `legwork lock`.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

from cds.errors import KnowledgeError

LOCK = "versions.lock"
_SHARED = "shared"
"""The version of folders that have no plan of their own: each of their files carries its own."""


def folders(root: Path) -> Iterator[Path]:
    """Give the folders of knowledge under a root."""
    return (path for path in sorted(root.iterdir()) if path.is_dir() and any(path.rglob("*.toml")))


def fingerprint(folder: Path) -> str:
    """Hash what a folder says: its data and its rules, not its cases."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".toml", ".py"} and path.name != "cases.toml":
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def version(folder: Path) -> str:
    """Give the version of a folder's plan."""
    plan = folder / "plan.toml"
    return str(tomllib.loads(plan.read_text(encoding="utf-8"))["version"]) if plan.is_file() else _SHARED


def current(root: Path) -> dict[str, tuple[str, str]]:
    """Give version and fingerprint of every folder as it stands."""
    return {folder.name: (version(folder), fingerprint(folder)) for folder in folders(root)}


def locked(root: Path) -> dict[str, tuple[str, str]]:
    """Give version and fingerprint of every folder as it was locked."""
    path = root / LOCK
    if not path.is_file():
        return {}
    lines = [
        line.split() for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    return {name: (number, digest) for name, number, digest in lines}


def slips(root: Path) -> list[str]:
    """Name the folders that do not agree with the lock, and what to do."""
    then, now = locked(root), current(root)
    found = [f"{name}: not in {LOCK}; run `legwork lock`" for name in sorted(now.keys() - then.keys())]
    found += [f"{name}: in {LOCK} but gone; run `legwork lock`" for name in sorted(then.keys() - now.keys())]
    for name in sorted(now.keys() & then.keys()):
        if now[name] != then[name]:
            same = now[name][0] == then[name][0] != _SHARED
            found.append(f"{name}: changed{', give it a new version' if same else ''}; then run `legwork lock`")
    return found


def write(root: Path) -> None:
    """Lock every folder as it stands.

    Raises:
        KnowledgeError: a folder changed but kept its version.
    """
    then, now = locked(root), current(root)
    unversioned = [n for n in now.keys() & then.keys() if now[n] != then[n] and now[n][0] == then[n][0] != _SHARED]
    if unversioned:
        raise KnowledgeError(f"changed without a new version in plan.toml: {', '.join(sorted(unversioned))}")
    lines = [f"{name} {number} {digest}" for name, (number, digest) in now.items()]
    (root / LOCK).write_text(
        "# folder, version, fingerprint; written by `legwork lock`\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
