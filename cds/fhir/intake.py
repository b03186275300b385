"""Intake: resources sorted onto shelves as they come.

Only what some concept of the knowledge base recognises is kept. A resource counts only if it is about the patient of
the call; what was left out is counted, and named where it matters.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, Protocol

from msgspec import Raw

from cds.chart import facts
from cds.chart.codes import NONE
from cds.chart.vocabulary import Vocabulary
from cds.fhir import answers, encounters, requests, resources, results
from cds.fhir.recognition import recogniser
from cds.fhir.references import target, unversioned
from cds.fhir.values import Valued, has_value

COMPLAINT = "chief-complaint"
"""The concept of an Observation whose words are the patient's complaint."""
HAEMOLYSIS = "haemolysed-sample"
"""The concept of an Observation that says of a sample whether it is haemolysed."""

Pair = tuple[resources.Observation, Valued]
"""An observation, and what in it holds the value: itself or a component."""


class Entry(Protocol):
    """An entry of a Bundle, decoded."""

    resource: Any
    full_url: str | None


class Intake:
    """Takes resources in, and keeps those that matter by what they mean."""

    def __init__(self, vocabulary: Vocabulary, patient_id: str, today: date, own_urls: Iterable[str] = ()) -> None:
        """Start empty.

        Args:
            vocabulary: by which resources are recognised.
            patient_id: of the patient of the call.
            today: the day of the call; later facts do not count.
            own_urls: further references that mean this patient (a Bundle's `fullUrl`).
        """
        self.today = today
        self.left_out: Counter[str] = Counter()
        """Why resources were left out -> how many."""
        self.patient: facts.Patient | None = None
        self.unread = 0
        """How many resources could not be read, wholly or in part."""
        self.other_patients = 0
        self._vocabulary = vocabulary
        self._means = recogniser(vocabulary)
        self.patient_id = patient_id
        self._own = {f"Patient/{patient_id}", f"urn:uuid:{patient_id}", *own_urls}
        self._seen: set[tuple[type, str]] = set()
        self._odd: set[int] = set()
        """Hashes of what could not be read, or not wholly."""
        self._index: dict[tuple[str, str], list[Any]] = defaultdict(list)
        """Shelf and concept -> what means it."""
        self._items: dict[str, list[tuple[resources.QuestionnaireResponse, resources.Item]]] = defaultdict(list)
        self._medications: list[resources.AnyMedication] = []
        self._drug_kinds: dict[str, resources.Medication] = {}
        self._specimens: dict[str, resources.Specimen] = {}
        self._reports: list[resources.DiagnosticReport] = []
        self._encounters: list[resources.Encounter] = []
        self._in_hospital: list[resources.Encounter] = []
        self._drafts: list[tuple[resources.AnyMedication | resources.ServiceRequest, bool]] = []
        """Orders that are being written, and whether each is one that the call is about."""

    def unreadable(self, what: str) -> None:
        """Note that a resource could not be read."""
        self.left_out[f"{what} could not be read"] += 1
        self.unread += 1

    def put(self, entries: Iterable[Entry]) -> int:
        """Take in decoded resources, passing over kinds that nobody reads, and say how many there were of any kind.

        An outcome says something of the search and is no match of it.
        """
        count = 0
        for entry in entries:
            resource = entry.resource
            take = _TAKE.get(type(resource))
            if take is not None:
                take(self, resource, entry.full_url)
            elif resource is None or type(resource) is resources.OperationOutcome:
                continue
            count += 1
        return count

    def take(self, raw: Raw | bytes, full_url: str | None = None) -> bool:
        """Take in one resource, and say whether it could be read."""
        try:
            resource = resources.usual(raw)
        except resources.ODD:
            return self._take_odd(raw, full_url)
        _TAKE[type(resource)](self, resource, full_url)
        return True

    def _take_odd(self, raw: Raw | bytes, full_url: str | None) -> bool:
        """Take in what can be read of a resource; one of a kind that nobody reads is nothing to note.

        Results are asked for twice: a copy of what could not be read is not noted again.
        """
        written = hash(bytes(raw))
        is_copy = written in self._odd
        self._odd.add(written)
        try:
            resource, dropped = resources.decode(raw)
        except resources.Unreadable:
            if not is_copy:
                self.unreadable("resource")
            return False
        if resource is not None:
            if dropped and not is_copy:
                self.unreadable(f"{type(resource).__name__}.{'/'.join(dropped)}")
            _TAKE[type(resource)](self, resource, full_url)
        return True

    def _admit(self, resource: resources.AboutPatient, full_url: str | None) -> bool:
        """Whether a resource that matters is to be kept: about the patient of the call (DS-23), and not a copy."""
        subject = _subject(resource)
        if (subject is None or subject.reference not in self._own) and not self._is_own(subject):
            self.left_out["about another or an unnamed patient"] += 1
            return False
        if resource.id is None and full_url:
            resource.id = target(full_url)
        if resource.id is not None:
            identity = (type(resource), resource.id)
            if identity in self._seen:
                return False
            self._seen.add(identity)
        return True

    def _is_own(self, subject: resources.Reference | None) -> bool:
        reference = subject.reference if subject else None
        if reference is None:
            return False
        bare = unversioned(reference)
        if bare in self._own or bare.endswith(f"/Patient/{self.patient_id}"):
            self._own.add(reference)
            return True
        return False

    def _file(self, shelf: str, names: Iterable[str], resource: Any) -> None:
        for name in names:
            self._index[shelf, name].append(resource)

    def _take_patient(self, patient: resources.Patient, full_url: str | None) -> None:
        patient.id = patient.id or target(full_url or "")
        if patient.id != self.patient_id:
            self.other_patients += 1
        elif self.patient is None:
            self.patient = _patient(patient)
            if full_url:
                self._own.add(full_url)

    def _take_drug_kind(self, medication: resources.Medication, full_url: str | None) -> None:
        for name in (medication.id, target(full_url) if full_url else None):
            if name:
                self._drug_kinds[name] = medication

    def _take_specimen(self, specimen: resources.Specimen, full_url: str | None) -> None:
        for name in (specimen.id, target(full_url) if full_url else None):
            if name:
                self._specimens[name] = specimen

    def _take_condition(self, condition: resources.Condition, full_url: str | None) -> None:
        names = self._means.concepts(condition.code)
        if names and self._admit(condition, full_url):
            self._file("condition", names, condition)

    def _take_observation(self, observation: resources.Observation, full_url: str | None) -> None:
        names = self._means.tests(observation.code)
        parts = resources.items(observation.component) if observation.component else ()
        if not (names or parts or observation.contained) or not self._admit(observation, full_url):
            return
        self._file("result", names, (observation, observation))
        if COMPLAINT in names:
            self._file("complaint", self._complained_of(observation), (observation, None))
        # A component may carry the panel's own code; it counts only where the panel has no value itself (DS-7).
        taken = names if parts and has_value(observation) else NONE
        for component in parts:
            component.code = self._means.as_part(component.code, observation.code, names)
            self._file("result", self._means.tests(component.code) - taken, (observation, component))
        if observation.contained:
            self._take_contained(observation)

    def _complained_of(self, observation: resources.Observation) -> frozenset[str]:
        coded = self._means.concepts(observation.value_codeable_concept)
        return coded | self._means.said([observation.value_string])

    def _take_contained(self, parent: resources.Observation | resources.DiagnosticReport) -> None:
        """Take in the results that a panel or a report carries inside it; what they do not say, it says for them."""
        if parent.status in results.VOID:
            return
        for inner in self._contained(parent.contained):
            if isinstance(inner, resources.Observation):
                inner.subject = inner.subject or parent.subject
                inner.id = f"{parent.id}#{inner.id.lstrip('#')}" if parent.id and inner.id else None
                inner.contained = None  # contained resources contain none
                if results.clinical_date(inner) is None:
                    inner.effective_date_time = parent.effective_date_time
                    inner.effective_period = parent.effective_period
                    inner.issued = parent.issued
                self._take_observation(inner, None)

    def _contained(self, raws: list[Raw] | None) -> Iterator[resources.AnyResource]:
        for raw in raws or ():
            try:
                inner, _ = resources.decode(raw)
            except resources.Unreadable:
                self.unreadable("contained resource")
            else:
                if inner is not None:
                    yield inner

    def _take_medication(self, medication: resources.AnyMedication, full_url: str | None) -> None:
        # Which drug it is may stand in a Medication that comes later.
        if self._admit(medication, full_url):
            self._medications.append(medication)

    def _take_request(self, request: resources.ServiceRequest, full_url: str | None) -> None:
        # Local codes are common here: an exact name of a test will do.
        names = self._requested(request)
        reasons = requests.reasons(request)
        if (names or reasons) and self._admit(request, full_url):
            self._file("order", names, request)
            for reason in reasons:
                self._file("complaint", self._means.concepts(reason), (request, reason))

    def _requested(self, request: resources.ServiceRequest) -> frozenset[str]:
        asked = requests.asked_for(request)
        return self._means.concepts(asked) | self._means.tests(asked)

    def take_draft(self, raw: Raw | bytes, *, at_hand: bool) -> None:
        """Take in an order that is being written, or a medication that one refers to; nothing in it is required.

        Args:
            raw: the resource.
            at_hand: whether the call is about this one.
        """
        try:
            resource, _ = resources.decode(raw)
        except resources.Unreadable:
            self.unreadable("draft order")
            return
        if isinstance(resource, resources.Medication):
            self._take_drug_kind(resource, None)
        elif isinstance(resource, resources.AnyMedication | resources.ServiceRequest):
            subject = _subject(resource)
            if subject is not None and subject.reference and not self._is_own(subject):
                self.left_out["about another or an unnamed patient"] += 1
                return
            self._drafts.append((resource, at_hand))
            if isinstance(resource, resources.ServiceRequest):
                for reason in requests.reasons(resource):
                    self._file("complaint", self._means.concepts(reason), (resource, reason))
                    self._file("feared", self._means.feared(reason), (resource, reason))

    def _take_procedure(self, procedure: resources.Procedure, full_url: str | None) -> None:
        names = self._means.concepts(procedure.code)
        if names and self._admit(procedure, full_url):
            self._file("act", names, procedure)

    def _take_report(self, report: resources.DiagnosticReport, full_url: str | None) -> None:
        if self._admit(report, full_url):
            if report.result and report.status not in results.VOID:
                self._reports.append(report)
            self._file("act", self._means.concepts(report.code), report)
            if report.contained:
                self._take_contained(report)

    def _take_encounter(self, encounter: resources.Encounter, full_url: str | None) -> None:
        if self._admit(encounter, full_url):
            self._encounters.append(encounter)
            if encounters.is_in_hospital(encounter):
                self._in_hospital.append(encounter)
            for reason in encounters.reasons(encounter):
                self._file("complaint", self._means.concepts(reason), (encounter, reason))

    def _take_response(self, response: resources.QuestionnaireResponse, full_url: str | None) -> None:
        if self._admit(response, full_url):
            for item in answers.all_items(response):
                link = item.link_id or ""
                self._items[self._vocabulary.also_item.get(link, link)].append((response, item))

    def _take_relative(self, history: resources.FamilyMemberHistory, full_url: str | None) -> None:
        names = NONE.union(*(self._means.concepts(condition.code) for condition in resources.items(history.condition)))
        if names and self._admit(history, full_url):
            self._file("relative", names, history)

    def _take_allergy(self, allergy: resources.AllergyIntolerance, full_url: str | None) -> None:
        names = self._means.drugs(allergy.code or allergy.substance)
        if names and self._admit(allergy, full_url):
            self._file("allergy", names, allergy)


def _subject(resource: resources.AboutPatient) -> resources.Reference | None:
    return resource.subject or getattr(resource, "patient", None)  # so called in DSTU2


def _patient(patient: resources.Patient) -> facts.Patient:
    return facts.Patient(
        name="Patient",
        reference=f"Patient/{patient.id}",
        birth=results.day(patient.birth_date),
        sex=patient.gender,
        deceased=bool(patient.deceased_boolean or patient.deceased_date_time),
        inactive=patient.active is False,
    )


_TAKE: dict[type, Callable[[Intake, Any, str | None], None]] = {
    resources.Patient: Intake._take_patient,
    resources.Medication: Intake._take_drug_kind,
    resources.Specimen: Intake._take_specimen,
    resources.Condition: Intake._take_condition,
    resources.Observation: Intake._take_observation,
    resources.MedicationRequest: Intake._take_medication,
    resources.MedicationOrder: Intake._take_medication,
    resources.MedicationStatement: Intake._take_medication,
    resources.MedicationAdministration: Intake._take_medication,
    resources.MedicationDispense: Intake._take_medication,
    resources.ServiceRequest: Intake._take_request,
    resources.ProcedureRequest: Intake._take_request,
    resources.DeviceRequest: Intake._take_request,
    resources.Procedure: Intake._take_procedure,
    resources.DiagnosticReport: Intake._take_report,
    resources.Encounter: Intake._take_encounter,
    resources.QuestionnaireResponse: Intake._take_response,
    resources.FamilyMemberHistory: Intake._take_relative,
    resources.AllergyIntolerance: Intake._take_allergy,
}
