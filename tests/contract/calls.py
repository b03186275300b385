"""Hook calls as EHRs make them. Dates count back from today, since the service's clock cannot be set from outside."""

import json
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

FIXTURES = Path(__file__).parents[2] / "fixtures"

REVIEW = "/cds-services/leg-ache-review"
ENCOUNTER = "/cds-services/leg-ache-encounter"
ORDER_SELECT = "/cds-services/leg-ache-order-select"
ORDER_SIGN = "/cds-services/leg-ache-order-sign"
SERVICES = {
    "patient-view": REVIEW,
    "encounter-start": ENCOUNTER,
    "order-select": ORDER_SELECT,
    "order-sign": ORDER_SIGN,
}


def whole(client: httpx.Client, path: str) -> str:
    """Give the whole address of a path: a client takes two slashes at the start for a host."""
    return str(client.base_url).rstrip("/") + path


PATIENT_ID = "p-1"
SUBJECT = {"reference": f"Patient/{PATIENT_ID}"}
PATIENT = {"resourceType": "Patient", "id": PATIENT_ID, "active": True, "gender": "female", "birthDate": "1968-05-17"}
SOMEBODY_ELSE = {"reference": "Patient/p-2"}

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

TYPES = {
    "conditions": "Condition",
    "labs": "Observation",
    "observations": "Observation",
    "examinations": "Observation",
    "medications": "MedicationRequest",
    "statements": "MedicationStatement",
    "administrations": "MedicationAdministration",
    "orders": "ServiceRequest",
    "procedures": "Procedure",
    "reports": "DiagnosticReport",
    "encounters": "Encounter",
    "answers": "QuestionnaireResponse",
    "family": "FamilyMemberHistory",
    "allergies": "AllergyIntolerance",
}
"""The prefetch keys beside the patient, and what each holds."""


def days_ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


def bundle(*resources: Any, **members: Any) -> dict[str, Any]:
    """Make a searchset; `members` add to it or replace what is usual, and those given as ... are left out."""
    entries = [{"fullUrl": f"https://ehr.example.org/fhir/{_name(r)}", "resource": r} for r in resources]
    usual = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
    return {name: value for name, value in {**usual, **members}.items() if value is not ...}


def _name(resource: Any) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}" if isinstance(resource, dict) else "odd"


def coded(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def condition(code: dict[str, Any], **members: Any) -> dict[str, Any]:
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition",
        "id": "c-1",
        "clinicalStatus": {"coding": [{"system": status, "code": "active"}]},
        "code": code,
        "subject": SUBJECT,
        **members,
    }


RESTLESS_LEGS = condition(coded(SNOMED, "32914008", "Restless legs"), id="rls")
"""The one diagnosis that these tests count on: with it and no iron studies, the service speaks whatever the date."""

DIABETES = condition(coded(SNOMED, "44054006", "Diabetes mellitus type 2"), id="dm")
STOCKINGS = {
    "resourceType": "ServiceRequest",
    "id": "stockings",
    "status": "draft",
    "code": coded(SNOMED, "401777001", "Class II compression hosiery"),
    "subject": SUBJECT,
}
"""A draft order: with diabetes and no ankle-brachial index, the service speaks of it."""
NO_INDEX = "compression-without-index"

NO_IRON_STUDIES = "iron-studies-not-found"
"""What it then recommends."""


def ferritin(value: float, days: int = 10, **members: Any) -> dict[str, Any]:
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": f"ferritin-{days}",
        "status": "final",
        "category": [{"coding": [{"system": category, "code": "laboratory"}]}],
        "code": coded(LOINC, "2276-4", "Ferritin"),
        "subject": SUBJECT,
        "effectiveDateTime": days_ago(days),
        "valueQuantity": {"value": value, "unit": "ng/mL", "system": UCUM, "code": "ng/mL"},
        **members,
    }


def prefetch(*conditions: Any, **keys: Any) -> dict[str, Any]:
    """Give every key an answer: the patient, these conditions, and of everything else none; `keys` say otherwise."""
    return {"patient": PATIENT, **dict.fromkeys(TYPES), "conditions": bundle(*conditions), **keys}


def without(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def call(values: Any = None, hook: str = "patient-view", **members: Any) -> dict[str, Any]:
    """Make a call; without `values` it is about a patient with restless legs, and nothing else in the chart.

    Where orders are asked about, the patient also has diabetes, and stockings are being ordered.
    """
    context: dict[str, Any] = {"userId": "Practitioner/dr-1", "patientId": PATIENT_ID}
    if hook == "encounter-start":
        context["encounterId"] = "e-1"
    if str(hook).startswith("order-"):
        values = prefetch(RESTLESS_LEGS, DIABETES) if values is None else values
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": STOCKINGS}]}
    if hook == "order-select":
        context["selections"] = ["ServiceRequest/stockings"]
    return {
        "hook": hook,
        "hookInstance": str(uuid.uuid4()),
        "context": context,
        "prefetch": prefetch(RESTLESS_LEGS) if values is None else values,
        **members,
    }


def with_context(**fields: Any) -> dict[str, Any]:
    """Make a call whose context has these fields changed."""
    made = call()
    return {**made, "context": {**made["context"], **fields}}


AUTHORIZATION = {
    "access_token": "opaque-token-f81d4fae",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "user/Patient.read user/Observation.read",
    "subject": "cds-service4",
}
FHIR_SERVER = "https://ehr.example.org/fhir"


def with_access(**members: Any) -> dict[str, Any]:
    """Make a call with a token, some of whose members are changed; those given as ... are left out."""
    given = {**AUTHORIZATION, **members}
    token = {name: value for name, value in given.items() if value is not ...}
    return call(fhirServer=FHIR_SERVER, fhirAuthorization=token)


def rich() -> dict[str, Any]:
    """Make a call with something under every key."""
    visit = {
        "resourceType": "Encounter",
        "id": "e-1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": SUBJECT,
        "period": {"start": days_ago(1)},
        "reasonCode": [coded(SNOMED, "32914008", "Restless legs")],
    }
    pulse = {
        "resourceType": "Observation",
        "id": "abi",
        "status": "final",
        "code": {"text": "Ankle-brachial index"},
        "subject": SUBJECT,
        "effectivePeriod": {"start": days_ago(20), "end": days_ago(20)},
        "component": [
            {
                "code": {"text": "Left"},
                "valueQuantity": {"value": 0.82, "unit": "1"},
                "referenceRange": [{"low": {"value": 0.9}, "text": "0.9 to 1.4"}],
            }
        ],
    }
    drug = {
        "id": "m-1",
        "status": "active",
        "medicationCodeableConcept": {"text": "Pramipexole 0.25 mg"},
        "subject": SUBJECT,
    }
    request = {"resourceType": "MedicationRequest", "intent": "order", "authoredOn": days_ago(400), **drug}
    asked = {
        "resourceType": "ServiceRequest",
        "id": "o-1",
        "status": "active",
        "intent": "order",
        "code": coded(LOINC, "2276-4", "Ferritin"),
        "subject": SUBJECT,
        "authoredOn": days_ago(200),
    }
    done = {
        "resourceType": "Procedure",
        "id": "pr-1",
        "status": "completed",
        "code": {"text": "Compression of legs"},
        "subject": SUBJECT,
        "performedPeriod": {"start": days_ago(30), "end": days_ago(29)},
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "dr-1",
        "status": "final",
        "code": {"text": "Iron"},
        "subject": SUBJECT,
        "result": [{"reference": "Observation/ferritin-10"}],
        "contained": [ferritin(22, 30, id="inner")],
    }
    said = {
        "resourceType": "QuestionnaireResponse",
        "id": "q-1",
        "status": "completed",
        "subject": SUBJECT,
        "authored": days_ago(2),
        "item": [{"linkId": "worse-when", "text": "When?", "answer": [{"valueCoding": {"code": "night"}}]}],
    }
    relative = {
        "resourceType": "FamilyMemberHistory",
        "id": "f-1",
        "status": "completed",
        "patient": SUBJECT,
        "relationship": {"text": "mother"},
        "condition": [{"code": coded(SNOMED, "32914008", "Restless legs")}],
    }
    allergy = {"resourceType": "AllergyIntolerance", "id": "a-1", "patient": SUBJECT, "code": {"text": "Iron sucrose"}}
    values = prefetch(
        RESTLESS_LEGS,
        condition({"text": "Aching legs at night"}, id="ache", onsetDateTime=days_ago(40)),
        labs=bundle(ferritin(20), ferritin(60, 700)),
        observations=bundle(ferritin(20)),
        examinations=bundle(pulse),
        medications=bundle(request),
        statements=bundle({"resourceType": "MedicationStatement", **drug, "id": "m-2"}),
        administrations=bundle({"resourceType": "MedicationAdministration", **drug, "id": "m-3"}),
        orders=bundle(asked),
        procedures=bundle(done),
        reports=bundle(report),
        encounters=bundle(visit),
        answers=bundle(said),
        family=bundle(relative),
        allergies=bundle(allergy),
    )
    return call(values, fhirServer=FHIR_SERVER, fhirAuthorization=AUTHORIZATION)


def fixture_patients() -> list[Path]:
    return sorted(path.parent for path in FIXTURES.glob("patients/*/bundle.json"))


def fixture_entries(folder: Path) -> list[dict[str, Any]]:
    """Give the entries of a patient of fixtures/patients, all dates moved as if the fixture's own day were today."""
    match = re.search(r"today: (\d{4}-\d\d-\d\d)\b", (folder / "about.md").read_text(encoding="utf-8"))
    moved = datetime.now(UTC).date() - date.fromisoformat(match[1]) if match else timedelta()

    def on_its_day(found: re.Match[str]) -> str:
        return (date.fromisoformat(found[0]) + moved).isoformat()

    text = (folder / "bundle.json").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = json.loads(re.sub(r"(?<=\")\d{4}-\d\d-\d\d(?=[\"T])", on_its_day, text))["entry"]
    return entries


def fixture_call(folder: Path) -> dict[str, Any]:
    """Make the call that an EHR would make about a patient of fixtures/patients."""
    entries = fixture_entries(folder)
    by_type: dict[str, list[Any]] = {}
    for entry in entries:
        by_type.setdefault(entry["resource"]["resourceType"], []).append(entry)
    patient = by_type["Patient"][0]
    patient_id = patient["resource"].get("id") or re.split("[/:]", patient["fullUrl"])[-1]
    values: dict[str, Any] = {key: bundle(entry=by_type.get(kind, []), total=...) for key, kind in TYPES.items()}
    made = call({**values, "patient": {**patient["resource"], "id": patient_id}})
    return {**made, "context": {**made["context"], "patientId": patient_id}}
