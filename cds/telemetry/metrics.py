"""Figures: plain numbers while calls are answered, put into Prometheus' words when somebody asks for them.

Each worker process has its own. https://prometheus.io/docs/practices/naming/
"""

import platform
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from cds.telemetry.requests import Handled

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets of durations [s]; an answer has half a second."""

_FIRST_ERROR = 400

Gauges = Callable[[], Mapping[str, float]]
"""Gives, when asked, figures that others keep: name -> value; those that end in _total only grow."""

KEPT_BY_OTHERS = {
    "legwork_large_calls_in_hand": "Large calls that are being read or wait for it.",
    "legwork_records_waiting": "Records of calls that wait for the database.",
    "legwork_records_kept_total": "Records of calls that were written down.",
    "legwork_records_lost_total": "Records of calls that could not be written down.",
    "legwork_looks_missed_total": "Cards that came without a look at what was seen before.",
    "legwork_database_failures_total": "Times that the database was not to be had.",
}
"""Figures that others keep: name -> what it is."""


@dataclass(slots=True)
class Durations:
    """How long something took."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(_BOUNDS, seconds)] += 1
        self.sum += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Give the buckets, each with those below it, as Prometheus has them."""
        total, found = 0, []
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Metrics(Collector):
    """The figures of this process."""

    def __init__(self, loaded: Callable[[], Iterable[tuple[str, str, str]]]) -> None:
        """Take what gives the plans that are loaded: topic, version and status."""
        self.in_hand = 0
        self._loaded = loaded
        self._others: list[Gauges] = []
        self._calls: Counter[tuple[str, ...]] = Counter()
        self._rejections: Counter[tuple[str, ...]] = Counter()
        self._feedback: Counter[tuple[str, ...]] = Counter()
        self._plans: Counter[tuple[str, ...]] = Counter()
        self._failed: Counter[tuple[str, ...]] = Counter()
        self._unknown: Counter[tuple[str, ...]] = Counter()
        self._left_out: Counter[tuple[str, ...]] = Counter()
        self._fetches: Counter[tuple[str, ...]] = Counter()
        self._durations: defaultdict[str, Durations] = defaultdict(Durations)
        self._fetching = Durations()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def add(self, gauges: Gauges) -> None:
        """Take in figures that others keep."""
        self._others.append(gauges)

    def count(self, handled: Handled) -> None:
        """Count a request of a service, or one that was refused."""
        if handled.status >= _FIRST_ERROR:
            self._rejections[str(handled.status), handled.code] += 1
        if not handled.service:
            return
        self._calls[handled.service, handled.client, str(handled.status)] += 1
        self._durations[handled.service].add(handled.seconds)
        for spoke in handled.spoke:
            self._plans[spoke.plan, spoke.version, spoke.fate] += 1
        for area in handled.unknown:
            self._unknown[area,] += 1
        if handled.feedback:
            self._feedback[handled.service,] += handled.feedback
        for plan in handled.failed:
            self._failed[plan,] += 1
        for reason, count in handled.left_out.items():
            self._left_out[reason,] += count
        if handled.fetched is not None:
            self._fetching.add(handled.fetched.seconds)
            for key, reason in handled.fetched.keys.items():
                self._fetches[key, reason or "whole"] += 1

    def page(self) -> bytes:
        """Give all figures, as Prometheus reads them."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Put the figures into Prometheus' words."""
        build = {"version": version("legwork-cds"), "python": platform.python_version()}
        yield _gauge("legwork_build", "The release that runs; always 1.", [(tuple(build.values()), 1)], tuple(build))
        yield _gauge(
            "legwork_plan_loaded",
            "Plans that are weighed; always 1.",
            [(plan, 1) for plan in self._loaded()],
            ("plan", "version", "status"),
        )
        yield _gauge("legwork_calls_in_hand", "Requests that are being answered.", [((), self.in_hand)])
        yield _counter(
            "legwork_calls", "Answers of services, feedback among them.", self._calls, "service", "client", "status"
        )
        yield _durations("legwork_call_duration_seconds", "From the request to its answer.", self._durations, "service")
        yield _counter(
            "legwork_rejections", "Requests answered by an error: why, of a token the claim.", self._rejections,
            "status", "code",
        )  # fmt: skip
        yield _counter(
            "legwork_plan_advice", "Plans that advised, and what became of it.", self._plans, "plan", "version", "fate"
        )
        yield _counter("legwork_plan_failures", "Plans that broke down.", self._failed, "plan")
        yield _counter("legwork_unknown", "Areas of the chart that were not to be had.", self._unknown, "area")
        yield _counter("legwork_left_out", "Resources that were left out.", self._left_out, "reason")
        yield _counter(
            "legwork_fetches", "Keys asked of FHIR servers: whole, or why not.", self._fetches, "key", "outcome"
        )
        yield _durations("legwork_fetch_duration_seconds", "All that was fetched for a call.", {"": self._fetching})
        yield _counter("legwork_feedback_entries", "Cards that feedback was on.", self._feedback, "service")
        for gauges in self._others:
            for name, value in gauges().items():
                if name.endswith("_total"):
                    yield _counter(name.removesuffix("_total"), KEPT_BY_OTHERS[name], {(): value})
                else:
                    yield _gauge(name, KEPT_BY_OTHERS[name], [((), value)])


def _counter(name: str, words: str, counts: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    family = CounterMetricFamily(name, words, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family


def _gauge(
    name: str, words: str, values: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...] = ()
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


def _durations(name: str, words: str, durations: Mapping[str, Durations], *labels: str) -> Metric:
    family = HistogramMetricFamily(name, words, labels=labels)
    for of, one in sorted(durations.items()):
        family.add_metric([of] if labels else [], one.buckets(), one.sum)
    return family
