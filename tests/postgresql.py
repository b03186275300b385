"""A PostgreSQL server of our own: made in a temporary folder, on a free loopback port, and gone afterwards."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAME = "postgresql"
_LONGEST_START = 60
_SWIFT = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


class NotInstalled(Exception):
    """The machine has no PostgreSQL."""


def _program(name: str) -> str:
    """Find a program of PostgreSQL: Debian keeps them off the path."""
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        raise NotInstalled("PostgreSQL is not installed (on Debian: apt install postgresql)")
    return found


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Give the address of an empty database.

    Raises:
        NotInstalled: the machine has no PostgreSQL.
    """
    initdb, control = _program("initdb"), _program("pg_ctl")
    owner = {"user": "nobody"} if os.geteuid() == 0 else {}  # the server refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="legwork-postgresql-", dir="/tmp"))  # where another user can reach it
    if owner:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, log = folder / "data", folder / "log"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **owner)  # type: ignore[call-overload]  # noqa: S603

    try:
        run(initdb, "--pgdata", str(data), "--auth=trust", "--username=legwork", "--no-sync", "--encoding=UTF8")
        options = f"-h 127.0.0.1 -p {port} -k {folder} " + " ".join(f"-c {one}" for one in _SWIFT)
        run(control, "start", "-D", str(data), "-w", "-t", str(_LONGEST_START), "-l", str(log), "-o", options)
        try:
            yield f"postgresql://legwork@127.0.0.1:{port}/postgres"
        finally:
            run(control, "stop", "-D", str(data), "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
