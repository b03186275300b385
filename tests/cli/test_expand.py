"""Lists rebuilt from a terminology server: a loopback stub stands for it."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cds.errors import KnowledgeError, TerminologyError
from cds.export import expansion
from cds.services import knowledge

MEMBERS = [
    ("42343007", "Congestive heart failure"),
    ("84114007", "Heart failure"),
    ("10335000", 'Chronic "right" failure'),
]


class _Stub(BaseHTTPRequestHandler):
    answer: tuple[int, bytes] | None = None
    asked: list[dict[str, list[str]]]

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        type(self).asked.append(query)
        status, body = self.answer or (200, self._page(int(query["offset"][0])))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def _page(self, offset: int) -> bytes:
        contains = [{"system": expansion.SNOMED, "code": c, "display": d} for c, d in MEMBERS[offset : offset + 2]]
        return json.dumps({"resourceType": "ValueSet", "expansion": {"total": 3, "contains": contains}}).encode()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[type[_Stub]]:
    handler = type("Stub", (_Stub,), {"asked": [], "answer": None})
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
        ((200, b"<html></html>"), "no JSON"),
        ((200, b"[]"), "no ValueSet expansion"),
        ((200, b'{"resourceType": "ValueSet"}'), "no ValueSet expansion"),
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


def test_what_is_missing_is_written_into_the_list_and_nothing_else_changes(stub: type[_Stub], tmp_path: Path) -> None:
    found = _rebuilt(stub)
    copy = tmp_path / found.path.name
    shutil.copy(found.path, copy)

    expansion.write(expansion.Rebuilt(copy, found.include, found.members))

    before, after = found.path.read_text().splitlines(), copy.read_text().splitlines()
    assert [line for line in after if line not in before] == ['  ["10335000", "Chronic \\"right\\" failure"],']
    assert [line for line in before if line not in after] == []
