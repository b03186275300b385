"""Lists rebuilt from a terminology server: a loopback stub stands for it."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from cds.cli import app
from cds.cli.terminal import BAD_INPUT
from cds.errors import KnowledgeError, TerminologyError
from cds.export import expansion
from cds.reasoning import files
from cds.services import knowledge

MEMBERS = [
    ("42343007", "Congestive heart failure"),
    ("84114007", "Heart failure"),
    ("10335000", 'Chronic "right" failure'),
]


SNOMED = expansion.SNOMED
RELEASE = "http://snomed.info/sct/900000000000207008/version/20260901"


def _valueset(total: int, contains: list[dict[str, Any]]) -> bytes:
    parameters = [{"name": "version", "valueUri": f"{SNOMED}|{RELEASE}"}]
    found = {"total": total, "contains": contains, "parameter": parameters}
    return json.dumps({"resourceType": "ValueSet", "expansion": found}).encode()


class _Stub(BaseHTTPRequestHandler):
    answer: tuple[int, bytes] | None = None
    asked: list[dict[str, list[str]]]
    delay = 0.0
    released = threading.Event()

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        type(self).asked.append(query)
        status, body = self.answer or (200, self._page(int(query["offset"][0])))
        self.released.wait(self.delay)
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if body[:1] == b"<" else "application/fhir+json")
        self.end_headers()
        with suppress(BrokenPipeError):  # who was kept waiting may have left
            self.wfile.write(body)

    def _page(self, offset: int) -> bytes:
        contains = [{"system": SNOMED, "code": c, "display": d} for c, d in MEMBERS[offset : offset + 2]]
        return _valueset(3, contains)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[type[_Stub]]:
    handler = type("Stub", (_Stub,), {"asked": [], "answer": None, "delay": 0.0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    handler.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    server.server_close()


def _rebuilt(stub: Any) -> expansion.Rebuilt:
    ((path, include),) = expansion.lists(knowledge().root, ["heart-failure"])
    return expansion.rebuild(stub.address, path, include)


def test_what_a_list_lacks_is_found_over_all_pages(stub: type[_Stub]) -> None:
    rebuilt = _rebuilt(stub)

    assert rebuilt.added == [("10335000", 'Chronic "right" failure')]
    assert rebuilt.gone == [("88805009", "Chronic congestive heart failure")]
    assert [query["offset"] for query in stub.asked] == [["0"], ["2"]]
    assert stub.asked[0]["url"] == ["http://snomed.info/sct?fhir_vs=ecl/<< 84114007"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html></html>"), "text/html, which is no JSON"),
        ((200, b"[]"), "no ValueSet: list"),
        ((200, b'{"resourceType": "Parameters"}'), "no ValueSet: Parameters"),
        ((200, b'{"resourceType": "ValueSet"}'), "no expansion"),
        ((200, _valueset(7, [])), "0 members of 7"),
        ((200, _valueset(1, [{"system": SNOMED, "code": "x", "display": "y"}])), "without a number"),
        ((200, _valueset(1, [{"system": SNOMED, "code": "84114007"}])), "without a display"),
        ((302, b""), "302"),
        ((404, b'{"issue": [{"diagnostics": "ECL is not known here"}]}'), "ECL is not known here"),
        ((500, b"null"), "500"),
    ],
)
def test_a_server_that_cannot_be_used_is_named_with_the_reason(stub: type[_Stub], answer: Any, words: str) -> None:
    stub.answer = answer

    with pytest.raises(TerminologyError, match=words):
        _rebuilt(stub)


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(TerminologyError, match="could not be reached"):
        _rebuilt(type("Nobody", (), {"address": "http://127.0.0.1:9"}))


def test_a_set_without_an_expression_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="nonsense"):
        list(expansion.lists(knowledge().root, ["nonsense"]))


@pytest.mark.parametrize("address", ["file:///etc", "nonsense", "http://[::1", "http://exa mple"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(TerminologyError, match="could not be reached"):
        _rebuilt(type("Nobody", (), {"address": address}))


def test_a_server_that_takes_too_long_is_left(stub: type[_Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    stub.delay = 0.5
    monkeypatch.setattr(expansion, "_SECONDS", 0.05)

    with pytest.raises(TerminologyError, match="did not answer within"):
        _rebuilt(stub)


def test_what_hangs_beneath_another_counts_and_what_is_abstract_or_of_another_system_does_not(
    stub: type[_Stub],
) -> None:
    nested: list[dict[str, Any]] = [{"system": SNOMED, "code": "84114007", "display": "Heart failure"}]
    contains: list[dict[str, Any]] = [
        {"system": SNOMED, "code": "1", "display": "a group", "abstract": True, "contains": nested},
        {"system": "http://loinc.org", "code": "2276-4", "display": "Ferritin"},
    ]
    stub.answer = (200, _valueset(1, contains))

    rebuilt = _rebuilt(stub)

    assert rebuilt.members == [("84114007", "Heart failure")]
    assert rebuilt.release.endswith("20260901")
    assert ("42343007", "Congestive heart failure") in rebuilt.gone


SET = """name = "sore-knee"
title = "Sore knee"
version = "2026-01-01"
purpose = "A set of this test."
source = "made up"

[[include]]
system = "http://snomed.info/sct"
ecl = "<< 84114007"
concept = [
  ["84114007", "Heart failure"],  # a remark that stays
]

[[include]]
system = "http://snomed.info/sct"
concept = [["42343007", "Congestive heart failure"]]

[[exclude]]
system = "http://snomed.info/sct"
concept = [["10335000", "Left out on purpose"]]
"""


def test_what_the_set_names_elsewhere_or_leaves_out_on_purpose_is_not_added(stub: type[_Stub], tmp_path: Path) -> None:
    path = tmp_path / "sore-knee.toml"
    path.write_text(SET)
    include = files.read(path, files.ValueSetFile).include[0]

    assert expansion.rebuild(stub.address, path, include).added == []  # type: ignore[attr-defined]


def test_what_is_missing_is_written_into_the_list_and_nothing_else_changes(stub: type[_Stub], tmp_path: Path) -> None:
    found = _rebuilt(stub)
    copy = tmp_path / found.path.name
    shutil.copy(found.path, copy)

    expansion.write(expansion.Rebuilt(copy, found.include, found.members), date(2031, 1, 2))

    before, after = found.path.read_text().splitlines(), copy.read_text().splitlines()
    assert [line for line in after if line not in before] == [
        'version = "2031-01-02"',
        '  ["10335000", "Chronic \\"right\\" failure"],',
    ]
    assert [line[:7] for line in before if line not in after] == ["version"]


def test_the_command_shows_what_would_change_and_writes_nothing_unasked(stub: type[_Stub]) -> None:
    shown = CliRunner().invoke(app, ["expand", "--terminology-server", stub.address, "heart-failure"])  # type: ignore[attr-defined]

    assert shown.exit_code == 0
    assert "heart-failure (<< 84114007): 3 members" in shown.output
    assert '+ 10335000 Chronic "right" failure' in shown.output
    assert "written" not in shown.output


def test_without_a_server_the_command_asks_for_one() -> None:
    shown = CliRunner().invoke(app, ["expand"])

    assert shown.exit_code == BAD_INPUT
    assert "--terminology-server" in shown.output
