"""Made-up hook calls, in the mix and the size of Synthea's records; the same bytes at every run of one day.

A call answers our own prefetch keys. About every twentieth resource is one that plans ask for: what chance brings
together, or, of a talkative patient, such that several topics speak. The rest is what an EHR sends along because it
stands in the same lists.
"""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Any

import orjson

from cds.fhir.prefetch import PATIENT
from cds.services import REVIEW, needs

Json = dict[str, Any]
Placed = tuple[str, Json]
"""A prefetch key, and a resource under it."""

_BASE = "https://ehr.example.org/fhir"
_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_UCUM = "http://unitsofmeasure.org"
_TERMS = "http://terminology.hl7.org/CodeSystem"

_MIX = {
    "Observation": 62, "Encounter": 12, "Procedure": 10, "DiagnosticReport": 6, "MedicationRequest": 5,
    "Condition": 4, "AllergyIntolerance": 1,
}  # fmt: skip
"""Resources of each type in a hundred."""
_RELEVANT_SHARE = 0.05
_LABS_AMONG_RELEVANT = 0.95
_YEARS = 12
"""Years that the record goes back [a]."""


@dataclass(frozen=True, slots=True)
class _Lab:
    """A test, with the span its made-up results lie in [unit]."""

    code: str
    display: str
    unit: str
    low: float
    high: float


_RELEVANT_LABS = (
    _Lab("2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "ng/mL", 9, 28),
    _Lab("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 7, 10),
    _Lab("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 10, 11.5),
    _Lab("33914-3", "Glomerular filtration rate [Volume Rate/Area] in Serum or Plasma", "mL/min/{1.73_m2}", 32, 58),
    _Lab("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 6, 14),
    _Lab("2132-9", "Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma", "pg/mL", 120, 190),
)  # fmt: skip
_OTHER_LABS = (
    _Lab("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 150, 260),
    _Lab("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 80, 240),
    _Lab("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 35, 75),
    _Lab("13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", 70, 170),
    _Lab("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 10, 40),
    _Lab("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 10, 40),
    _Lab("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", 0.2, 1.2),
    _Lab("2885-2", "Protein [Mass/volume] in Serum or Plasma", "g/dL", 6, 8),
    _Lab("10834-0", "Globulin [Mass/volume] in Serum by calculation", "g/L", 20, 35),
    _Lab("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "mmol/L", 98, 108),
    _Lab("2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma", "mmol/L", 20, 30),
    _Lab("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 150, 400),
    _Lab("789-8", "Erythrocytes [#/volume] in Blood by Automated count", "10*6/uL", 3.8, 5.6),
    _Lab("786-4", "MCHC [Mass/volume] by Automated count", "g/dL", 31, 36),
    _Lab("5803-2", "pH of Urine by Test strip", "[pH]", 5, 8),
    _Lab("5811-5", "Specific gravity of Urine by Test strip", "{nominal}", 1, 1.03),
    _Lab("5792-7", "Glucose [Mass/volume] in Urine by Test strip", "mg/dL", 0, 2),
    _Lab("2857-1", "Prostate specific Ag [Mass/volume] in Serum or Plasma", "ng/mL", 0, 4),
)  # fmt: skip
_VITAL_SIGNS = (
    _Lab("8867-4", "Heart rate", "/min", 60, 100),
    _Lab("9279-1", "Respiratory rate", "/min", 12, 16),
    _Lab("29463-7", "Body Weight", "kg", 60, 95),
)
_SURVEYS = (
    _Lab("70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]", "{score}", 0, 7),
    _Lab("55758-7", "Patient Health Questionnaire 2 item (PHQ-2) total score [Reported]", "{score}", 0, 3),
)
_RELEVANT_CONDITIONS = (
    ("10601006", "Pain in lower limb (finding)"), ("32914008", "Restless legs (disorder)"),
    ("44054006", "Diabetes mellitus type 2 (disorder)"),
)  # fmt: skip
_LASTING_CONDITIONS = _RELEVANT_CONDITIONS[1:]
_OTHER_CONDITIONS = (
    ("444814009", "Viral sinusitis (disorder)"), ("195662009", "Acute viral pharyngitis (disorder)"),
    ("10509002", "Acute bronchitis (disorder)"), ("66383009", "Gingivitis (disorder)"),
    ("314529007", "Medication review due (situation)"), ("73595000", "Stress (finding)"),
    ("160903007", "Full-time employment (finding)"), ("18718003", "Gingival disease (disorder)"),
)  # fmt: skip
_RELEVANT_DRUGS = (
    ("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    ("312961", "simvastatin 20 MG Oral Tablet"),
)
_OTHER_DRUGS = (
    ("308182", "amoxicillin 250 MG Oral Capsule"), ("313782", "acetaminophen 325 MG Oral Tablet"),
    ("314076", "lisinopril 10 MG Oral Tablet"), ("562251", "amoxicillin 250 MG / clavulanate 125 MG Oral Tablet"),
)  # fmt: skip
_PROCEDURES = (
    ("430193006", "Medication reconciliation (procedure)"), ("34043003", "Dental consultation and report (procedure)"),
    ("710824005", "Assessment of health and social care needs (procedure)"),
    ("428211000124100", "Assessment of substance use (procedure)"),
    ("234723000", "Dental fluoride treatment (procedure)"), ("171207006", "Depression screening (procedure)"),
)  # fmt: skip
_VISITS = (
    ("162673000", "General examination of patient (procedure)"), ("185345009", "Encounter for symptom (procedure)"),
    ("390906007", "Follow-up encounter (procedure)"), ("185349003", "Encounter for check up (procedure)"),
)  # fmt: skip


def hook_call(resources: int, variant: int, today: date, *, talkative: bool = False) -> bytes:
    """Make a patient-view call that holds so many resources, the patient among them.

    Args:
        resources: how many [1].
        variant: which of several patients of one size.
        today: the day of the call; the record ends the day before.
        talkative: whether the patient is one about whom several topics speak.
    """
    record = _Record(random.Random(f"{resources} {variant}"), today)
    by_key: dict[str, list[Json]] = {need.key: [] for need in needs()}
    for key, resource in record.resources(resources - 1, talkative=talkative):
        by_key[key].append(resource)
    prefetch = {PATIENT: record.patient} | {key: _bundle(found) for key, found in by_key.items()}
    call = {
        "hook": REVIEW.hook,
        "hookInstance": record.new_id(),
        "fhirServer": _BASE,
        "context": {"userId": "Practitioner/example", "patientId": record.patient["id"]},
        "prefetch": prefetch,
    }
    return orjson.dumps(call)


def _bundle(resources: Sequence[Json]) -> Json:
    entries = [
        {"fullUrl": f"{_BASE}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}}
        for r in resources
    ]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _term(system: str, code: str) -> Json:
    """Make a status, a category or a role: a code of HL7's own systems."""
    return {"coding": [{"system": f"{_TERMS}/{system}", "code": code}]}


class _Record:
    """One made-up patient."""

    def __init__(self, random_: random.Random, today: date) -> None:
        self._random, self._today = random_, today
        story = f'<div xmlns="http://www.w3.org/1999/xhtml">{"made up " * 60}</div>'
        self.patient: Json = {
            "resourceType": "Patient",
            "id": self.new_id(),
            "text": {"status": "generated", "div": story},
            "name": [{"use": "official", "family": "Example", "given": ["Given"]}],
            "gender": "female",
            "birthDate": "1956-03-04",
        }
        self._about = {"subject": {"reference": f"Patient/{self.patient['id']}"}}
        self._makers: Mapping[str, Callable[[], Placed]] = {
            "Observation": self._other_observation,
            "Encounter": self._encounter,
            "Procedure": self._procedure,
            "DiagnosticReport": self._report,
            "MedicationRequest": lambda: self._medication(*self._random.choice(_OTHER_DRUGS)),
            "Condition": lambda: self._condition(*self._random.choice(_OTHER_CONDITIONS)),
            "AllergyIntolerance": self._allergy,
        }

    def new_id(self) -> str:
        """Make the next id."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def resources(self, count: int, *, talkative: bool) -> list[Placed]:
        """Make so many resources beside the patient, in no order."""
        made = self._reasons_to_speak()[: ceil(count * _RELEVANT_SHARE)] if talkative else []
        while len(made) < count * _RELEVANT_SHARE:
            if talkative or self._random.random() < _LABS_AMONG_RELEVANT:
                made += self._lab_asked_for(self._random.choice(_RELEVANT_LABS), self._moment())
            else:
                made.append(self._condition(*self._random.choice(_LASTING_CONDITIONS)))
        types = self._types()
        while len(made) < count:
            made.append(self._makers[next(types)]())
        del made[count:]
        self._random.shuffle(made)
        return made

    def _types(self) -> Iterator[str]:
        hundred = [kind for kind, share in _MIX.items() for _ in range(share)]
        while True:
            self._random.shuffle(hundred)
            yield from hundred

    def _reasons_to_speak(self) -> list[Placed]:
        """What several topics answer: the complaint, and in any order diseases, drugs, a recent result of each test."""
        complaint, *others = (self._condition(*condition, last_year=True) for condition in _RELEVANT_CONDITIONS)
        others += [self._medication(*drug) for drug in _RELEVANT_DRUGS]
        for lab in _RELEVANT_LABS:
            others += self._lab_asked_for(lab, self._moment(last_year=True))
        self._random.shuffle(others)
        return [complaint, *others]

    def _lab_asked_for(self, lab: _Lab, when: str) -> list[Placed]:
        """Place a result where two searches find it: by its category, and by its code."""
        result = self._result(lab, "laboratory", when)
        return [("labs", result), ("observations", result)]

    def _moment(self, *, last_year: bool = False) -> str:
        days = self._random.randint(10, 60) if last_year else self._random.randint(61, _YEARS * 365)
        midnight = datetime.combine(self._today - timedelta(days=days), time(), UTC)
        return (midnight + timedelta(seconds=self._random.randrange(86_400))).isoformat()

    def _resource(self, kind: str, **elements: Any) -> Json:
        meta = {"profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}"]}
        return {"resourceType": kind, "id": self.new_id(), "meta": meta, **elements}

    def _visit(self) -> Json:
        return {"encounter": {"reference": f"Encounter/{self.new_id()}"}}

    def _other_observation(self) -> Placed:
        draw = self._random.random()
        if draw < 0.65:
            return "labs", self._result(self._random.choice(_OTHER_LABS), "laboratory", self._moment())
        if draw < 0.80:
            return "observations", self._result(self._random.choice(_VITAL_SIGNS), "vital-signs", self._moment())
        if draw < 0.90:
            return "observations", self._blood_pressure()
        return "examinations", self._result(self._random.choice(_SURVEYS), "survey", self._moment())

    def _observation(self, category: str, code: Json, when: str, **value: Any) -> Json:
        return self._resource(
            "Observation",
            status="final",
            category=[_term("observation-category", category)],
            code=code,
            effectiveDateTime=when,
            issued=when,
            **self._about,
            **self._visit(),
            **value,
        )

    def _quantity(self, lab: _Lab) -> Json:
        value = round(self._random.uniform(lab.low, lab.high), 2)
        return {"value": value, "unit": lab.unit, "system": _UCUM, "code": lab.unit}

    def _result(self, lab: _Lab, category: str, when: str) -> Json:
        return self._observation(
            category, _concept(_LOINC, lab.code, lab.display), when, valueQuantity=self._quantity(lab)
        )

    def _blood_pressure(self) -> Json:
        parts = (
            _Lab("8480-6", "Systolic Blood Pressure", "mm[Hg]", 100, 150),
            _Lab("8462-4", "Diastolic Blood Pressure", "mm[Hg]", 60, 95),
        )
        components = [
            {"code": _concept(_LOINC, part.code, part.display), "valueQuantity": self._quantity(part)} for part in parts
        ]
        code = _concept(_LOINC, "85354-9", "Blood pressure panel with all children optional")
        return self._observation("vital-signs", code, self._moment(), component=components)

    def _condition(self, code: str, display: str, *, last_year: bool = False) -> Placed:
        when = self._moment(last_year=last_year)
        return "conditions", self._resource(
            "Condition",
            clinicalStatus=_term("condition-clinical", "active"),
            verificationStatus=_term("condition-ver-status", "confirmed"),
            category=[_term("condition-category", "problem-list-item")],
            code=_concept(_SNOMED, code, display),
            onsetDateTime=when,
            recordedDate=when,
            **self._about,
            **self._visit(),
        )

    def _medication(self, code: str, display: str) -> Placed:
        daily = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
        return "medications", self._resource(
            "MedicationRequest",
            status="active",
            intent="order",
            medicationCodeableConcept=_concept(_RXNORM, code, display),
            authoredOn=self._moment(),
            requester={"reference": f"Practitioner/{self.new_id()}", "display": "Dr. Some Body"},
            dosageInstruction=[{"sequence": 1, "text": "Take one tablet daily.", "timing": daily}],
            **self._about,
            **self._visit(),
        )

    def _procedure(self) -> Placed:
        when = self._moment()
        return "procedures", self._resource(
            "Procedure",
            status="completed",
            code=_concept(_SNOMED, *self._random.choice(_PROCEDURES)),
            performedPeriod={"start": when, "end": when},
            location={"reference": f"Location/{self.new_id()}", "display": "Example General Practice"},
            **self._about,
            **self._visit(),
        )

    def _encounter(self) -> Placed:
        when = self._moment()
        doctor = {"reference": f"Practitioner/{self.new_id()}", "display": "Dr. Some Body"}
        role = _term("v3-ParticipationType", "PPRF")
        return "encounters", self._resource(
            "Encounter",
            status="finished",
            **{"class": {"system": f"{_TERMS}/v3-ActCode", "code": "AMB"}},
            type=[_concept(_SNOMED, *self._random.choice(_VISITS))],
            participant=[{"type": [role], "period": {"start": when, "end": when}, "individual": doctor}],
            period={"start": when, "end": when},
            serviceProvider={"reference": f"Organization/{self.new_id()}", "display": "Example General Practice"},
            **self._about,
        )

    def _report(self) -> Placed:
        when = self._moment()
        results = [{"reference": f"Observation/{self.new_id()}", "display": "Laboratory measurement"} for _ in range(4)]
        return "reports", self._resource(
            "DiagnosticReport",
            status="final",
            category=[_term("v2-0074", "LAB")],
            code=_concept(_LOINC, "57698-3", "Lipid panel with direct LDL - Serum or Plasma"),
            effectiveDateTime=when,
            issued=when,
            result=results,
            **self._about,
            **self._visit(),
        )

    def _allergy(self) -> Placed:
        allergy = self._resource(
            "AllergyIntolerance",
            clinicalStatus=_term("allergyintolerance-clinical", "active"),
            verificationStatus=_term("allergyintolerance-verification", "confirmed"),
            type="allergy",
            category=["environment"],
            criticality="low",
            code=_concept(_SNOMED, "300916003", "Allergy to latex"),
            patient=self._about["subject"],
            recordedDate=self._moment(),
        )
        return "allergies", allergy
