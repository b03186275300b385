"""What is measured, how often, and what the goals are."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from statistics import mean, median
from tempfile import TemporaryDirectory

from benchmarks import fetching, floors, reasoning
from benchmarks.load import call_at_rate
from benchmarks.report import Result, shown
from benchmarks.service import Caller, Service, ServiceError, running
from benchmarks.worker import Worker

SIZES = SMALL, USUAL, LARGE = 100, 1_000, 5_000
"""Resources in a body [1]: 0.1, 1 and 5 MB."""
VARIANTS = 3

_POSTS = {SMALL: 20, USUAL: 4, LARGE: 1}
_READS = {SMALL: 30, USUAL: 4, LARGE: 1}
"""Posts and readings of each variant in a round [1]: about a tenth of a second's worth."""

_SMALL_RATE, _LARGE_RATE = 50.0, 2.0
"""Calls of 100 and of 5,000 resources while they compete [1/s]."""

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
FEW_SEARCHES, ALL_SEARCHES = 6, 14
_FETCH_GOAL = 1.3
"""A few searches at once against the time that the FHIR server takes for one, wall [1]."""
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
        validations: how many of the rounds include the slow way by fhir.resources [1].
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
    phases: int = 5
    phase: float = 3.0

    @property
    def steps(self) -> int:
        """How many steps the progress display counts."""
        return self.rounds * 5 + 1 + self.starts + 2 * self.phases + 1


QUICK = Extent(rounds=3, validations=1, starts=1, calls_after=10, phases=3, phase=1.5)


class _Pairs:
    """A cost and what it is held against, measured side by side, round by round."""

    def __init__(self) -> None:
        self._pairs: list[tuple[float, float]] = []

    def add(self, cost: float, floor: float) -> None:
        """Take in a round's pair, both in one unit."""
        self._pairs.append((cost, floor))

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios [1]."""
        return median(cost / floor for cost, floor in self._pairs)

    @property
    def cost(self) -> float:
        """The median cost."""
        return median(cost for cost, _ in self._pairs)

    @property
    def floor(self) -> float:
        """The median of what it is held against."""
        return median(floor for _, floor in self._pairs)


def measure(usual: Bodies, talkative: Bodies, today: date, extent: Extent, step: Step) -> Iterator[Result]:
    """Measure everything, in the order of the table; what has no patient of its own, on the talkative ones.

    Args:
        usual: calls about patients like most, by which the goals of CPU are meant.
        talkative: calls about patients of whom several topics speak.
        today: the day of the calls.
        extent: how much is measured.
        step: tells of the progress.

    Raises:
        ServiceError: the service did not start or did not answer.
    """
    with running() as service:
        yield from _calls(service, usual, extent, step)
        yield from _talkative_calls(service, talkative, extent, step)
        yield from _plans(usual, talkative, today, extent, step)
        yield from _tail(service, talkative, extent, step)
    yield from _recording(talkative, extent, step)
    yield from _fetch(extent, step)
    yield from _fresh(talkative, extent, step)


def _calls(service: Service, bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Hold a call's CPU against a bare parse of its body, and a full validation of it against the call."""
    calls = {size: _Pairs() for size in bodies}
    validations = {size: _Pairs() for size in bodies}
    caller = service.caller()
    with Worker() as plain, Worker() as long_way:
        for number in range(extent.rounds):
            for size, variants in bodies.items():
                spent, floor = _cpu_and_floor(service, caller, plain, size, variants)
                calls[size].add(spent, floor)
                if number < extent.validations:
                    validations[size].add(long_way.run(floors.validated, variants[:1], 1), spent)
            step("CPU of a call")
    for size, pairs in calls.items():
        yield _cpu(f"CPU of a call, {size:,} resources", pairs, _cards(caller, bodies[size]), goal=_CPU_GOALS[size])
    for size, pairs in validations.items():
        detail = f"fhir.resources on each {_ms(pairs.cost)}"
        yield Result(name=f"Full validation to a call, {size:,}", value=pairs.ratio, unit="×", detail=detail)


def _talkative_calls(service: Service, bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Measure the same where there is much to say, and as much for each size: so that only the resources grow."""
    calls, caller = {size: _Pairs() for size in bodies}, service.caller()
    resources = _Pairs()
    cards = {size: _cards(caller, variants) for size, variants in bodies.items()}
    if any(counts.startswith("0") for counts in cards.values()):
        raise ServiceError("the service has no advice for a made-up patient who should get some")
    with Worker() as plain:
        for _ in range(extent.rounds):
            spent = {}
            for size, variants in bodies.items():
                spent[size], floor = _cpu_and_floor(service, caller, plain, size, variants)
                calls[size].add(spent[size], floor)
            resources.add(spent[LARGE] / LARGE, spent[USUAL] / USUAL)
            step("CPU of a talkative patient's call")
    for size, pairs in calls.items():
        yield _cpu(f"- of a talkative patient, {size:,}", pairs, cards[size])
    detail = f"{resources.cost * 1e6:.1f} us, {resources.floor * 1e6:.1f} us"
    name = f"CPU of one of {LARGE:,} to one of {USUAL:,}"
    yield Result(name=name, value=resources.ratio, unit="×", goal=_GROWTH_GOAL, detail=detail)


def _cpu(name: str, pairs: _Pairs, cards: str, goal: float | None = None) -> Result:
    detail = f"{_ms(pairs.cost)}, {cards} cards; R {_ms(pairs.floor)}"
    return Result(name=name, value=pairs.ratio, unit="R", goal=goal, detail=detail)


def _cards(caller: Caller, variants: Sequence[bytes]) -> str:
    counts = [caller.cards(body) for body in variants]
    return str(min(counts)) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _cpu_and_floor(
    service: Service, caller: Caller, plain: Worker, size: int, variants: Sequence[bytes]
) -> tuple[float, float]:
    """Give the CPU time of a call, and of a bare parse of its body before and after [s]."""
    before = plain.run(floors.untyped, variants, _READS[size])
    spent = _cpu_of_call(service, caller, variants, _POSTS[size])
    return spent, mean((before, plain.run(floors.untyped, variants, _READS[size])))


def _cpu_of_call(service: Service, caller: Caller, variants: Sequence[bytes], times: int) -> float:
    """Give the CPU time that the service needs for a call [s], the mean over the variants."""
    start = service.cpu()
    for _ in range(times):
        for body in variants:
            caller.post(body)
    return (service.cpu() - start) / (times * len(variants))


def _plans(usual: Bodies, talkative: Bodies, today: date, extent: Extent, step: Step) -> Iterator[Result]:
    """Hold all plans together against a typed decode of the body."""
    asked = (("CPU of all plans", usual, _PLANS_GOAL), ("- of a talkative patient", talkative, None))
    for name, bodies, goal in asked:
        plans, variants = _Pairs(), bodies[USUAL]
        with Worker() as plain, Worker() as thinker:
            thinker.run(reasoning.weighed, variants, 5, today)
            for _ in range(extent.rounds):
                before = plain.run(floors.typed, variants, 10)
                spent = thinker.run(reasoning.weighed, variants, 10, today)
                plans.add(spent, mean((before, plain.run(floors.typed, variants, 10))))
                step("CPU of the plans")
        detail = f"{_ms(plans.cost)}; T {_ms(plans.floor)}"
        yield Result(name=f"{name}, {USUAL:,} resources", value=plans.ratio, unit="T", goal=goal, detail=detail)


def _tail(service: Service, bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Hold the slowest small calls beside large ones against the slowest of small calls alone."""
    slowest, usual = _Pairs(), _Pairs()
    large: list[float] = []
    with Worker() as frequent, Worker() as rare:
        small_calls = partial(call_at_rate, service.port, bodies[SMALL], _SMALL_RATE)
        large_calls = partial(call_at_rate, service.port, bodies[LARGE], _LARGE_RATE)
        rare.run(large_calls, 1.0)
        frequent.run(small_calls, 1.0)
        for _ in range(extent.phases):
            alone = frequent.run(small_calls, extent.phase)
            step("Small calls alone")
            others = rare.begin(large_calls, extent.phase)
            beside = frequent.run(small_calls, extent.phase)
            large += others.result()
            slowest.add(p99(beside), p99(alone))
            usual.add(median(beside), median(alone))
            step("Small calls beside large ones")
    detail = f"{_ms(slowest.cost)}, {_ms(slowest.floor)}; medians {_ms(usual.cost)}, {_ms(usual.floor)}"
    name = "p99 of small calls beside large to alone"
    yield Result(name=name, value=slowest.ratio, unit="×", goal=_TAIL_GOAL, detail=detail)
    detail = f"slowest of {len(large)}: {_ms(max(large))}"
    yield Result(name="Median of large calls beside small", value=median(large) * 1e3, unit="ms", detail=detail)


def _recording(bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Hold calls that are written down in SQLite against calls that are not."""
    sizes = (SMALL, USUAL)
    pairs = {size: _Pairs() for size in sizes}
    with TemporaryDirectory() as folder:
        settings = {"LEGWORK_DATABASE": f"sqlite:///{folder}/legwork.db", "LEGWORK_PATIENT_KEY": f"{folder}/key"}
        with running() as plain, running(**settings) as recording:
            for number in range(extent.rounds + 1):
                for size in sizes:
                    usual, recorded = (
                        _cpu_of_call(service, service.caller(), bodies[size], 2 * _POSTS[size])
                        for service in (plain, recording)
                    )
                    if number:  # the first of each is slow
                        pairs[size].add(recorded, usual)
                step("Recording")
    for size in sizes:
        detail = f"{_ms(pairs[size].cost)}, {_ms(pairs[size].floor)} without"
        yield Result(name=f"A call that is recorded, {size:,}", value=pairs[size].ratio, unit="×", detail=detail)


def _fetch(extent: Extent, step: Step) -> Iterator[Result]:
    """Hold searches that are asked all at once against the time that the slowest of them takes."""
    with Worker() as server, Worker() as service:
        port = fetching.free_port()
        serving = server.begin(fetching.serve, port)
        fetching.wait(port)
        for searches in (FEW_SEARCHES, ALL_SEARCHES):
            wall, spent = service.run(fetching.fetched, port, searches, 10 * extent.rounds)
            detail = f"{_ms(wall)}, of these {_ms(spent)} CPU; a search {_ms(fetching.SLOW)}"
            goal = _FETCH_GOAL if searches == FEW_SEARCHES else None
            yield Result(
                name=f"{searches} searches to one", value=wall / fetching.SLOW, unit="×", goal=goal, detail=detail
            )
        fetching.stop(port)
        serving.result()
    step("Searches")


def p99(latencies: Sequence[float]) -> float:
    """Give the latency that one in a hundred exceeds [s]."""
    return sorted(latencies)[math.ceil(len(latencies) * 0.99) - 1]


def _fresh(bodies: Bodies, extent: Extent, step: Step) -> Iterator[Result]:
    """Watch fresh processes: how soon they are ready, their first call, and what large calls leave behind."""
    started: list[float] = []
    first = _Pairs()
    warm = after = 0.0
    for number in range(extent.starts):
        with running() as service:
            started.append(service.started_in)
            caller = service.caller()
            opening = caller.timed(bodies[USUAL][0])
            first.add(opening, median(caller.timed(bodies[USUAL][n % VARIANTS]) for n in range(extent.calls_after)))
            if number == extent.starts - 1:
                warm = service.resident()
                for n in range(extent.large_calls):
                    caller.post(bodies[LARGE][n % VARIANTS])
                after = service.resident()
        step("Fresh processes")
    detail = f"{_ms(first.cost)}, {_ms(first.floor)}"
    yield Result(
        name="First call of a process to later ones", value=first.ratio, unit="×", goal=_FIRST_CALL_GOAL, detail=detail
    )
    name = f"Memory after {extent.large_calls} calls of 5 MB"
    yield Result(name=name, value=after, unit="MiB", goal=_MEMORY_GOAL, detail="RSS")
    detail = f"{warm:.0f} MiB after {extent.calls_after + 1} of 1 MB"
    name = "Memory after them to before"
    yield Result(name=name, value=after / warm, unit="×", goal=_MEMORY_GROWTH_GOAL, detail=detail)
    yield Result(name="Start until ready", value=median(started), unit="s", detail=f"median of {extent.starts}")


def _ms(seconds: float) -> str:
    return f"{shown(seconds * 1e3)} ms"
