"""The service in a process of its own: started on a free loopback port, called over HTTP, watched through /proc."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cds.services import REVIEW

HOST = "127.0.0.1"
_PATH = f"/cds-services/{REVIEW.id}"
_LONGEST_START = 60.0
"""How long a start may take before it counts as failed [s]."""
_CPU_CLOCK = 2
"""Linux's number for the clock of the CPU time of a process, dead threads included: clock_getcpuclockid(3)."""


class ServiceError(Exception):
    """The service did not start, or did not answer as it should."""


class Caller:
    """One connection to the service."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def post(self, body: bytes) -> bytes:
        """Make one hook call and give the answer.

        Raises:
            ServiceError: the answer is not 200.
        """
        self._connection.request("POST", _PATH, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != http.HTTPStatus.OK:
            raise ServiceError(f"a hook call was answered {response.status}: {answer[:300]!r}")
        return answer

    def timed(self, body: bytes) -> float:
        """Make one hook call and give its wall time [s]."""
        start = time.perf_counter()
        self.post(body)
        return time.perf_counter() - start

    def is_ready(self) -> bool:
        """Whether /ready answers."""
        try:
            self._connection.request("GET", "/ready")
            response = self._connection.getresponse()
            response.read()
        except OSError:
            self._connection.close()
            return False
        return response.status == http.HTTPStatus.OK


class Service:
    """A running service; leaving the context stops it."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.started_in = 0.0
        """Wall time from the start of the process until /ready answered [s]."""
        self._log: IO[bytes] = tempfile.TemporaryFile()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the service and wait until it is ready.

        Raises:
            ServiceError: it ended, or took too long.
        """
        command = [sys.executable, "-m", "cds.cli", "serve", "--host", HOST, "--port", str(self.port)]
        start = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)  # noqa: S603 - our own command
        caller = Caller(self.port)
        try:
            while not caller.is_ready():
                if self._process.poll() is not None or time.perf_counter() - start > _LONGEST_START:
                    raise ServiceError(f"the service did not start:\n{self._said()}")
                time.sleep(0.005)
        except BaseException:
            self._stop()
            raise
        self.started_in = time.perf_counter() - start
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Stop the service."""
        self._stop()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")[-2000:]

    def caller(self) -> Caller:
        """Open a connection to it."""
        return Caller(self.port)

    def cpu(self) -> float:
        """Give the CPU time, user and system, that the service has used so far [s]."""
        return sum(time.clock_gettime((~pid << 3) | _CPU_CLOCK) for pid in self._tree())

    def resident(self) -> float:
        """Give the memory that the service holds (RSS) [MiB]."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in self._tree())
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def _tree(self) -> list[int]:
        """List the process and all that descend from it."""
        if self._process is None:
            return []
        pids = [self._process.pid]
        for pid in pids:  # grows while it is walked
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                pids.extend(map(int, children.read_text(encoding="ascii").split()))
        return pids


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
