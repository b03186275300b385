"""What the service is measured against, each in a process of its own: other ways to read the very same bodies.

Every function here runs in such a process and gives the CPU time of one reading of one body [s], the mean of a few.
"""

import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from typing import Any, ParamSpec, TypeVar

import msgspec
import orjson

from cds.app import warm_up
from cds.chart.chart import Chart
from cds.fhir import prefetch
from cds.fhir.record import PatientRecord
from cds.fhir.resources import AnyResource, Patient
from cds.hooks.request import read_request
from cds.services import REVIEW, assess, knowledge, needs
from cds.settings import load_settings

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """A process that does what it is given, one thing after the other; it starts afresh and shares nothing with us."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it there, and wait."""
        return self._pool.submit(function, *args, **kwargs).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


def _mean_cpu(read: Callable[[bytes], object], bodies: Sequence[bytes], calls: int) -> float:
    """Time so many readings of each body with the collector off, after one that does not count."""
    gc.collect()
    gc.disable()
    for body in bodies:
        read(body)
    start = time.process_time()
    for _ in range(calls):
        for body in bodies:
            read(body)
    spent = time.process_time() - start
    gc.enable()
    return spent / (calls * len(bodies))


def untyped(bodies: Sequence[bytes], calls: int) -> float:
    """R: `orjson.loads`, every value an object."""
    return _mean_cpu(orjson.loads, bodies, calls)


class _Entry(msgspec.Struct, gc=False):
    resource: AnyResource


class _Bundle(msgspec.Struct, gc=False, tag="Bundle", tag_field="resourceType"):
    entry: list[_Entry] = []


class _Call(msgspec.Struct, gc=False):
    prefetch: dict[str, Patient | _Bundle]


def typed(bodies: Sequence[bytes], calls: int) -> float:
    """T: one typed decode of all resources into the structures that the service reads them into."""
    return _mean_cpu(msgspec.json.Decoder(_Call).decode, bodies, calls)


def validated(bodies: Sequence[bytes], calls: int) -> float:
    """The long way: `orjson.loads`, then every resource through the models of fhir.resources."""
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - the other processes do not need it

    def read(body: bytes) -> list[object]:
        values = orjson.loads(body)["prefetch"].values()
        resources = [r for value in values for r in ([e["resource"] for e in value.get("entry", ())] or [value])]
        return [get_fhir_model_class(resource["resourceType"]).model_validate(resource) for resource in resources]

    return _mean_cpu(read, bodies, calls)


def weighed(bodies: Sequence[bytes], calls: int, today: date) -> float:
    """All plans together on a chart that nobody has asked yet: facts are read as they are reached."""
    if not gc.get_freeze_count():
        warm_up(load_settings())  # the service's own treatment of the collector
    spent = 0.0
    for _ in range(calls):
        for body in bodies:
            chart = _chart(body, today)
            start = time.process_time()
            assess(chart)
            spent += time.process_time() - start
    return spent / (calls * len(bodies))


def _chart(body: bytes, today: date) -> Chart:
    call = read_request(body, REVIEW)
    record = PatientRecord(knowledge().vocabulary, call.patient_id, today)
    prefetch.read_patient(call.prefetch, record)
    supply = prefetch.Supply()
    for _ in prefetch.read(call.prefetch, needs(), record, supply):
        pass
    if record.patient is None:
        raise ValueError("the made-up body holds no readable patient")
    return Chart(today, record.patient, record, supply.unknown_areas(needs()))
