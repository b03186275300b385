"""What a call is measured against: other ways to read the very same bodies, each in a process of its own.

Every reading gives the CPU time of one body [s], the mean of several.
"""

import gc
import time
from collections.abc import Callable, Sequence

import msgspec
import orjson

from cds.fhir.resources import AnyResource, Patient


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
    """T: one decode of everything into the structures that the service reads resources into."""
    return _mean_cpu(msgspec.json.Decoder(_Call).decode, bodies, calls)


def validated(bodies: Sequence[bytes], calls: int) -> float:
    """The long way: `orjson.loads`, then every resource through its model of fhir.resources."""
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - the other readings need no models

    def read(body: bytes) -> list[object]:
        values = orjson.loads(body)["prefetch"].values()
        resources = [r for value in values for r in _resources(value)]
        return [get_fhir_model_class(resource["resourceType"]).model_validate(resource) for resource in resources]

    return _mean_cpu(read, bodies, calls)


def _resources(value: dict[str, object]) -> list[dict[str, object]]:
    if value["resourceType"] != "Bundle":
        return [value]
    entries = value.get("entry", [])
    return [entry["resource"] for entry in entries] if isinstance(entries, list) else []


def _mean_cpu(read: Callable[[bytes], object], bodies: Sequence[bytes], calls: int) -> float:
    """Time so many readings of each body with the collector off, after one of each that does not count."""
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
