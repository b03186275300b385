"""Calls at a fixed rate, however long the answers take (an open loop); runs in a process of its own."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.service import Caller

_CONNECTIONS = 16


def call_at_rate(port: int, bodies: Sequence[bytes], rate: float, seconds: float) -> list[float]:
    """Call at a fixed rate and give the latency of each call, from the moment it was due [s].

    Args:
        port: where the service listens.
        bodies: sent in turn.
        rate: calls a second [1/s].
        seconds: how long [s].
    """
    own = threading.local()

    def connect() -> None:
        own.caller = Caller(port)

    def call(body: bytes, due: float) -> float:
        own.caller.post(body)
        return time.perf_counter() - due

    start = time.perf_counter() + 0.1
    with ThreadPoolExecutor(_CONNECTIONS, initializer=connect) as pool:
        answers = []
        for number in range(int(rate * seconds)):
            due = start + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            answers.append(pool.submit(call, bodies[number % len(bodies)], due))
        return [answer.result() for answer in answers]
