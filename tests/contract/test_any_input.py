"""Anything may arrive: what goes out is spec-valid or an error in words, never a fault of ours, and soon."""

import json
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.calls import ENCOUNTER, FIXTURES, REVIEW, call, rich, whole, with_access, with_context
from tests.contract.shapes import cards_of, fully_valid, outcome_of

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "ODD"]
PATHS = [
    "/",
    "/cds-services",
    REVIEW,
    ENCOUNTER,
    "/cds-services/x",
    "/health",
    "/ready",
    "/knowledge/rls",
    "/knowledge/x",
]
BOUND = 5
"""Seconds that any one answer may take on a busy machine."""

DEEP = 100_000
BYTES = 20_000_000


def tried(times: int) -> settings:
    """Try so many examples, the same at each run: what is found here is found again."""
    return settings(
        max_examples=times, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


class Verbatim(str):
    """A piece of text that goes into a document as it is."""

    __slots__ = ()


class Twice(dict[str, Any]):
    """An object all of whose members are written twice, the second time after the last."""


NASTY: list[Any] = [
    *(None, True, False, 0, -1, 1.5, "", " ", "x", [], {}, [None], [[]], {"": None}, {"resourceType": "Bundle"}),
    *(
        "2026-13-45",
        "9999-12-31",
        "0000-00-00",
        "9999-12-31T24:60:60+99:99",
        "-1",
        "1e9",
        "NaN",
        "\u0661",
        "é",
        "\U0001f9b5",
    ),
    *(
        "\u0000",
        "\u202e",
        "\n",
        "{0}{x!r}",
        "<script>",
        "x" * 5000,
        "Patient/p-1",
        "#",
        "urn:uuid:",
        "../..",
        "{{context.x}}",
    ),
    *map(Verbatim, ("NaN", "Infinity", "-", "1.", "01", "-0", "1e999", "-1e-999", "1e-999999999", "0." + "1" * 400)),
    *map(
        Verbatim,
        ("9" * 400, "9" * 5000, "1e400", '"\\ud800"', '"\\u0000"', "'x'", "", "[1,]", '{"a":1,}', "nul", "/**/1"),
    ),
    *map(Verbatim, ("[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" * 300 + "]" * 300)),
    *map(
        Verbatim,
        ('{"value":' * 200 + "1" + "}" * 200, '{"value":[' * 240 + "]}" * 240, '{"concept":' * 400 + "{}" + "}" * 400),
    ),
    {"value": 1e308, "unit": "ng/mL"},
    {"value": "20", "unit": 5, "comparator": "<"},
    {"coding": [None], "text": []},
    {"coding": {"code": "32914008"}, "text": "x"},
    {"reference": "Patient/p-1"},
    {"reference": 5},
    {"start": "2026", "end": "1900"},
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def written(value: Any) -> str:
    """Write a document, what is verbatim or twice in it included."""
    if isinstance(value, Verbatim):
        return str(value)
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}:{written(member)}" for name, member in value.items()]
        return "{" + ",".join(members * 2 if isinstance(value, Twice) else members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place of a document: its parent and its name or number there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in list(inner):
        yield value, key
        yield from places(member)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Take a valid call, and delete, replace, repeat, rename, wrap or swap something in a few places."""
    made = deepcopy(draw(st.sampled_from([rich(), rich(), call()])))
    for _ in range(draw(st.integers(1, 3))):
        parent, key = draw(st.sampled_from(list(places(made))))
        match draw(st.sampled_from(["delete", "replace", "replace", "twice", "add", "rename", "wrap", "swap"])):
            case "delete":
                del parent[key]
            case "replace":
                parent[key] = deepcopy(draw(st.sampled_from(NASTY) | anything))
            case "twice":
                parent[key] = Twice(parent[key]) if isinstance(parent[key], dict) else [parent[key]] * 2
            case "add" if isinstance(parent, dict):
                parent[draw(st.text())] = deepcopy(draw(st.sampled_from(NASTY)))
            case "rename" if isinstance(parent, dict):
                parent[draw(st.sampled_from(["resourceType", "entry", "id", "code"]))] = parent.pop(key)
            case "wrap":
                parent[key] = draw(
                    st.sampled_from([lambda x: [x], lambda x: {"resource": x}, lambda x: {"entry": [x]}])
                )(parent[key])
            case _:
                other, name = draw(st.sampled_from(list(places(made))))
                parent[key] = deepcopy(other[name])
    return written(made).encode("utf-8", "surrogatepass")


def answered(client: Any, method: str, path: str, body: bytes) -> None:
    """Send a request, and check the answer and the time that it took."""
    start = time.perf_counter()
    response = client.request(method, path, content=body)
    spent = time.perf_counter() - start

    fully_valid(response, path)
    assert spent < BOUND


@tried(60)
@given(method=st.sampled_from(METHODS), path=st.sampled_from(PATHS), body=st.binary(max_size=200))
def test_any_bytes_by_any_method_to_any_address(client, method, path, body):
    """CH-Z-04, Z-06, Z-09, Z-12, Z-14, G-01."""
    answered(client, method, path, body)


@tried(60)
@given(path=st.sampled_from([REVIEW, ENCOUNTER]), body=anything)
def test_any_json(client, path, body):
    """CH-Z-07, Z-13."""
    answered(client, "POST", path, json.dumps(body).encode())


@tried(40)
@given(path=st.text(max_size=30), method=st.sampled_from(METHODS))
def test_any_address(client, path, method):
    """CH-Z-04, Z-05, Z-09."""
    response = client.request(method, whole(client, f"/x{quote(path.encode(errors='replace'))}"), content=b"{}")

    assert response.status_code == 404
    fully_valid(response, path)


@tried(40)
@given(
    name=st.sampled_from(["Content-Type", "Accept", "Origin", "Host", "Authorization", "Cookie", "X-Odd"]),
    value=st.binary(),
)
def test_any_header(client, name, value):
    """CH-Q-01, Z-10, J-31: none of them decides on a call."""
    cards_of(client.post(REVIEW, json=call(), headers={name.encode(): value}))


@tried(250)
@given(body=mutated())
def test_valid_calls_with_something_changed(client, body):
    """CH-G-02 to G-07, P-12, P-14, Z-06, Z-07, Z-13, Z-15, C-13."""
    answered(client, "POST", REVIEW, body)


@tried(60)
@given(data=st.data())
def test_valid_calls_cut_or_with_bytes_changed(client, data):
    """CH-G-01, Z-06."""
    body = bytearray(json.dumps(rich()), "utf-8")
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(body))] * 2)))
    body[start : end if data.draw(st.booleans()) else start + 1] = data.draw(st.binary(max_size=8))

    answered(client, "POST", REVIEW, bytes(body))


@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: written(value)[:24])
def test_each_nasty_value_in_each_place_of_the_envelope(client, nasty):
    """CH-Q-02 to Q-12, H-34, P-12, P-14, Z-15."""
    made = with_access() | with_context(encounterId="e-1")
    for part in (made, made["context"], made["prefetch"], made["fhirAuthorization"]):
        for name, usual in part.items():
            part[name] = nasty
            answered(client, "POST", REVIEW, written(made).encode())
            part[name] = usual


@pytest.mark.parametrize("byte", [b" ", b"[", b"{", b'"', b"\x00", b"9", b"\xff"], ids=repr)
def test_twenty_megabytes_of_one_byte(client, byte):
    """CH-Z-06, Z-11, Z-15, N-03."""
    start = time.perf_counter()
    outcome_of(client.post(REVIEW, content=byte * BYTES), 400, 422)

    assert time.perf_counter() - start < BOUND


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("requests/*.json")), ids=lambda path: path.stem)
def test_every_example_with_each_member_missing(client, path):
    """CH-G-07, P-02."""
    text = path.read_text()
    for number in range(len(list(places(json.loads(text))))):
        made = json.loads(text)
        parent, key = list(places(made))[number]
        del parent[key]
        response = client.post(REVIEW, json=made)
        fully_valid(response, REVIEW, made.get("context", {}).get("patientId", ""))
