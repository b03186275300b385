"""The log: lines that machines can read, and no words but our own."""

import asyncio
import io
import json
import logging

import pytest

from cds.telemetry import logs, requests
from cds.telemetry.requests import Fetched, Handled, Spoke

SECRET = "Nachtwander"


@pytest.fixture(params=["text", "json"])
def stream(request):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up(request.param, stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_the_words_of_an_exception_are_never_written_but_its_kind_and_place(stream):
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("cds.x").exception("it failed")

    assert "it failed" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_the_words_of_other_libraries_are_never_written_but_where_they_were_said(stream):
    logging.getLogger("somebody.else").error("cannot read %s", SECRET)

    assert "somebody.else" in stream.getvalue()
    assert "test_logs:" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_a_task_that_nobody_waited_for_tells_nothing(stream):
    async def fail():
        raise ValueError(SECRET)

    async def forget():
        asyncio.ensure_future(fail())  # noqa: RUF006 - to be forgotten is its purpose
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(forget())

    assert SECRET not in stream.getvalue()


def test_others_are_not_heard_below_a_warning(stream):
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    logging.getLogger("httpx").info("GET https://%s.example", SECRET)
    logging.getLogger("httpx").setLevel(logging.NOTSET)

    assert stream.getvalue() == ""


def test_a_line_cannot_be_forged(stream):
    logging.getLogger("cds.x").info("said %s", "x\nERROR forged")

    assert len(stream.getvalue().splitlines()) == 1
    assert "forged" not in stream.getvalue()


def test_a_request_is_one_line_with_all_that_is_told_of_it(stream):
    handled = Handled(
        service="leg-ache-review",
        client="ehr",
        status=200,
        spoke=[Spoke("iron", "0.1.0", "shown")],
        fetched=Fetched(0.02, 500, {"labs": "", "orders": "not fetched in time"}),
    )

    logs.tell(handled)

    (line,) = stream.getvalue().splitlines()
    assert all(
        word in line for word in (handled.id, "leg-ache-review", "ehr", "iron 0.1.0 shown", "not fetched in time")
    )


@pytest.mark.parametrize("stream", ["json"], indirect=True)
def test_lines_of_json_hold_numbers_and_lists(stream):
    handled = Handled(service="s", status=503, seconds=0.0123, left_out={"entry could not be read": 2}, size=7)

    logs.tell(handled)

    line = json.loads(stream.getvalue())
    assert (line["level"], line["status"], line["ms"], line["bytes"]) == ("ERROR", 503, 12.3, 7)
    assert line["left_out"] == {"entry could not be read": 2}
    assert line["correlation"] == handled.id
    assert "plans" not in line


def test_what_is_said_within_a_request_bears_its_id(stream):
    async def one():
        handled = requests.begin()
        logging.getLogger("cds.x").warning("said")
        return handled.id

    id_ = asyncio.run(one())

    assert id_ in stream.getvalue()
