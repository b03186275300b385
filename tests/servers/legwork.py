"""The service itself as processes of its own, as it is deployed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from cds.settings import Settings

ROOT = Path(__file__).parents[2]
START = 60
"""For how long a start may take on a busy machine [s]."""
STOP = 30
"""For how long a stop may take there [s]."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running service.

    Attributes:
        process: its process.
        port: where it listens on loopback.
    """

    process: subprocess.Popen[bytes]
    port: int
    _log: IO[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False)

    def wait_until_heard(self) -> None:
        """Wait until what was sent before is being read: connections are accepted in their order."""
        with self.client() as client:
            assert client.get("/health").status_code == httpx.codes.OK

    def said(self) -> str:
        """Give what it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def resident(self) -> float:
        """Give the memory that it holds (RSS) [MiB]."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def stop(self) -> int:
        """Ask it to stop, and give its exit code once it has."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP)

    def kill(self) -> None:
        """End it at once, as a machine does that runs out of memory."""
        self.process.kill()
        self.process.wait(STOP)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def environment(settings: Settings) -> dict[str, str]:
    """Give the variables that tell another process of these settings."""
    given = settings.model_dump(include=settings.model_fields_set)
    return {f"LEGWORK_{name.upper()}": str(value) for name, value in given.items()}


@contextmanager
def serving(settings: Settings | None = None) -> Iterator[Running]:
    """Run the service, wait until it is ready, and stop it in the end."""
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEGWORK_")}
    told = {**own, **(environment(settings) if settings else {}), "LEGWORK_PORT": str(port)}
    command = [sys.executable, "-m", "cds.cli", "serve"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - ours
        running = Running(process, port, log)
        try:
            _wait(running)
            yield running
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP)
            if process.poll() is None:
                running.kill()


def _wait(running: Running) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and running.process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", running.port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the service did not start: {running.said()}")
