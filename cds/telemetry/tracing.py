"""Traces, by OpenTelemetry: FastAPI makes the span of a call, we those of what is fetched for it.

They go out where the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT (or its like for traces) is set, and
cost next to nothing elsewhere. https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import importlib.util
import logging
import os
from collections.abc import Collection, MutableMapping
from contextlib import AbstractContextManager
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace

from cds.telemetry.requests import Handled

_ASKED_FOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer = trace.get_tracer("legwork")
_log = logging.getLogger(__name__)


def config(paths: Collection[str]) -> TelemetryConfig:
    """Say what FastAPI may tell: nothing of exceptions, whose words may hold data, and of no address but these.

    It writes down path and query as they were sent, and of other addresses nobody knows what that is.
    """
    if not is_installed() and wanted():
        _log.warning("traces are asked for by OTEL_EXPORTER_OTLP_ENDPOINT, but the extra `otel` is not installed")

    def is_odd(scope: MutableMapping[str, Any]) -> bool:
        return scope.get("path") not in paths or bool(scope.get("query_string"))

    return TelemetryConfig(
        tracing=True, metrics=False, logs=False, operation_spans=False, auto_configure=is_installed(), exclude=is_odd
    )


def wanted() -> bool:
    """Whether the environment asks for traces."""
    return any(os.environ.get(name) for name in _ASKED_FOR)


def is_installed() -> bool:
    """Whether what sends them is there."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def describe(handled: Handled) -> None:
    """Say in the span of a call by which id the log knows it, and whose it is."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(
            {
                "legwork.correlation": handled.id,
                "legwork.client": handled.client,
                "legwork.cards": handled.cards,
                "legwork.plans": [f"{spoke.plan} {spoke.version} {spoke.fate}" for spoke in handled.spoke],
            }
        )


def fetching(key: str) -> AbstractContextManager[trace.Span]:
    """Give the span of what is fetched under a prefetch key."""
    return _tracer.start_as_current_span(
        f"fetch {key}", kind=trace.SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    )
