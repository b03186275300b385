"""Ten thousand calls, fifty at a time: `python -m benchmarks.soak [--calls N] [--at-once N]`.

Each body is sent many times, among them large ones and such as are made to cost, so that what is held is what the
service keeps, and not what it is busy with. Exit code 1 means that a call was lost or memory grew.
"""

import argparse
import itertools
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from statistics import median

from rich.console import Console

from benchmarks.bodies import hook_call
from benchmarks.measures import LARGE, SMALL, USUAL, p99
from benchmarks.report import Result, show, shown
from benchmarks.service import Caller, Service, ServiceError, running

_PHASES = 10
"""Parts after each of which memory is looked at."""
_WARM_PHASES = 2
"""Parts after which the service is as warm as it gets."""
_GROWTH_GOAL = 1.1
"""RSS in the end against RSS warm [1]."""
_SMALL = 89
"""Small calls in a hundred."""
_ALONE = 200
"""Calls one after the other, which the load is held against."""


def main() -> int:
    """Make the calls, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Hold many calls for long.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=50)
    options = parser.parse_args()
    today = datetime.now(UTC).date()
    # One in a hundred is large, as one patient is whose record goes back for decades; one in ten is usual.
    bodies = [hook_call(SMALL, n, today, talkative=True) for n in range(_SMALL)] + [
        hook_call(USUAL, n, today, talkative=True) for n in range(10)
    ]
    bodies.append(hook_call(LARGE, 0, today, talkative=True))
    try:
        with running() as service:
            results = soak(service, bodies, options.calls, options.at_once)
    except ServiceError as error:
        Console(stderr=True).print("soak:", str(error), markup=False, highlight=False)
        return 1
    show(results, Console())
    return int(any(result.is_missed for result in results))


def soak(service: Service, bodies: Sequence[bytes], calls: int, at_once: int) -> list[Result]:
    """Make so many calls, so many at once.

    Raises:
        ServiceError: one was not answered with 200.
    """
    small = bodies[:_SMALL]
    caller = service.caller()
    alone = [caller.timed(body) for body in itertools.islice(itertools.cycle(small), _ALONE)]
    own = threading.local()

    def connect() -> None:
        own.caller = Caller(service.port)

    def call(number: int) -> tuple[bool, float]:
        place = number % len(bodies)
        return place < _SMALL, own.caller.timed(bodies[place])

    latencies: list[tuple[bool, float]] = []
    held: list[float] = []
    start = time.perf_counter()
    with ThreadPoolExecutor(at_once, initializer=connect) as pool:
        for _ in range(_PHASES):
            latencies += pool.map(call, range(calls // _PHASES))
            held.append(service.resident())
    spent = time.perf_counter() - start
    warm, after = max(held[:_WARM_PHASES]), held[-1]
    small_calls = [latency for is_small, latency in latencies if is_small]
    first = f"{_ms(p99(small_calls))}, {_ms(p99(alone))}; medians {_ms(median(small_calls))}, {_ms(median(alone))}"
    made = "one in ten of 1 MB, one in 100 of 5 MB"
    return [
        Result(
            name=f"{len(latencies):,} calls, {at_once} at a time", value=len(latencies) / spent, unit="/s", detail=made
        ),
        Result(name="Calls lost", value=float(calls // _PHASES * _PHASES - len(latencies)), unit="", goal=0.0),
        Result(name="p99 of small calls to alone", value=p99(small_calls) / p99(alone), unit="×", detail=first),
        Result(name="Memory in the end", value=after, unit="MiB", detail=", ".join(f"{one:.0f}" for one in held)),
        Result(name="Memory in the end to warm", value=after / warm, unit="×", goal=_GROWTH_GOAL),
    ]


def _ms(seconds: float) -> str:
    return f"{shown(seconds * 1e3)} ms"


if __name__ == "__main__":
    sys.exit(main())
