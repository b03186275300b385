"""Load the invented patients into a FHIR R4 server: each by one transaction, all dates moved as if its day were today.

    python3 demo/load.py --server http://127.0.0.1:8080/fhir fixtures/patients

Needs nothing but Python. A patient whom the server refuses is named, and the others are loaded.
"""

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

PATIENCE = 180
"""For how long a server may take to start [s]."""


def fixture_entries(folder: Path) -> list[dict[str, Any]]:
    """Give the entries of a patient of fixtures/patients, all dates moved as if the fixture's own day were today."""
    match = re.search(r"today: (\d{4}-\d\d-\d\d)\b", (folder / "about.md").read_text(encoding="utf-8"))
    moved = datetime.now(UTC).date() - date.fromisoformat(match[1]) if match else timedelta()

    def on_its_day(found: re.Match[str]) -> str:
        return (date.fromisoformat(found[0]) + moved).isoformat()

    text = (folder / "bundle.json").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = json.loads(re.sub(r"(?<=\")\d{4}-\d\d-\d\d(?=[\"T])", on_its_day, text))["entry"]
    return entries


def transaction(folder: Path) -> dict[str, Any]:
    """Make the transaction that puts a fixture on a server, under ids of its own; the patient's is its name."""
    name = folder.name
    entries = fixture_entries(folder)
    ids = [_id(name, number, entry["resource"]) for number, entry in enumerate(entries)]
    new: dict[str, str] = {}
    for id_, entry in zip(ids, entries, strict=True):
        kind = entry["resource"]["resourceType"]
        for old in (entry.get("fullUrl"), f"{kind}/{entry['resource'].get('id')}"):
            if old:
                new.setdefault(old, f"{kind}/{id_}")
    requests = [
        {
            "resource": _renamed(entry["resource"], new) | {"id": id_},
            "request": {"method": "PUT", "url": f"{entry['resource']['resourceType']}/{id_}"},
        }
        for id_, entry in zip(ids, entries, strict=True)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": requests}


def _id(name: str, number: int, resource: dict[str, Any]) -> str:
    return name[:64] if resource["resourceType"] == "Patient" else f"{name[:40]}-{number}"


def _renamed(value: Any, new: dict[str, str]) -> Any:
    """Give a resource whose references lead to the new ids."""
    if isinstance(value, list):
        return [_renamed(item, new) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: _renamed(member, new) for name, member in value.items()}
    reference = value.get("reference")
    if isinstance(reference, str):
        short = "/".join(reference.split("/")[-2:])
        # What a fixture refers to and leaves out is let be somewhere else; some servers refuse what is nowhere.
        made["reference"] = new.get(reference) or new.get(short) or reference.replace("urn:uuid:", "Basic/")
    return made


def _wait(server: str, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{server}/metadata", timeout=10):  # noqa: S310 - the address that was given
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"no FHIR server answers at {server}: {error}") from error
            say(f"waiting for {server}")
            time.sleep(2)


def _load(server: str, folder: Path) -> str:
    """Put a fixture on the server; give the reason where it is refused."""
    request = urllib.request.Request(  # noqa: S310 - the address that was given
        server, json.dumps(transaction(folder)).encode(), {"Content-Type": "application/fhir+json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - likewise
            return ""
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(500).decode(errors='replace')}"


def main() -> None:
    """Load what the command line names."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    asked.add_argument("--server", required=True, help="base address of the FHIR server")
    asked.add_argument("folder", type=Path, help="a folder of fixtures, or one fixture")
    given = asked.parse_args()

    def say(words: str) -> None:
        sys.stdout.write(words + "\n")

    server = given.server.rstrip("/")
    _wait(server, say)
    folders = sorted(path.parent for path in given.folder.rglob("bundle.json"))
    refused = {folder.name: reason for folder in folders if (reason := _load(server, folder))}
    for name, reason in refused.items():
        say(f"refused: {name}: {reason}")
    say(f"{len(folders) - len(refused)} of {len(folders)} patients are on {server}")
    if len(refused) == len(folders):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
