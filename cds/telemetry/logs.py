"""The log: a line for each request and each trouble, as text for people or as JSON for machines.

Two rules hold it clean, whoever writes: the words of exceptions are never written, only their kinds and places; and of
other libraries neither, since nobody here knows what they put in. uvicorn's are: it speaks of sockets and signals.
"""

import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

import msgspec

from cds.telemetry.requests import Handled, correlation

Form = Literal["text", "json"]

_OURS = ("cds", "cards")
_SPEAK_OF_NO_CALL = ("uvicorn",)
_MOST_STEPS = 6
_log = logging.getLogger(__name__)


def set_up(form: Form, stream: TextIO | None = None) -> logging.Handler:
    """Write the log to a stream, standard error by default, from now on and nothing else anywhere."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines() if form == "text" else JsonLines())
    handler.addFilter(_is_worth_it)
    # What no line tells need not be found out: https://docs.python.org/3/howto/logging.html#optimization.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    return handler


def _is_worth_it(record: logging.LogRecord) -> bool:
    """Others are heard from warnings on: below that they tell headers and addresses."""
    return _of(record, _OURS) or record.levelno >= logging.WARNING


def _of(record: logging.LogRecord, names: tuple[str, ...]) -> bool:
    return record.name.partition(".")[0] in names


def _told(record: logging.LogRecord) -> dict[str, Any]:
    """Give what is written of a record beside its time."""
    handled: Handled | None = getattr(record, "handled", None)
    told: dict[str, Any] = {"level": record.levelname, "logger": record.name}
    if about := handled.id if handled else correlation():
        told["correlation"] = about
    if handled is not None:
        return told | {"message": "answered"} | of_request(handled)
    told["message"] = _words(record)
    if record.exc_info and record.exc_info[1] is not None:
        told["error"] = type(record.exc_info[1]).__name__
        told["at"] = _steps(record.exc_info[1].__traceback__)
    return told


def _words(record: logging.LogRecord) -> str:
    if _of(record, _OURS + _SPEAK_OF_NO_CALL):
        return record.getMessage().partition("\n")[0]
    return f"said at {record.module}:{record.lineno}; the words of other libraries are not written here"


def _steps(traceback: TracebackType | None) -> list[str]:
    """Name the last steps to where something was raised."""
    steps = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        steps.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return steps[-_MOST_STEPS:]


def of_request(handled: Handled) -> dict[str, Any]:
    """Give what is written of a request; what is empty is left out."""
    told = {
        "status": handled.status,
        "ms": round(handled.seconds * 1e3, 2),
        "service": handled.service,
        "instance": handled.instance,
        "client": handled.client,
        "bytes": handled.size,
        "code": handled.code,
        "reason": handled.reason,
        "cards": handled.cards,
        "feedback": handled.feedback,
        "plans": [f"{spoke.plan} {spoke.version} {spoke.fate}" for spoke in handled.spoke],
        "failed": handled.failed,
        "unknown": handled.unknown,
        "left_out": handled.left_out,
        "not_fetched": handled.obstacle,
    }
    if fetched := handled.fetched:
        told["fetched"] = {"ms": round(fetched.seconds * 1e3, 2), "bytes": fetched.size, "keys": fetched.keys}
    return {name: value for name, value in told.items() if value}


def tell(handled: Handled) -> None:
    """Write the line of a request."""
    server_error = 500
    level = logging.ERROR if handled.status >= server_error else logging.INFO
    # Made by hand, as there is one for each call: logging would first look for who speaks.
    if _log.isEnabledFor(level):
        record = logging.LogRecord(_log.name, level, __file__, 0, "%s", (handled,), None)
        record.handled = handled
        _log.handle(record)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return msgspec.json.encode({"time": moment, **_told(record)}).decode()


class Lines(logging.Formatter):
    """One line of text; where an exception was raised stands at its end."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        if (handled := getattr(record, "handled", None)) is not None:
            return f"{record.levelname} {handled}"
        told = _told(record)
        about = f"{told['correlation']} " if "correlation" in told else ""
        where = f": {told['error']} at {', '.join(reversed(told['at']))}" if "error" in told else ""
        return f"{record.levelname} {about}{record.name} {told['message']}{where}"
