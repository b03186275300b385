"""A patient's Bundle as the hook call that an EHR would make of it."""

import uuid
from codecs import BOM_UTF8
from typing import Any

import msgspec

from cds.fhir.prefetch import WHO
from cds.offline import patient_of, read_bundle
from cds.services import REVIEW, needs

as_written = msgspec.json.Encoder(decimal_format="number")
"""Writes what `read_bundle` read, its numbers to the last zero."""


def hook_call(raw: bytes, patient_id: str | None = None) -> dict[str, Any]:
    """Sort the resources of a Bundle under the prefetch keys; what the Bundle lacks is known not to be there.

    Raises:
        NotJson: it is not JSON.
        InvalidCall: it is no Bundle, or holds no such patient.
    """
    raw = raw.removeprefix(BOM_UTF8)
    bundle = read_bundle(raw)
    chosen, addresses = patient_of(raw, bundle, patient_id)
    by_kind: dict[str, list[Any]] = {}
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        by_kind.setdefault(_kind(entry), []).append(entry)
    own = [entry for entry in by_kind.pop("Patient") if _is(entry, chosen, addresses)]
    keys = {need.key: _searchset(by_kind.pop(need.kind, [])) for need in needs()}
    # What is asked for under no key of its own (drugs, samples) is looked up wherever it stands.
    keys[needs()[0].key]["entry"] += [entry for entries in by_kind.values() for entry in entries]
    return {
        "hook": REVIEW.hook,
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/try-it", "patientId": chosen},
        "prefetch": {WHO.key: _searchset(own[:1]), **keys},
    }


def _searchset(entries: list[Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def _kind(entry: Any) -> str:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    return kind if isinstance(kind, str) else ""


def _is(entry: dict[str, Any], chosen: str, addresses: list[str]) -> bool:
    return entry["resource"].get("id") == chosen or entry.get("fullUrl") in addresses
