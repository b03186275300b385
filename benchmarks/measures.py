"""What is measured, how often, and what the goals are."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from statistics import mean, median

from benchmarks import floors, reasoning
from benchmarks.load import call_at_rate
from benchmarks.report import Result
from benchmarks.service import Service, running
from benchmarks.worker import Worker

SMALL, USUAL, LARGE = 100, 1_000, 5_000
"""Resources in a body [1]: 0.1, 1 and 5 MB."""
VARIANTS = 3

_POSTS = {SMALL: 20, USUAL: 4, LARGE: 1}
_READS = {SMALL: 30, USUAL: 4, LARGE: 1}
"""Posts and readings of each variant in a round [1]: about a tenth of a second's worth."""

_CPU_GOALS = {SMALL: 6.0, USUAL: 2.2, LARGE: 1.0}
"""CPU of the service for a call, over HTTP and with the answer [R]."""
_GROWTH_GOAL = 1.2
"""CPU for a resource among 5,000 against one among 1,000 [1]: linear, and a fifth for the caches that it outgrows."""
_PLANS_GOAL = 1.0
"""CPU of all plans [T]."""
_FIRST_CALL_GOAL = 3.0
"""The first call of a process against the median of later ones, wall [1]."""
_TAIL_GOAL = 3.0
"""p99 of small calls while large ones arrive against their p99 alone, wall [1]."""
_MEMORY_GROWTH_GOAL = 1.3
"""RSS after many large calls against RSS before, warm [1]."""
_MEMORY_GOAL = 150.0
"""RSS after many large calls [MiB]."""

Bodies = Mapping[int, Sequence[bytes]]
"""Number of resources -> the variants."""
Step = Callable[[str], None]
"""Tells the progress display that a step is done, and what comes next."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: of readings and posts in turn [1].
        validations: how many of the rounds include the slow reading by fhir.resources [1].
        starts: fresh processes [1].
        calls_after: calls that follow the first of a fresh process [1].
        large_calls: calls of 5 MB whose memory is watched [1].
        phases: phases of small calls alone, and as many beside large ones [1].
        phase: length of one [s].
    """

    rounds: int = 9
    validations: int = 3
    starts: int = 3
    calls_after: int = 20
    large_calls: int = 100
    phases: int = 3
    phase: float = 5.0

    @property
    def steps(self) -> int:
        """How many steps the progress display counts."""
        return self.rounds * 2 + self.starts + 2 * self.phases


QUICK = Extent(rounds=5, validations=1, starts=2, phases=2, phase=3.0)


def measure(bodies: Bodies, today: date, extent: Extent, step: Step) -> Iterator[Result]:
    """Measure everything, in the order of the table.

    Raises:
        ServiceError: the service did not start or did not answer.
    """
    with running() as service:
        yield from _costs(service, bodies, extent, step)
        yield from _plans(bodies[USUAL], today, extent, step)
        yield from _tail(service, bodies, extent, step)
    yield from _fresh(bodies, extent, step)


def _costs(service: Service, bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Compare a call's CPU with a bare parse of its body, and with a full validation of it."""
    cost: dict[int, list[float]] = {size: [] for size in bodies}
    floor: dict[int, list[float]] = {size: [] for size in bodies}
    full: dict[int, list[float]] = {size: [] for size in bodies}
    growth: list[float] = []
    caller = service.caller()
    with Worker() as plain, Worker() as long_way:
        for size in bodies:
            _post_all(caller.post, bodies[size], _POSTS[size])
        for number in range(extent.rounds):
            for size, variants in bodies.items():
                before = plain.run(floors.untyped, variants, _READS[size])
                start = service.cpu()
                _post_all(caller.post, variants, _POSTS[size])
                cost[size].append((service.cpu() - start) / (_POSTS[size] * len(variants)))
                floor[size].append(mean((before, plain.run(floors.untyped, variants, _READS[size]))))
                if number < extent.validations:
                    full[size].append(long_way.run(floors.validated, variants[:1], 1) / cost[size][-1])
            growth.append(cost[LARGE][-1] / LARGE / (cost[USUAL][-1] / USUAL))
            step("CPU of a call")
    for size in bodies:
        ratio = median(c / f for c, f in zip(cost[size], floor[size], strict=True))
        detail = f"{_ms(median(cost[size]))} CPU; R, orjson.loads of the body, {_ms(median(floor[size]))}"
        yield Result(
            name=f"CPU of a call, {size:,} resources", value=ratio, unit="R", goal=_CPU_GOALS[size], detail=detail
        )
    yield Result(
        name="CPU for a resource, 5,000 against 1,000", value=median(growth), unit="×", goal=_GROWTH_GOAL,
        detail=f"{median(cost[LARGE]) / LARGE * 1e6:.2f} against {median(cost[USUAL]) / USUAL * 1e6:.2f} us",
    )  # fmt: skip
    for size in bodies:
        detail = "CPU of orjson and fhir.resources on every resource, against the whole call"
        yield Result(name=f"Full validation, {size:,} resources", value=median(full[size]), unit="×", detail=detail)


def _post_all(post: Callable[[bytes], object], variants: Sequence[bytes], times: int) -> None:
    for _ in range(times):
        for body in variants:
            post(body)


def _plans(variants: Sequence[bytes], today: date, extent: Extent, step: Step) -> Iterator[Result]:
    """Compare all plans together with a typed decode of the body."""
    plans: list[float] = []
    floor: list[float] = []
    with Worker() as plain, Worker() as thinker:
        thinker.run(reasoning.weighed, variants, 5, today)
        for _ in range(extent.rounds):
            before = plain.run(floors.typed, variants, 10)
            plans.append(thinker.run(reasoning.weighed, variants, 10, today))
            floor.append(mean((before, plain.run(floors.typed, variants, 10))))
            step("CPU of the plans")
    ratio = median(p / f for p, f in zip(plans, floor, strict=True))
    detail = f"{_ms(median(plans))} CPU; T, a typed decode of the body, {_ms(median(floor))}"
    yield Result(name=f"All plans, {USUAL:,} resources", value=ratio, unit="T", goal=_PLANS_GOAL, detail=detail)


def _tail(service: Service, bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Compare the slowest small calls beside large ones with the slowest when they are alone."""
    alone: list[float] = []
    beside: list[float] = []
    large: list[float] = []
    with ExitStack() as stack:
        few, many = (stack.enter_context(Worker()) for _ in range(2))

        def small_calls(seconds: float) -> list[float]:
            return many.run(call_at_rate, service.port, bodies[SMALL], 50.0, seconds)

        few.run(call_at_rate, service.port, bodies[LARGE], 2.0, 1.0)
        small_calls(1.0)
        for _ in range(extent.phases):
            alone += small_calls(extent.phase)
            step("Small calls alone")
            others = few.begin(call_at_rate, service.port, bodies[LARGE], 2.0, extent.phase)
            beside += small_calls(extent.phase)
            large += others.result()
            step("Small calls beside large ones")
    quiet, busy = _p99(alone), _p99(beside)
    detail = f"{_ms(busy)} against {_ms(quiet)}, medians {_ms(median(beside))} and {_ms(median(alone))}, wall"
    yield Result(
        name="p99 of small calls beside large ones", value=busy / quiet, unit="×", goal=_TAIL_GOAL, detail=detail
    )
    detail = f"slowest of {len(large)}: {_ms(max(large))}, wall"
    yield Result(name="Large calls beside small ones, median", value=median(large) * 1e3, unit="ms", detail=detail)


def _p99(latencies: Sequence[float]) -> float:
    return sorted(latencies)[math.ceil(len(latencies) * 0.99) - 1]


def _fresh(bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Watch fresh processes: how soon they are ready, their first call, and what large calls leave behind."""
    started: list[float] = []
    first: list[float] = []
    later: list[float] = []
    warm = after = 0.0
    for number in range(extent.starts):
        with running() as service:
            caller = service.caller()
            started.append(service.started_in)
            first.append(caller.timed(bodies[USUAL][0]))
            later.append(median(caller.timed(bodies[USUAL][n % VARIANTS]) for n in range(extent.calls_after)))
            if number == extent.starts - 1:
                warm = service.resident()
                for n in range(extent.large_calls):
                    caller.post(bodies[LARGE][n % VARIANTS])
                after = service.resident()
        step("Fresh processes")
    ratio = median(f / m for f, m in zip(first, later, strict=True))
    detail = f"{_ms(median(first))} against {_ms(median(later))}, wall, {extent.starts} processes"
    yield Result(name="First call of a process", value=ratio, unit="×", goal=_FIRST_CALL_GOAL, detail=detail)
    name = f"Memory after {extent.large_calls} calls of 5 MB"
    yield Result(name=name, value=after, unit="MiB", goal=_MEMORY_GOAL, detail="RSS")
    detail = f"from {warm:.0f} MiB after {extent.calls_after + 1} calls of 1 MB"
    yield Result(name="… against before", value=after / warm, unit="×", goal=_MEMORY_GROWTH_GOAL, detail=detail)
    yield Result(name="Start until ready", value=median(started), unit="s", detail=f"wall, {extent.starts} processes")


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"
