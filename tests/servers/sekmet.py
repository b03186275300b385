"""A real FHIR server on loopback, in an environment and a process of its own: https://pypi.org/project/sekmet-fhir/.

`make test` installs it first (`make fhir-server`); who runs pytest without it is told, and these tests are skipped.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds.fhir.references import target
from tests.contract.calls import fixture_entries

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / ".venv-fhir" / "bin" / "sekmet"
START = 60
"""For how long the server may take to start, on a busy machine [s]."""


@dataclass(frozen=True)
class Loaded:
    """A running server with patients in it."""

    base: str
    token: str
    patients: dict[str, str]
    """Name of the fixture -> id of its patient."""

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(base_url=self.base, headers=headers, timeout=60, trust_env=False)


@contextmanager
def sekmet(folder: Path, fixtures: list[Path], token: str = "") -> Iterator[Loaded]:
    """Run the server in a temporary folder with the patients of these fixtures; with a token, it asks for that."""
    if not COMMAND.exists():
        pytest.skip("NO REAL FHIR SERVER: `make fhir-server` installs it, `make test` does so by itself")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    base = f"http://127.0.0.1:{port}/fhir"
    settings: dict[str, Any] = {
        "base_url": base,
        "host": "127.0.0.1",
        "port": port,
        "data_dir": str(folder / "data"),
        "validation": {"inbound": "off"},  # some fixtures are as dirty as real records
        "simulator": {"enabled": False},
    }
    if token:
        settings["server_auth"] = {"types": ["bearer"], "tokens": [token]}
    file = folder / "settings.yaml"
    file.write_text(json.dumps(settings))  # which is YAML too
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen([COMMAND, "serve", "-c", file], cwd=folder, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            loaded = Loaded(base, token, {})
            with loaded.client() as client:
                _wait(client, process, folder)
                for fixture in fixtures:
                    loaded.patients[fixture.name] = _load(client, fixture)
            yield loaded
        finally:
            process.terminate()
            process.wait(10)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/metadata").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)  # it tells nobody when it begins to listen
    raise AssertionError(f"the FHIR server did not start:\n{(folder / 'log.txt').read_text()}")


def _load(client: httpx.Client, fixture: Path) -> str:
    """Put a fixture's resources on the server by one transaction, under ids of their own; give the patient's."""
    entries = fixture_entries(fixture)
    new: dict[str, str] = {}
    for number, entry in enumerate(entries):
        resource = entry["resource"]
        reference = f"{resource['resourceType']}/{fixture.name[:40]}-{number}"
        for old in (entry.get("fullUrl"), f"{resource['resourceType']}/{resource.get('id')}"):
            if old:
                new.setdefault(old, reference)
    requests = []
    for number, entry in enumerate(entries):
        kind = entry["resource"]["resourceType"]
        id_ = f"{fixture.name[:40]}-{number}"
        resource = _renamed(entry["resource"], new) | {"id": id_}
        requests.append({"resource": resource, "request": {"method": "PUT", "url": f"{kind}/{id_}"}})
    answer = client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": requests})
    assert answer.is_success, f"{fixture.name}: {answer.text}"
    patient = next(entry["resource"] for entry in requests if entry["resource"]["resourceType"] == "Patient")
    return str(patient["id"])


def _renamed(value: Any, new: dict[str, str]) -> Any:
    """Give a resource whose references lead to the new ids."""
    if isinstance(value, list):
        return [_renamed(item, new) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: _renamed(member, new) for name, member in value.items()}
    reference = value.get("reference")
    if isinstance(reference, str):
        kind = reference.rpartition("/")[0].rpartition("/")[2]
        made["reference"] = new.get(reference) or new.get(f"{kind}/{target(reference)}") or _elsewhere(reference)
    return made


def _elsewhere(reference: str) -> str:
    """Let what a fixture refers to and leaves out be somewhere else; the server refuses what is nowhere."""
    return reference.replace("urn:uuid:", "Basic/")
