"""The service in a process of its own: started on a free loopback port, called over HTTP, watched through /proc."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import orjson

from cds.services import REVIEW

_HOST = "127.0.0.1"
_PATH = f"/cds-services/{REVIEW.id}"
_LONGEST_START = 60.0
"""How long a start may take before it counts as failed [s]."""
_LONGEST_STOP = 5.0
"""How long a stop may take before it is forced [s]."""
_LONGEST_IDLE = 2.0
"""How long a connection may lie idle before a new one is opened: the service drops it after a few more [s]."""
_CPU_CLOCK = 2
"""Linux's number for the clock of a process's CPU time, ended threads included: clock_getcpuclockid(3)."""


class ServiceError(Exception):
    """The service did not start, or did not answer as it should."""


class Caller:
    """One connection to the service."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(_HOST, port, timeout=30)
        self._used = 0.0

    def post(self, body: bytes) -> bytes:
        """Make one hook call and give the answer.

        Raises:
            ServiceError: there is no answer, or it is not 200.
        """
        if time.perf_counter() - self._used > _LONGEST_IDLE:
            self._connection.close()
        try:
            self._connection.request("POST", _PATH, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"a hook call was not answered: {error}") from error
        self._used = time.perf_counter()
        if response.status != HTTPStatus.OK:
            raise ServiceError(f"a hook call was answered {response.status}: {answer[:300]!r}")
        return answer

    def cards(self, body: bytes) -> int:
        """Make one hook call and count the cards of the answer."""
        return len(orjson.loads(self.post(body))["cards"])

    def timed(self, body: bytes) -> float:
        """Make one hook call and give its wall time [s]."""
        start = time.perf_counter()
        self.post(body)
        return time.perf_counter() - start

    def finds_ready(self) -> bool:
        """Whether /ready answers."""
        try:
            self._connection.request("GET", "/ready")
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return response.status == HTTPStatus.OK


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    Attributes:
        pid: of its first process.
        port: where it listens.
        started_in: wall time from the start of the process until /ready answered [s].
    """

    pid: int
    port: int
    started_in: float

    def caller(self) -> Caller:
        """Open a connection to it."""
        return Caller(self.port)

    def cpu(self) -> float:
        """Give the CPU time, user and system, that it has used so far [s]."""
        return sum(time.clock_gettime((~pid << 3) | _CPU_CLOCK) for pid in self._tree())

    def resident(self) -> float:
        """Give the memory that it holds (RSS) [MiB]."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in self._tree())
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def _tree(self) -> list[int]:
        """List its first process and all that descend from it."""
        pids = [self.pid]
        for pid in pids:  # grows while it is walked
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                pids.extend(map(int, children.read_text(encoding="ascii").split()))
        return pids


@contextmanager
def running(**settings: str) -> Iterator[Service]:
    """Start the service with these settings, wait until it is ready, and stop it in the end.

    Raises:
        ServiceError: it ended by itself, or took too long to start.
    """
    port = _free_port()
    command = [sys.executable, "-m", "cds.cli", "serve", "--host", _HOST, "--port", str(port)]
    environment = {**os.environ, **settings}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:  # noqa: S603 - ours
        try:
            caller = Caller(port)
            while not caller.finds_ready():
                if process.poll() is not None or time.perf_counter() - start > _LONGEST_START:
                    log.seek(0)
                    raise ServiceError(f"the service did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.005)
            yield Service(process.pid, port, time.perf_counter() - start)
        finally:
            process.terminate()
            try:
                process.wait(_LONGEST_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
