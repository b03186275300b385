"""The parts of FHIR resources that are read, as trimmed structures.

Decoding into these costs a third of decoding into dicts, and leaves out what nobody asks for. Unions are wide on
purpose: R4, R4B, R5 and STU3 spell some elements differently, and vendors send one object where a list belongs. An
element that fits none of its forms is dropped, and the rest of its resource is kept (`decode`).

A resource that this module does not name is not read.
"""

from typing import Any, Union, get_args

import msgspec
from msgspec import Raw, Struct


class _Part(Struct, gc=False):
    """An element of a resource."""


class Coding(_Part):
    """FHIR Coding."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Reference(_Part):
    """FHIR Reference."""

    reference: str | None = None
    display: str | None = None


class Concept(_Part):
    """FHIR CodeableConcept; and R5's CodeableReference, which holds one."""

    coding: list[Coding] | Coding | None = None
    text: str | None = None
    concept: "Concept | None" = None
    reference: Reference | str | None = None
    value: "list[Concept] | None" = None  # R5 Encounter.reason holds its concepts one level deeper
    display: str | None = None  # of a Reference that stands where a concept may (R5)
    system: str | None = None  # of a Coding that does (R4 Encounter.class)
    code: str | None = None


Concepts = Concept | list[Concept] | str | None
References = Reference | list[Reference] | None


class Quantity(_Part):
    """FHIR Quantity; the value is kept as written."""

    value: Raw = Raw()
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(_Part):
    """FHIR Range, and an entry of Observation.referenceRange."""

    low: Quantity | None = None
    high: Quantity | None = None
    text: str | None = None
    type: Concepts = None
    applies_to: Concepts = msgspec.field(name="appliesTo", default=None)
    age: "Range | None" = None


class Ratio(_Part):
    """FHIR Ratio."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(_Part):
    """FHIR Period."""

    start: str | None = None
    end: str | None = None


class Repeat(_Part, rename="camel"):
    """FHIR Timing.repeat."""

    bounds_period: Period | None = None


class Timing(_Part):
    """FHIR Timing."""

    event: list[str] | None = None
    repeat: Repeat | None = None


class Annotation(_Part):
    """FHIR Annotation; STU3 has a plain string in its place in Observation."""

    text: str | None = None


class Dosage(_Part):
    """FHIR Dosage."""

    text: str | None = None
    route: Concepts = None
    timing: Timing | None = None


class Meta(_Part, rename="camel"):
    """FHIR Meta."""

    last_updated: str | None = None


class _Valued(_Part, rename="camel"):
    """What Observation and its components share."""

    code: Concepts = None
    value_quantity: Quantity | None = None
    value_codeable_concept: Concepts = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    value_date_time: str | None = None
    data_absent_reason: Concepts = None
    interpretation: Concepts = None
    reference_range: list[Range] | Range | None = None


class Component(_Valued):
    """FHIR Observation.component."""


class Resource(Struct, gc=False, rename="camel", tag_field="resourceType"):
    """What every resource has."""

    id: str | None = None


class Patient(Resource, tag="Patient"):
    """FHIR Patient."""

    active: bool | None = None
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None


class Condition(Resource, tag="Condition"):
    """FHIR Condition."""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    encounter: Reference | None = None
    context: Reference | None = None
    code: Concepts = None
    body_site: Concepts = None
    clinical_status: Concepts = None
    verification_status: Concepts = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    onset_string: str | None = None
    recorded_date: str | None = None
    asserted_date: str | None = None  # STU3
    date_recorded: str | None = None  # DSTU2
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    abatement_boolean: bool | None = None
    abatement_string: str | None = None
    abatement_age: Quantity | None = None
    abatement_range: Range | None = None


class Observation(_Valued, tag="Observation", tag_field="resourceType"):
    """FHIR Observation."""

    id: str | None = None
    meta: Meta | None = None
    subject: Reference | None = None
    status: str | None = None
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    effective_timing: Timing | None = None
    issued: str | None = None
    body_site: Concepts = None
    specimen: Reference | None = None
    note: list[Annotation] | Annotation | None = None
    comment: str | None = None
    component: list[Component] | Component | None = None
    contained: list[Raw] | None = None


class MedicationRequest(Resource, tag="MedicationRequest"):
    """FHIR MedicationRequest."""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    status: str | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    medication_codeable_concept: Concepts = None
    medication_reference: Reference | None = None
    medication: Concepts = None
    authored_on: str | None = None
    effective_dose_period: Period | None = None
    dosage_instruction: list[Dosage] | Dosage | None = None
    dispense_request: "DispenseRequest | None" = None
    contained: list[Raw] | None = None


class MedicationOrder(MedicationRequest, tag="MedicationOrder"):
    """FHIR DSTU2 MedicationOrder, which STU3 renamed."""

    date_written: str | None = None


class DispenseRequest(_Part, rename="camel"):
    """FHIR MedicationRequest.dispenseRequest."""

    validity_period: Period | None = None


class MedicationStatement(Resource, tag="MedicationStatement"):
    """FHIR MedicationStatement."""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    status: str | None = None
    taken: str | None = None  # STU3
    was_not_taken: bool | None = None  # DSTU2
    medication_codeable_concept: Concepts = None
    medication_reference: Reference | None = None
    medication: Concepts = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    date_asserted: str | None = None
    adherence: "Adherence | None" = None
    dosage: list[Dosage] | Dosage | None = None
    contained: list[Raw] | None = None


class Adherence(_Part):
    """FHIR R5 MedicationStatement.adherence: whether it is taken, which its status no longer says."""

    code: Concepts = None


class MedicationAdministration(Resource, tag="MedicationAdministration"):
    """FHIR MedicationAdministration."""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    status: str | None = None
    not_given: bool | None = None  # STU3
    was_not_given: bool | None = None  # DSTU2
    medication_codeable_concept: Concepts = None
    medication_reference: Reference | None = None
    medication: Concepts = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    occurence_date_time: str | None = None  # spelled so in R5
    occurence_period: Period | None = None
    dosage: Dosage | list[Dosage] | None = None
    contained: list[Raw] | None = None


class MedicationDispense(Resource, tag="MedicationDispense"):
    """FHIR MedicationDispense."""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    status: str | None = None
    medication_codeable_concept: Concepts = None
    medication_reference: Reference | None = None
    medication: Concepts = None
    when_handed_over: str | None = None
    days_supply: Quantity | None = None
    dosage_instruction: list[Dosage] | Dosage | None = None
    contained: list[Raw] | None = None


class Ingredient(_Part, rename="camel"):
    """FHIR Medication.ingredient."""

    item_codeable_concept: Concepts = None
    item_reference: Reference | None = None
    item: Concepts = None


class Medication(Resource, tag="Medication"):
    """FHIR Medication."""

    code: Concepts = None
    form: Concepts = None
    dose_form: Concepts = None
    ingredient: list[Ingredient] | Ingredient | None = None


class Specimen(Resource, tag="Specimen"):
    """FHIR Specimen."""

    type: Concepts = None
    condition: Concepts = None
    note: list[Annotation] | Annotation | None = None


class ServiceRequest(Resource, tag="ServiceRequest"):
    """FHIR ServiceRequest."""

    subject: Reference | None = None
    status: str | None = None
    intent: Concepts = None  # a concept in STU3's DeviceRequest
    priority: str | None = None
    do_not_perform: bool | None = None
    code: Concepts = None
    reason_code: Concepts = None
    reason: Concepts = None
    authored_on: str | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None


class ProcedureRequest(ServiceRequest, tag="ProcedureRequest"):
    """FHIR STU3 ProcedureRequest, which R4 renamed."""


class DeviceRequest(ServiceRequest, tag="DeviceRequest"):
    """FHIR DeviceRequest, by which stockings are ordered."""

    code_codeable_concept: Concepts = None


class Procedure(Resource, tag="Procedure"):
    """FHIR Procedure."""

    subject: Reference | None = None
    status: str | None = None
    not_done: bool | None = None
    code: Concepts = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None


class DiagnosticReport(Resource, tag="DiagnosticReport"):
    """FHIR DiagnosticReport."""

    subject: Reference | None = None
    status: str | None = None
    code: Concepts = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    issued: str | None = None
    result: References = None
    contained: list[Raw] | None = None


class Encounter(Resource, tag="Encounter"):
    """FHIR Encounter."""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    status: str | None = None
    class_: Concepts = msgspec.field(name="class", default=None)
    type: Concepts = None
    service_type: Concepts = None
    period: Period | None = None
    actual_period: Period | None = None
    reason_code: Concepts = None
    reason_reference: Concepts = None
    reason: Concepts = None
    diagnosis: "list[EncounterDiagnosis] | EncounterDiagnosis | None" = None


class EncounterDiagnosis(_Part):
    """FHIR Encounter.diagnosis; the condition is a reference in R4, and a list in R5."""

    condition: Concepts = None


class AnswerItem(_Part, rename="camel"):
    """FHIR QuestionnaireResponse.item.answer."""

    value_boolean: bool | None = None
    value_quantity: Quantity | None = None
    value_coding: Coding | None = None
    value_string: str | None = None
    value_integer: int | None = None
    value_decimal: float | None = None
    item: "list[Item] | Item | None" = None


class Item(_Part, rename="camel"):
    """FHIR QuestionnaireResponse.item."""

    link_id: str | None = None
    text: str | None = None
    answer: list[AnswerItem] | AnswerItem | None = None
    item: "list[Item] | Item | None" = None


class QuestionnaireResponse(Resource, tag="QuestionnaireResponse"):
    """FHIR QuestionnaireResponse."""

    subject: Reference | None = None
    status: str | None = None
    authored: str | None = None
    item: list[Item] | Item | None = None


class RelativeCondition(_Part):
    """FHIR FamilyMemberHistory.condition."""

    code: Concepts = None


class FamilyMemberHistory(Resource, tag="FamilyMemberHistory"):
    """FHIR FamilyMemberHistory."""

    subject: Reference | None = msgspec.field(name="patient", default=None)
    status: str | None = None
    date: str | None = None
    relationship: Concepts = None
    condition: list[RelativeCondition] | RelativeCondition | None = None


class AllergyIntolerance(Resource, tag="AllergyIntolerance"):
    """FHIR AllergyIntolerance."""

    subject: Reference | None = msgspec.field(name="patient", default=None)
    clinical_status: Concepts = None
    verification_status: Concepts = None
    status: str | None = None  # DSTU2
    code: Concepts = None
    substance: Concepts = None  # DSTU2
    recorded_date: str | None = None
    asserted_date: str | None = None  # STU3


class OperationOutcome(Resource, tag="OperationOutcome"):
    """FHIR OperationOutcome: what a server says beside the matches of a search; nobody reads it."""


_TYPES = (
    Patient, Condition, Observation, MedicationRequest, MedicationOrder, MedicationStatement, MedicationAdministration,
    MedicationDispense, Medication, Specimen, ServiceRequest, ProcedureRequest, DeviceRequest, Procedure,
    DiagnosticReport, Encounter, QuestionnaireResponse, FamilyMemberHistory, AllergyIntolerance,
)  # fmt: skip
_BY_NAME: dict[str, type[Struct]] = {kind.__name__: kind for kind in _TYPES}

AnyMedication = MedicationRequest | MedicationStatement | MedicationAdministration | MedicationDispense
"""What says that a drug is prescribed, stated, given or handed out."""
AboutPatient = (
    Condition | Observation | AnyMedication | ServiceRequest | Procedure | DiagnosticReport | Encounter
    | QuestionnaireResponse | FamilyMemberHistory | AllergyIntolerance
)  # fmt: skip
"""What is about somebody, and counts only when it is about the patient of the call."""
ABOUT_PATIENT = frozenset(kind.__name__ for kind in get_args(AboutPatient))
AnyResource = Patient | Medication | Specimen | AboutPatient | MedicationOrder | ProcedureRequest | DeviceRequest

_whole = msgspec.json.Decoder(AnyResource)
_members = msgspec.json.Decoder(dict[str, Raw])
_ELEMENTS: dict[type[Struct], dict[str, msgspec.structs.FieldInfo]] = {
    kind: {field.encode_name: field for field in msgspec.structs.fields(kind)} for kind in _TYPES
}


_UNREAD = """
Account ActivityDefinition ActorDefinition AdministrableProductDefinition AdverseEvent Appointment AppointmentResponse
ArtifactAssessment AuditEvent Basic Binary BiologicallyDerivedProduct BiologicallyDerivedProductDispense BodySite
BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Citation Claim
ClaimResponse ClinicalImpression ClinicalUseDefinition CodeSystem Communication CommunicationRequest
CompartmentDefinition Composition ConceptMap ConditionDefinition Consent Contract Coverage
CoverageEligibilityRequest CoverageEligibilityResponse DataElement DetectedIssue Device DeviceAssociation
DeviceComponent DeviceDefinition DeviceDispense DeviceMetric DeviceUsage DeviceUseStatement
DocumentManifest DocumentReference EffectEvidenceSynthesis EligibilityRequest EligibilityResponse EncounterHistory
Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceReport EvidenceVariable
ExampleScenario ExpansionProfile ExplanationOfBenefit Flag FormularyItem GenomicStudy Goal GraphDefinition Group
GuidanceResponse HealthcareService ImagingManifest ImagingSelection ImagingStudy Immunization
ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide Ingredient InsurancePlan InventoryItem
InventoryReport Invoice Library Linkage List Location ManufacturedItemDefinition Measure MeasureReport Media
MedicationKnowledge MedicinalProductDefinition MessageDefinition MessageHeader MolecularSequence NamingSystem
NutritionIntake NutritionOrder NutritionProduct ObservationDefinition OperationDefinition
Organization OrganizationAffiliation PackagedProductDefinition Parameters PaymentNotice PaymentReconciliation
Permission Person PlanDefinition Practitioner PractitionerRole Provenance Questionnaire ReferralRequest
RegulatedAuthorization RelatedPerson RequestGroup RequestOrchestration Requirements ResearchDefinition
ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule
SearchParameter Sequence ServiceDefinition Slot SpecimenDefinition StructureDefinition StructureMap Subscription
SubscriptionStatus SubscriptionTopic Substance SubstanceDefinition SubstanceNucleicAcid SubstancePolymer
SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery
SupplyRequest Task TerminologyCapabilities TestPlan TestReport TestScript Transport ValueSet VerificationResult
VisionPrescription
""".split()  # noqa: SIM905 - names read better as words
"""Kinds of STU3, R4, R4B and R5 that nobody reads: known by name, so that they pass without a second look."""

_unread = tuple(msgspec.defstruct(name, [], tag=name, tag_field="resourceType", gc=False) for name in _UNREAD)
Decodable: Any = Union[(AnyResource, OperationOutcome, *_unread)]
"""Any resource that a Bundle may hold, decoded as far as it is read."""


class Unreadable(Exception):
    """A resource of a kind that is read is broken beyond use."""


usual = _whole.decode
"""Decodes a resource all of whose elements are as they should be; raises one of `ODD` for any other."""

ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(raw: Raw | bytes) -> tuple[AnyResource | None, tuple[str, ...]]:
    """Read one resource.

    Returns:
        The resource, None when it is of a kind that nobody reads, and the names of its elements that could not be read.

    Raises:
        Unreadable: it is not JSON, not an object, or has no resourceType.
    """
    try:
        return usual(raw), ()
    except ODD:
        return _salvage(raw)


def _salvage(raw: Raw | bytes) -> tuple[AnyResource | None, tuple[str, ...]]:
    """Read what can be read of a resource, element by element."""
    try:
        members = _members.decode(raw)
        name = msgspec.json.decode(members["resourceType"], type=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise Unreadable from error
    kind = _BY_NAME.get(name)
    if kind is None:
        return None, ()
    kept: dict[str, Any] = {}
    dropped = []
    for element, field in _ELEMENTS[kind].items():
        if (value := members.get(element)) is None:
            continue
        try:
            kept[field.name] = msgspec.json.decode(value, type=field.type)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            dropped.append(element)
    resource: AnyResource = kind(**kept)  # type: ignore[assignment]  # kind is one of AnyResource's members
    return resource, tuple(dropped)


MOST = 200
"""Concepts, and codings of one, that are read of an element: no chart holds more, and work grows with their square."""


def concepts(value: Any) -> list[Concept]:
    """Give the CodeableConcepts in an element of any of its shapes, however deep it is nested."""
    if value is None:  # as most elements are
        return []
    found: list[Concept] = []
    left = [value]
    while left and len(found) < MOST:
        element = left.pop()
        if isinstance(element, Concept):
            if element.value:
                left += reversed(element.value[:MOST])
            else:
                found.append(element.concept or element)
        elif isinstance(element, list):
            left += reversed(element[:MOST])
        elif isinstance(element, str):
            found.append(Concept(code=element, text=element))
    return found


def codings(value: Any) -> list[Coding]:
    """Give the codings in an element of any of its shapes."""
    found: list[Coding] = []
    for concept in concepts(value):
        if isinstance(concept.coding, list):
            found += concept.coding[:MOST]
        elif concept.coding is not None:
            found.append(concept.coding)
        elif concept.code is not None:
            found.append(Coding(concept.system, concept.code, concept.display))
    return found[:MOST]


def codes(value: Any) -> frozenset[str]:
    """Give the bare codes of an element, or its text where it has none, in lower case.

    For statuses and the like, whose system never matters.
    """
    if value is None:
        return frozenset()
    found = {coding.code.strip().lower() for coding in codings(value) if coding.code}
    return frozenset(found or (concept.text.strip().lower() for concept in concepts(value) if concept.text))


def texts(value: Any) -> list[str]:
    """Give the words of an element: its text and the displays of its codings."""
    if value is None:
        return []
    found = []
    for concept in concepts(value):
        inside = concept.coding[:MOST] if type(concept.coding) is list else codings(concept)
        said = (concept.text, concept.display, *[coding.display for coding in inside])
        found += [text for text in dict.fromkeys(said) if text]
        if len(found) >= MOST:
            break
    return found


def items(value: Any) -> list[Any]:
    """Give an element as a list, whether it came as one or not."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
