"""Cases: the proof of a topic, as rows of TOML turned into FHIR and sent through the real reader.

A row is what a clinician would say of a patient; `cases.toml` of a topic holds the rows, the fixed day, and which
recommendations must come out, at which indicator. Nothing else may come out of that topic.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from cds.chart.chart import Area, Chart
from cds.errors import KnowledgeError
from cds.fhir.record import PatientRecord
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, ValueSetFile
from cds.reasoning.plans import Advice, Plan

_DRAFTS = "drafts"
"""The key of a row that is an order at hand: such a case is weighed as while orders are being written."""
_PATIENT = {"age": 50, "sex": "female"}
_UCUM = "http://unitsofmeasure.org"
_LIVELY = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_SURE = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@dataclass(frozen=True, slots=True)
class Case:
    """A patient, and what must be advised."""

    topic: str
    name: str
    today: dt.date
    rows: tuple[dict[str, Any], ...]
    patient: Mapping[str, Any]
    unknown: Mapping[Area, str]
    expect: Mapping[str, str]
    """Recommendation -> indicator."""
    basis: tuple[str, ...]
    """Titles or values that the basis of some advice must hold."""
    not_checked: tuple[str, ...]
    """Words that must stand among what could not be checked."""
    notes: tuple[str, ...] | None
    """Notes that must be added, and no others."""
    suggests: tuple[str, ...] | None
    """Orders that must be suggested, and no others."""

    @property
    def ordering(self) -> bool:
        """Whether an order is being written."""
        return any(_DRAFTS in row for row in self.rows)


def cases(plan: Plan) -> Iterator[Case]:
    """Read the cases of a topic.

    Raises:
        KnowledgeError: cases.toml is wrong.
    """
    path = plan.knowledge.folder / "cases.toml"
    content = files.load(path)
    default = content.get("symptom", {"condition": "leg-ache", "on": content["today"] - dt.timedelta(days=10)})
    for row in content["case"]:
        if odd := set(row) - {
            "name",
            "chart",
            "expect",
            "patient",
            "symptom",
            "missing",
            "basis",
            "not_checked",
            "notes",
            "suggests",
            "today",
        }:
            raise KnowledgeError(f"{plan.topic}/cases.toml {row.get('name')!r}: what is {sorted(odd)}?")
        symptom = row.get("symptom", default)
        yield Case(
            topic=plan.topic,
            name=row["name"],
            today=row.get("today", content["today"]),
            rows=(*([symptom] if symptom else []), *row.get("chart", [])),
            patient={**_PATIENT, **row.get("patient", {})},
            unknown={Area[area.upper()]: "not supplied" for area in row.get("missing", [])},
            expect=row["expect"],
            basis=tuple(row.get("basis", ())),
            not_checked=tuple(row.get("not_checked", ())),
            notes=tuple(row["notes"]) if "notes" in row else None,
            suggests=tuple(row["suggests"]) if "suggests" in row else None,
        )


def chart_of(case: Case, plan: Plan) -> Chart:
    """Build the chart of a case through the reader of FHIR."""
    record = PatientRecord(plan.knowledge.base.vocabulary, "p", case.today)
    charted = [row for row in case.rows if _DRAFTS not in row]
    for number, resource in enumerate([_patient(case), *(_resource(row, plan) for row in charted)]):
        resource.setdefault("id", f"r{number}")
        record.take(msgspec.json.encode(resource))
    for number, row in enumerate(row for row in case.rows if _DRAFTS in row):
        draft = {**_draft(row, plan), "id": f"d{number}"}
        record.take_draft(msgspec.json.encode(draft), at_hand=row.get("at_hand", True))
    if record.patient is None:
        raise KnowledgeError(f"{case.topic}/cases.toml {case.name!r}: the patient cannot be read")
    if record.left_out:
        raise KnowledgeError(f"{case.topic}/cases.toml {case.name!r}: {dict(record.left_out)}")
    return Chart(case.today, record.patient, record, unknown=case.unknown)


def advise(case: Case, plan: Plan) -> list[Advice]:
    """Weigh a case."""
    return plan.advise(chart_of(case, plan), ordering=case.ordering)


def failures(case: Case, plan: Plan) -> list[str]:
    """Say what a case's advice lacks or has too much; nothing when it is as expected."""
    advice = advise(case, plan)
    got = {a.name: a.indicator.word for a in advice}
    found = []
    if got != dict(case.expect):
        found.append(f"expected {dict(case.expect) or 'silence'}, got {got or 'silence'}")
    said = " | ".join(f"{f.name} {f.value} {' '.join(f.notes)}" for a in advice for f in (*a.context, *a.basis)).lower()
    found += [f"{text!r} is not in the basis: {said}" for text in case.basis if text.lower() not in said]
    unchecked = " | ".join(word for a in advice for word in a.unknown).lower()
    found += [
        f"{text!r} is not among what could not be checked: {unchecked!r}"
        for text in case.not_checked
        if text.lower() not in unchecked
    ]
    for what, wanted, given in (
        ("notes", case.notes, [n for a in advice for n in a.notes]),
        ("orders", case.suggests, [o for a in advice for o in a.suggests]),
    ):
        if wanted is not None and sorted(set(wanted)) != sorted(set(given)):
            found.append(f"expected {what} {sorted(wanted)}, got {sorted(set(given))}")
    return found


def _patient(case: Case) -> dict[str, Any]:
    patient: dict[str, Any] = {"resourceType": "Patient", "id": "p"}
    if case.patient.get("sex"):
        patient["gender"] = case.patient["sex"]
    if case.patient["age"] != "unknown":
        patient["birthDate"] = case.today.replace(year=case.today.year - case.patient["age"], day=1).isoformat()
    if case.patient.get("deceased"):
        patient["deceasedBoolean"] = True
    return patient


def _resource(row: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    for key, make in _MAKERS.items():
        if key in row:
            resource = make(dict(row), plan)
            subject = {"reference": f"Patient/{row.get('of', 'p')}"}
            resource[
                "patient" if resource["resourceType"] in {"AllergyIntolerance", "FamilyMemberHistory"} else "subject"
            ] = subject
            return resource
    raise KnowledgeError(f"{plan.topic}/cases.toml: no kind of fact in {dict(row)}")


def _draft(row: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Make an order that is being written: for a drug, or what is prescribed like one, else for a service."""
    code = _coded(row[_DRAFTS], row, plan)
    if row.get("as") == "medication" or plan.knowledge.base.concepts[row[_DRAFTS]].category == "drug":
        return {"resourceType": "MedicationRequest", "status": "draft", "medicationCodeableConcept": code}
    reason = {"reasonCode": [{"text": row["reason"]}]} if "reason" in row else {}
    return {"resourceType": "ServiceRequest", "status": "draft", "code": code} | reason


def _coded(name: str, row: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Give the first code of a concept, or the one the row names, or its words."""
    if "text" in row and "code" not in row:
        return {"text": row["text"]}
    root = plan.knowledge.base.root
    path = next(iter([*root.glob(f"*/valuesets/{name}.toml"), *root.glob(f"analytes/{name}.toml")]), None)
    if path is None:
        raise KnowledgeError(f"{plan.topic}/cases.toml: no value set or analyte is named {name!r}")
    file: AnalyteFile | ValueSetFile = (
        files.read(path, AnalyteFile) if path.parent.name == "analytes" else files.read(path, ValueSetFile)
    )
    codings = [
        (include.system, code, display)
        for include in file.include
        for code, display in (*include.concept, *include.descendants_of)
    ]
    chosen = next(((s, c, d) for s, c, d in codings if row.get("code", c) == c), None)
    if chosen is None and "code" in row:
        chosen = (row["system"], row["code"], row.get("text", name)) if "system" in row else None
    if chosen is None:
        phrases = getattr(file, "text", None)
        if isinstance(phrases, files.Phrases) and phrases.phrases:
            return {"text": f"{phrases.phrases[0]} {(phrases.needs_any or ('',))[0]}".strip()}
        raise KnowledgeError(f"{plan.topic}/cases.toml: {name} has no such code")
    system, code, display = chosen
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _condition(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    condition: dict[str, Any] = {"resourceType": "Condition", "code": _coded(row["condition"], row, plan)}
    condition["clinicalStatus"] = {"coding": [{"system": _LIVELY, "code": row.get("clinical", "active")}]}
    if "verification" in row:
        condition["verificationStatus"] = {"coding": [{"system": _SURE, "code": row["verification"]}]}
    for key, element in (("on", "onsetDateTime"), ("recorded", "recordedDate"), ("abated", "abatementDateTime")):
        if key in row:
            condition[element] = _iso(row[key])
    if "site" in row:
        condition["bodySite"] = [{"text": row["site"]}]
    return condition


def _measurement(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": row.get("status", "final"),
        "code": _coded(row["measurement"], row, plan),
    }
    if "on" in row:
        observation["effectiveDateTime"] = _iso(row["on"])
    if "issued" in row:
        observation["issued"] = _iso(row["issued"])
    value = row.get("value")
    if isinstance(value, str):
        observation["valueString"] = value
    elif value is not None:
        quantity: dict[str, Any] = {"value": float(value) if isinstance(value, Decimal) else value}
        if "unit" in row:
            quantity |= {"unit": row["unit"], "system": _UCUM, "code": row.get("ucum", row["unit"])}
        if "comparator" in row:
            quantity["comparator"] = row["comparator"]
        observation["valueQuantity"] = quantity
    if "low" in row or "high" in row:
        bounds = {
            key: {"value": float(row[key]), **({"unit": row["unit"]} if "unit" in row else {})}
            for key in ("low", "high")
            if key in row
        }
        observation["referenceRange"] = [
            bounds | ({"appliesTo": [{"text": row["range_for"]}]} if "range_for" in row else {})
        ]
    if "flag" in row:
        observation["interpretation"] = [{"coding": [{"system": _INTERPRETATION, "code": row["flag"]}]}]
    if "absent" in row:
        observation["dataAbsentReason"] = {"coding": [{"code": row["absent"]}]}
    if "note" in row:
        observation["note"] = [{"text": row["note"]}]
    if "site" in row:
        observation["bodySite"] = {"text": row["site"]}
    return observation


def _observation(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": row.get("status", "final"),
        "code": _coded(row["observation"], {k: v for k, v in row.items() if k != "text"}, plan),
    }
    if "on" in row:
        observation["effectiveDateTime"] = _iso(row["on"])
    if "says" in row:
        observation["valueCodeableConcept"] = _coded(row["says"], {}, plan)
    elif "text" in row:
        observation["valueString"] = row["text"]
    elif "yes" in row:
        observation["valueBoolean"] = row["yes"]
    return observation


def _medication(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    statement = row.get("as") == "statement"
    request: dict[str, Any] = {
        "resourceType": "MedicationStatement" if statement else "MedicationRequest",
        "status": row.get("status", "active"),
        "medicationCodeableConcept": _coded(row["medication"], row, plan),
    }
    if not statement:
        request["intent"] = row.get("intent", "order")
    if "on" in row:
        request["effectivePeriod" if statement else "authoredOn"] = (
            {"start": _iso(row["on"])} if statement else _iso(row["on"])
        )
    if "route" in row:
        request["dosage" if statement else "dosageInstruction"] = [{"route": {"text": row["route"]}}]
    return request


def _given(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "status": row.get("status", "completed"),
        "medicationCodeableConcept": _coded(row["given"], row, plan),
        "effectiveDateTime": _iso(row["on"]),
    }


def _order(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    request: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": row.get("status", "active"),
        "intent": row.get("intent", "order"),
        "code": _coded(row["order"], row, plan),
    }
    if "on" in row:
        request["authoredOn"] = _iso(row["on"])
    if "priority" in row:
        request["priority"] = row["priority"]
    return request


def _procedure(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    procedure: dict[str, Any] = {
        "resourceType": "Procedure",
        "status": row.get("status", "completed"),
        "code": _coded(row["procedure"], row, plan),
    }
    if "on" in row:
        procedure["performedDateTime"] = _iso(row["on"])
    return procedure


def _report(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    report: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "status": row.get("status", "final"),
        "code": _coded(row["report"], row, plan),
    }
    if "on" in row:
        report["effectiveDateTime"] = _iso(row["on"])
    return report


def _answer(row: dict[str, Any], _: Plan) -> dict[str, Any]:
    said = row["is"] if isinstance(row["is"], list) else [row["is"]]
    given = [
        {"valueBoolean": s}
        if isinstance(s, bool)
        else {"valueInteger": s}
        if isinstance(s, int)
        else {"valueCoding": {"code": s}}
        for s in said
    ]
    response: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "status": row.get("status", "completed"),
        "item": [{"linkId": row["answer"], "answer": given}],
    }
    if "on" in row:
        response["authored"] = _iso(row["on"])
    return response


def _encounter(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    encounter: dict[str, Any] = {
        "resourceType": "Encounter",
        "status": row.get("status", "in-progress"),
        "class": {"code": row.get("class", "AMB")},
    }
    if row["encounter"]:
        encounter["reasonCode"] = [_coded(row["encounter"], row, plan)]
    if "on" in row:
        encounter["period"] = {"start": _iso(row["on"])} | ({"end": _iso(row["until"])} if "until" in row else {})
    if "service" in row:
        encounter["serviceType"] = {"text": row["service"]}
    return encounter


def _relative(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "completed",
        "condition": [{"code": _coded(row["relative"], row, plan)}],
    }


def _allergy(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "code": _coded(row["allergy"], row, plan)}


_MAKERS: dict[str, Callable[[dict[str, Any], Plan], dict[str, Any]]] = {
    "condition": _condition,
    "measurement": _measurement,
    "observation": _observation,
    "medication": _medication,
    "given": _given,
    "order": _order,
    "procedure": _procedure,
    "report": _report,
    "answer": _answer,
    "encounter": _encounter,
    "relative": _relative,
    "allergy": _allergy,
}
