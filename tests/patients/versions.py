"""One patient in every version of FHIR: R4 resources rewritten to the shapes that R4B, R5 and STU3 have in their place.

Differences as https://hl7.org/fhir/R4/diff.html and https://hl7.org/fhir/R5/diff.html list them. What a version has no
element for, and the service does not read either, is left out; kinds that nobody reads are left out altogether.
"""

import copy
from collections.abc import Callable
from typing import Any

from fhir import resources
from fhir.resources import R4B, STU3
from pydantic import ValidationError

Resource = dict[str, Any]
_MODELS = {"R4B": R4B, "R5": resources, "STU3": STU3}
VERSIONS = tuple(_MODELS)
_LATER_NAMES = {"ServiceRequest": "ProcedureRequest"}


def rendered(bundle: Resource, version: str) -> Resource:
    """Give a Bundle of R4 resources as a server of another version would send it."""
    entries = [
        {**entry, "resource": _in_version(entry["resource"], version)}
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] in _R5
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def is_valid(resource: Resource, version: str) -> bool:
    """Whether a resource is one of that version."""
    try:
        _model(resource["resourceType"], version).model_validate(resource)
    except ValidationError:
        return False
    return True


def _model(kind: str, version: str) -> Any:
    return _MODELS[version].get_fhir_model_class(kind)


def _in_version(resource: Resource, version: str) -> Resource:
    made = copy.deepcopy(resource)
    if version == "R4B":
        return made
    rewrite = (_R5 if version == "R5" else _STU3)[made["resourceType"]]
    rewrite(made)
    if version == "STU3":
        _untyped(made)
        made["resourceType"] = _LATER_NAMES.get(made["resourceType"], made["resourceType"])
    if "contained" in made:
        made["contained"] = [_in_version(inner, version) for inner in made["contained"]]
    known = {field.alias or name for name, field in _model(made["resourceType"], version).model_fields.items()}
    return {name: value for name, value in made.items() if name in known or name == "resourceType"}


def _move(made: Resource, **names: str) -> None:
    for old, new in names.items():
        if old in made:
            made[new] = made.pop(old)


def _first(made: Resource, *names: str) -> None:
    """Leave one object where R4 has a list."""
    for name in names:
        if name in made:
            made[name] = made[name][0]


def _none(_: Resource) -> None:
    """Nothing that we read differs."""


# --- R5 --------------------------------------------------------------------------------------------------------------


def _reasons(made: Resource) -> None:
    concepts = [{"concept": code} for code in made.pop("reasonCode", ())]
    references = [{"reference": reference} for reference in made.pop("reasonReference", ())]
    if concepts or references:
        made["reason"] = [*concepts, *references]


def _medicated_r5(made: Resource) -> None:
    if "medicationCodeableConcept" in made:
        made["medication"] = {"concept": made.pop("medicationCodeableConcept")}
    if "medicationReference" in made:
        made["medication"] = {"reference": made.pop("medicationReference")}
    _reasons(made)
    _move(made, context="encounter", reportedBoolean="reported", effectiveDateTime="occurenceDateTime")
    _move(made, effectivePeriod="occurencePeriod")
    for dosage in (*made.get("dosageInstruction", ()), *_listed(made.get("dosage"))):
        _move(dosage, asNeededBoolean="asNeeded")
        if "asNeededCodeableConcept" in dosage:
            dosage["asNeededFor"] = [dosage.pop("asNeededCodeableConcept")]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


_ADHERENCE = {
    "active": "taking",
    "intended": "taking",
    "completed": "taking",
    "not-taken": "not-taking",
    "on-hold": "on-hold",
    "stopped": "stopped",
    "unknown": "unknown",
}


def _statement_r5(made: Resource) -> None:
    _medicated_r5(made)
    _move(made, occurenceDateTime="effectiveDateTime", occurencePeriod="effectivePeriod")
    if "informationSource" in made:
        made["informationSource"] = [made["informationSource"]]
    if made["status"] in _ADHERENCE:
        made["adherence"] = {"code": {"coding": [{"code": _ADHERENCE[made["status"]]}]}}
        made["status"] = "recorded"


def _medication_r5(made: Resource) -> None:
    _move(made, form="doseForm")
    for ingredient in made.get("ingredient", ()):
        if "itemCodeableConcept" in ingredient:
            ingredient["item"] = {"concept": ingredient.pop("itemCodeableConcept")}
        if "itemReference" in ingredient:
            ingredient["item"] = {"reference": ingredient.pop("itemReference")}


def _condition_r5(made: Resource) -> None:
    # The status became required, and may say that it is not known.
    made.setdefault("clinicalStatus", {"coding": [{"code": "unknown"}]})
    evidence = made.pop("evidence", [])
    found = [{"concept": code} for one in evidence for code in one.get("code", ())]
    found += [{"reference": reference} for one in evidence for reference in one.get("detail", ())]
    if found:
        made["evidence"] = found


_ENCOUNTER_R5 = {"arrived": "in-progress", "triaged": "in-progress", "onleave": "on-hold", "finished": "completed"}


def _encounter_r5(made: Resource) -> None:
    made["status"] = _ENCOUNTER_R5.get(made["status"], made["status"])
    made["class"] = [{"coding": [made["class"]]}]
    _move(made, period="actualPeriod", hospitalization="admission")
    _reasons(made)
    if "reason" in made:
        made["reason"] = [{"value": [reason]} for reason in made["reason"]]
    for diagnosis in made.get("diagnosis", ()):
        diagnosis["condition"] = [{"reference": diagnosis["condition"]}]
        if "use" in diagnosis:
            diagnosis["use"] = [diagnosis["use"]]
        diagnosis.pop("rank", None)
    for participant in made.get("participant", ()):
        _move(participant, individual="actor")
    if "serviceType" in made:
        made["serviceType"] = [{"concept": made["serviceType"]}]


def _procedure_r5(made: Resource) -> None:
    _move(made, performedDateTime="occurrenceDateTime", performedPeriod="occurrencePeriod")
    _reasons(made)


def _request_r5(made: Resource) -> None:
    if "code" in made:
        made["code"] = {"concept": made["code"]}
    _reasons(made)


def _device_r5(made: Resource) -> None:
    _move(made, codeCodeableConcept="code")
    _request_r5(made)


def _response_r5(made: Resource) -> None:
    made.setdefault("questionnaire", "https://example.org/Questionnaire/any")  # became required


def _allergy_r5(made: Resource) -> None:
    if "type" in made:
        made["type"] = {"coding": [{"code": made["type"]}]}
    for reaction in made.get("reaction", ()):
        reaction["manifestation"] = [{"concept": concept} for concept in reaction["manifestation"]]


_R5: dict[str, Callable[[Resource], None]] = {
    "Patient": _none,
    "Observation": _none,
    "DiagnosticReport": _none,
    "FamilyMemberHistory": _reasons,
    "Specimen": _none,
    "Condition": _condition_r5,
    "MedicationRequest": _medicated_r5,
    "MedicationStatement": _statement_r5,
    "MedicationAdministration": _medicated_r5,
    "MedicationDispense": _medicated_r5,
    "Medication": _medication_r5,
    "Encounter": _encounter_r5,
    "Procedure": _procedure_r5,
    "ServiceRequest": _request_r5,
    "DeviceRequest": _device_r5,
    "QuestionnaireResponse": _response_r5,
    "AllergyIntolerance": _allergy_r5,
}


# --- STU3 ------------------------------------------------------------------------------------------------------------


def _untyped(value: Any) -> None:
    """Take from references the type that STU3 has no element for."""
    if isinstance(value, dict):
        if "reference" in value:
            value.pop("type", None)
        for member in value.values():
            _untyped(member)
    elif isinstance(value, list):
        for item in value:
            _untyped(item)


def _status_codes(made: Resource) -> None:
    for name in ("clinicalStatus", "verificationStatus"):
        if name in made:
            made[name] = made[name]["coding"][0]["code"]
    if made.get("verificationStatus") == "unconfirmed":
        made["verificationStatus"] = "provisional"
    _move(made, recordedDate="assertedDate")


def _condition_stu3(made: Resource) -> None:
    _status_codes(made)
    _move(made, encounter="context")
    _first(made, "stage")
    made.get("stage", {}).pop("type", None)


def _observation_stu3(made: Resource) -> None:
    _move(made, encounter="context", effectiveInstant="effectiveDateTime")
    if "effectiveTiming" in made:
        made["effectiveDateTime"] = made.pop("effectiveTiming")["event"][-1]
    if "note" in made:
        made["comment"] = " ".join(note["text"] for note in made.pop("note"))
    if "hasMember" in made:
        made["related"] = [{"type": "has-member", "target": member} for member in made.pop("hasMember")]
    for valued in (made, *made.get("component", ())):
        _first(valued, "interpretation")
        if "valueInteger" in valued:  # no integers among its values
            valued["valueQuantity"] = {"value": valued.pop("valueInteger")}


def _medicated_stu3(made: Resource) -> None:
    _move(made, encounter="context")
    if "requester" in made:
        made["requester"] = {"agent": made["requester"]}
    if isinstance(made.get("category"), list):
        _first(made, "category")
    if not made.get("dispenseRequest", {}).get("numberOfRepeatsAllowed", 1):
        made["dispenseRequest"].pop("numberOfRepeatsAllowed")  # a positive number, or none
    for dosage in (*made.get("dosageInstruction", ()), *_listed(made.get("dosage"))):
        for given in dosage.pop("doseAndRate", ())[:1]:
            given.pop("type", None)
            dosage.update(given)


def _statement_stu3(made: Resource) -> None:
    _medicated_stu3(made)
    made["taken"] = "n" if made["status"] == "not-taken" else "y"
    if made["status"] == "not-taken":
        made["status"] = "active"


def _administration_stu3(made: Resource) -> None:
    _medicated_stu3(made)
    _done_stu3(made, "notGiven", "completed")


def _done_stu3(made: Resource, flag: str, status: str) -> None:
    if made["status"] == "not-done":
        made[flag], made["status"] = True, status


def _encounter_stu3(made: Resource) -> None:
    _move(made, reasonCode="reason")
    reasons = [{"condition": reference} for reference in made.pop("reasonReference", ())]
    for diagnosis in made.get("diagnosis", ()):
        _move(diagnosis, use="role")
    if reasons:
        made["diagnosis"] = [*made.get("diagnosis", ()), *reasons]


def _procedure_stu3(made: Resource) -> None:
    _move(made, encounter="context")
    _done_stu3(made, "notDone", "suspended")


def _request_stu3(made: Resource) -> None:
    _medicated_stu3(made)


def _device_stu3(made: Resource) -> None:
    _medicated_stu3(made)
    made["intent"] = {"coding": [{"code": made["intent"]}]}


def _report_stu3(made: Resource) -> None:
    _move(made, encounter="context", conclusionCode="codedDiagnosis")
    _first(made, "category")
    if "performer" in made:
        made["performer"] = [{"actor": performer} for performer in made["performer"]]


def _response_stu3(made: Resource) -> None:
    _move(made, encounter="context")
    if "questionnaire" in made:
        made["questionnaire"] = {"reference": made["questionnaire"]}


def _relative_stu3(made: Resource) -> None:
    if "sex" in made:
        made["gender"] = made.pop("sex")["coding"][0]["code"]


_STU3: dict[str, Callable[[Resource], None]] = {
    "Patient": _none,
    "Medication": _none,
    "Specimen": _none,
    "Observation": _observation_stu3,
    "DiagnosticReport": _report_stu3,
    "FamilyMemberHistory": _relative_stu3,
    "Condition": _condition_stu3,
    "MedicationRequest": _medicated_stu3,
    "MedicationStatement": _statement_stu3,
    "MedicationAdministration": _administration_stu3,
    "MedicationDispense": _medicated_stu3,
    "Encounter": _encounter_stu3,
    "Procedure": _procedure_stu3,
    "ServiceRequest": _request_stu3,
    "DeviceRequest": _device_stu3,
    "QuestionnaireResponse": _response_stu3,
    "AllergyIntolerance": _status_codes,
}
