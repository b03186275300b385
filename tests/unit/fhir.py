"""FHIR resources in a few words, and the record that reads them."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from cds.chart.chart import Area, Chart
from cds.chart.facts import Measurement, Patient
from cds.fhir.record import PatientRecord
from cds.services import knowledge

TODAY = date(2026, 5, 20)
SUBJECT = {"reference": "Patient/p"}
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1976-05-20"}

FERRITIN, TSH, B12, POTASSIUM, MAGNESIUM, HBA1C = "2276-4", "3016-3", "2132-9", "2823-3", "2601-3", "4548-4"
LEG_PAIN = {"coding": [{"system": SNOMED, "code": "10601006", "display": "Pain in lower limb"}]}
RESTLESS_LEGS = {"coding": [{"system": ICD, "code": "G25.81", "display": "Restless legs syndrome"}]}
METFORMIN = {"coding": [{"system": RXNORM, "code": "6809", "display": "metformin"}]}


def coded(code: str, system: str = LOINC, **members: Any) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **members}]}


def quantity(value: Any, unit: str | None = None, **members: Any) -> dict[str, Any]:
    """Make a Quantity whose unit is stated once, as a UCUM code; `text` states it for people."""
    text = members.pop("text", None)
    stated = {"system": UCUM, "code": unit} if unit else {}
    return {"value": value, **stated, **({"unit": text} if text else {}), **members}


def observation(code: Any, **members: Any) -> dict[str, Any]:
    """Make a final result of yesterday; members replace what is usual, and those given as ... are left out."""
    usual = {
        "resourceType": "Observation",
        "status": "final",
        "code": coded(code) if isinstance(code, str) else code,
        "subject": SUBJECT,
        "effectiveDateTime": "2026-05-19",
    }
    return _without_blanks(usual | members)


def ferritin(value: Any = 20, unit: str | None = "ng/mL", **members: Any) -> dict[str, Any]:
    return observation(FERRITIN, **{"valueQuantity": quantity(value, unit), **members})


def condition(code: Any = LEG_PAIN, **members: Any) -> dict[str, Any]:
    """Make a condition with neither status nor date."""
    return _without_blanks({"resourceType": "Condition", "code": code, "subject": SUBJECT} | members)


def active(code: Any = LEG_PAIN, **members: Any) -> dict[str, Any]:
    status = {"coding": [{"code": "active"}]}
    return condition(code, **{"clinicalStatus": status, "recordedDate": "2026-05-01", **members})


def prescription(**members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": METFORMIN,
        "subject": SUBJECT,
        "authoredOn": "2026-03-01",
    }
    return _without_blanks(usual | members)


def _without_blanks(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}


def record_of(*resources: Any, today: date = TODAY, patient: Mapping[str, Any] | None = PATIENT) -> PatientRecord:
    """Read resources as they would come, the patient first."""
    record = PatientRecord(knowledge().vocabulary, "p", today)
    for resource in (*([patient] if patient else []), *resources):
        record.take(json.dumps(resource).encode())
    return record


def chart_of(*resources: Any, today: date = TODAY, unknown: Mapping[Area, str] | None = None) -> Chart:
    record = record_of(*resources, today=today)
    return Chart(today, record.patient or Patient(name="Patient"), record, unknown or {})


def results(analyte: str, *resources: Any, **options: Any) -> list[Measurement]:
    """Give the results of an analyte that count, those without a value left aside."""
    return [m for m in record_of(*resources, **options).measurements(analyte) if not m.absent]


def result(analyte: str, *resources: Any, **options: Any) -> Measurement:
    """Give the only result of an analyte."""
    (only,) = results(analyte, *resources, **options)
    return only
