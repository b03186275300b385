"""Advice without an EHR: a patient's Bundle in a file takes the same way as a hook call's prefetch."""

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from cds.chart.chart import Chart
from cds.errors import InvalidCall, NotJson
from cds.fhir import prefetch
from cds.fhir.record import PatientRecord
from cds.fhir.references import target
from cds.services import knowledge

_exactly = msgspec.json.Decoder(float_hook=Decimal)
"""A laboratory's 6.10 stays 6.10."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A Bundle's patient."""

    chart: Chart
    record: PatientRecord

    @property
    def left_out(self) -> Mapping[str, int]:
        """Why resources were left out -> how many."""
        return self.record.left_out


def open_bundle(raw: bytes, today: date, patient_id: str | None = None, orders: bytes | None = None) -> Opened:
    """Read a Bundle into a chart.

    Args:
        raw: a Bundle of any type.
        today: the day of the call.
        patient_id: whom to judge, where the Bundle holds several; the one most is said about by default.
        orders: a Bundle of draft orders, or one, all of them at hand.

    Raises:
        NotJson: it is not JSON.
        InvalidCall: it is no Bundle, or holds no such patient.
    """
    raw = raw.removeprefix(BOM_UTF8)
    chosen, addresses = patient_of(raw, read_bundle(raw), patient_id)
    record = PatientRecord(knowledge().vocabulary, chosen, today, addresses)
    for _ in prefetch.read_bundle(raw, record):
        pass
    if record.patient is None:
        raise InvalidCall("the Patient of the Bundle cannot be read")
    if orders is not None:
        written = orders.removeprefix(BOM_UTF8)
        _object(written)
        for draft in prefetch.pieces(written):
            record.take_draft(draft, at_hand=True)
    return Opened(Chart(today, record.patient, record), record)


def read_bundle(raw: bytes) -> dict[str, Any]:
    """Read a Bundle as plain JSON.

    Raises:
        NotJson: it is not JSON.
        InvalidCall: it is no Bundle.
    """
    bundle = _object(raw)
    if bundle.get("resourceType") != "Bundle":
        raise InvalidCall("this is not a FHIR Bundle: its resourceType must be Bundle")
    return bundle


def patient_of(raw: bytes, bundle: dict[str, Any], patient_id: str | None = None) -> tuple[str, list[str]]:
    """Give the id of the patient whom a Bundle is about, and the addresses that mean them.

    Raises:
        InvalidCall: it holds no such patient.
    """
    patients = _patients(bundle)
    if not patients:
        raise InvalidCall("the Bundle holds no Patient with an id or a fullUrl")
    chosen = patient_id or _most_mentioned(patients, raw)
    if chosen not in patients:
        raise InvalidCall(f"the Bundle holds no such patient; it holds {', '.join(patients)}")
    return chosen, patients[chosen]


def _object(raw: bytes) -> dict[str, Any]:
    try:
        read = _exactly.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson("this is not JSON in UTF-8") from error
    if not isinstance(read, dict):
        raise InvalidCall("this is not a FHIR resource: it must be one JSON object")
    return read


def _patients(bundle: dict[str, Any]) -> dict[str, list[str]]:
    """Give the id of each patient with the addresses that mean them."""
    found: dict[str, list[str]] = {}
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == "Patient":
            address, name = entry.get("fullUrl"), resource.get("id")
            urls = [address] if isinstance(address, str) else []
            name = name if isinstance(name, str) and name else target(urls[0]) if urls else ""
            if name:
                found.setdefault(name, []).extend(urls)
    return found


def _most_mentioned(patients: Mapping[str, list[str]], raw: bytes) -> str:
    """Give the patient to whom most references lead."""

    def mentions(name: str) -> int:
        ends = {f"Patient/{name}", f"urn:uuid:{name}", *patients[name]}
        return sum(raw.count(f'{end}"'.encode()) for end in ends)

    return max(patients, key=mentions)
