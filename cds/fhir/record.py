"""The record of one call: resources taken in as they come, turned into facts when somebody asks.

Only what some concept of the knowledge base recognises is kept. A resource counts only if it is about the patient of the
call; what was left out is counted, and named where it matters.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from operator import attrgetter
from typing import Any

from msgspec import Raw

from cds.chart import facts
from cds.chart.analytes import CodeUse
from cds.chart.codes import NONE
from cds.chart.text import words_of
from cds.chart.vocabulary import Vocabulary
from cds.fhir import answers, conditions, encounters, medications, requests, resources, results
from cds.fhir.resources import Concept, Concepts, codings, texts

_COMPLAINT = "chief-complaint"
"""The concept of an Observation whose words are the patient's complaint."""


class _Result:
    """A result as it came, and what was made of it once somebody reached it."""

    __slots__ = ("made", "observation", "order", "valued")

    def __init__(self, order: Any, observation: resources.Observation, valued: results.Valued) -> None:
        self.order, self.observation, self.valued = order, observation, valued
        self.made: tuple[facts.Measurement | None] | None = None


class PatientRecord:
    """All that was supplied about one patient; implements cds.chart.chart.Record."""

    def __init__(self, vocabulary: Vocabulary, patient_id: str, today: date, own_urls: Iterable[str] = ()) -> None:
        """Start an empty record.

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
        self.other_patients = 0
        self._vocabulary = vocabulary
        self._lookup = vocabulary.codes.lookup
        self._patient_id = patient_id
        self._own = {f"Patient/{patient_id}", f"urn:uuid:{patient_id}", *own_urls}
        self._index: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self._seen: set[tuple[str, str]] = set()
        self._items: dict[str, list[tuple[resources.QuestionnaireResponse, resources.Item]]] = defaultdict(list)
        self._medications: list[medications.AnyMedication] = []
        self._drug_kinds: dict[str, resources.Medication] = {}
        self._drugs: dict[str, list[medications.Taken]] | None = None
        self._reports: list[resources.DiagnosticReport] = []
        self._report_of: dict[str, resources.DiagnosticReport] | None = None
        self._encounters: dict[str, resources.Encounter] = {}
        self._memo: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._in_order: dict[str, list[_Result]] = {}

    # --- taking in -----------------------------------------------------------------------------------------------

    def unreadable(self, what: str) -> None:
        """Note that a resource could not be read."""
        self.left_out[f"{what} could not be read"] += 1

    def take(self, raw: Raw | bytes, full_url: str | None = None) -> None:
        """Take in one resource."""
        try:
            resource, dropped = resources.decode(raw)
        except resources.Unreadable:
            self.unreadable("resource")
            return
        if resource is not None:
            if dropped:
                self.left_out[f"{type(resource).__name__}.{'/'.join(dropped)} could not be read"] += 1
            _TAKE[type(resource)](self, resource, full_url)

    def _admit(self, resource: resources.AnyResource, full_url: str | None) -> bool:
        """Whether a resource that matters is to be kept: not a copy, and about the patient of the call (DS-23)."""
        if resource.id is None and full_url:
            resource.id = full_url.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        if resource.id is not None:
            identity = (type(resource), resource.id)
            if identity in self._seen:
                return False
            self._seen.add(identity)
        if self._is_own(resource.subject):
            return True
        self.left_out["about another or an unnamed patient"] += 1
        return False

    def _take_patient(self, patient: resources.Patient, full_url: str | None) -> None:
        patient.id = patient.id or (full_url or "").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        if patient.id != self._patient_id:
            self.other_patients += 1
        elif self.patient is None:
            self.patient = _patient(patient)
            if full_url:
                self._own.add(full_url)

    def _take_drug_kind(self, medication: resources.Medication, full_url: str | None) -> None:
        for url in (f"Medication/{medication.id}", full_url):
            if url:
                self._drug_kinds[url] = medication

    def _is_own(self, subject: resources.Reference | None) -> bool:
        reference = subject.reference if subject else None
        if reference is None:
            return False
        if reference in self._own:
            return True
        if reference.split("/_history/")[0].endswith(f"/Patient/{self._patient_id}") or (
            reference.startswith(f"Patient/{self._patient_id}/_history/")
        ):
            self._own.add(reference)
            return True
        return False

    def _file(self, shelf: str, names: Iterable[str], resource: Any) -> None:
        for name in names:
            self._index[shelf, name].append(resource)

    def _meanings(self, value: Concepts) -> frozenset[str]:
        """Name the concepts of a code element: by its codings, else by its words."""
        found, known_system = self._coded(value)
        if found or known_system:
            return found
        return NONE.union(*(self._vocabulary.phrases.concepts(text) for text in texts(value)))

    def _coded(self, value: Concepts) -> tuple[frozenset[str], bool]:
        """Name the concepts of the codings of an element, and say whether any coding is of a known system."""
        found, known_system = NONE, False
        # The usual shape is walked directly: this is the innermost step of every call.
        usual = value.coding if type(value) is Concept else None
        for coding in usual if type(usual) is list else codings(value):
            names, is_known = self._lookup(coding.system, coding.code)
            if names:
                found |= names
            if is_known:
                known_system = True
        return found, known_system

    def _take_condition(self, condition: resources.Condition, full_url: str | None) -> None:
        names = self._meanings(condition.code)
        if names and self._admit(condition, full_url):
            self._file("condition", names, condition)

    def _take_observation(self, observation: resources.Observation, full_url: str | None) -> None:
        names = self._result_names(observation)
        parts = observation.component or ()
        if not (names or parts or observation.contained) or not self._admit(observation, full_url):
            return
        self._file("result", names, (observation, observation))
        if _COMPLAINT in names:
            self._file("complaint", self._complaint_names(observation), observation)
        # A component may carry the panel's own code; it counts only where the panel has no value itself (DS-7).
        taken = names if parts and results.has_value(observation) else NONE
        for component in parts:
            self._file("result", self._result_names(component) - taken, (observation, component))
        self._take_contained(observation, observation.contained)

    def _complaint_names(self, observation: resources.Observation) -> frozenset[str]:
        said = self._meanings(observation.value_codeable_concept)
        return said | self._vocabulary.phrases.concepts(observation.value_string or "")

    def _result_names(self, valued: results.Valued) -> frozenset[str]:
        found, known_system = self._coded(valued.code)
        if found or known_system:
            return found
        for coding in codings(valued.code):
            if not coding.system and coding.code and (names := self._unsystematic(coding, valued.code)):
                return names
        named = (self._vocabulary.names.get(text.strip().lower()) for text in texts(valued.code))
        return frozenset(name for name in named if name)

    def _unsystematic(self, coding: resources.Coding, code: Concepts) -> frozenset[str]:
        """Accept a LOINC code without its system only when its words name the same analyte (DS-17)."""
        meant, _ = self._lookup("http://loinc.org", coding.code or "")
        named = {self._vocabulary.names.get(text.strip().lower()) for text in texts(code)}
        return frozenset(name for name in meant if name in named)

    def _take_contained(self, parent: resources.Observation | resources.DiagnosticReport, raws: list[Raw] | None) -> None:
        """Take in the results that a panel or a report carries inside it."""
        for raw in raws or ():
            try:
                inner, _ = resources.decode(raw)
            except resources.Unreadable:
                self.unreadable("contained resource")
                continue
            if isinstance(inner, resources.Observation):
                inner.subject = inner.subject or parent.subject
                inner.id = f"{parent.id}#{inner.id}" if parent.id else None
                self._take_observation(inner, None)

    def _take_medication(self, medication: medications.AnyMedication, full_url: str | None) -> None:
        # Which drug it is may stand in a Medication that comes later.
        if self._admit(medication, full_url):
            self._medications.append(medication)

    def _take_request(self, request: resources.ServiceRequest, full_url: str | None) -> None:
        names = self._meanings(request.code)
        if names and self._admit(request, full_url):
            self._file("order", names, request)

    def _take_procedure(self, procedure: resources.Procedure, full_url: str | None) -> None:
        names = self._meanings(procedure.code)
        if names and self._admit(procedure, full_url):
            self._file("act", names, procedure)

    def _take_report(self, report: resources.DiagnosticReport, full_url: str | None) -> None:
        if self._admit(report, full_url):
            self._reports.append(report)
            self._file("act", self._meanings(report.code), report)
            self._take_contained(report, report.contained)

    def _take_encounter(self, encounter: resources.Encounter, full_url: str | None) -> None:
        if self._admit(encounter, full_url):
            self._encounters[f"Encounter/{encounter.id}"] = encounter
            for reason in encounters.reasons(encounter):
                self._file("complaint", self._meanings(reason), encounter)

    def _take_response(self, response: resources.QuestionnaireResponse, full_url: str | None) -> None:
        if self._admit(response, full_url):
            for item in answers.all_items(response):
                link = item.link_id or ""
                self._items[self._vocabulary.also_item.get(link, link)].append((response, item))

    def _take_relative(self, history: resources.FamilyMemberHistory, full_url: str | None) -> None:
        names = NONE.union(*(self._meanings(condition.code) for condition in history.condition or ()))
        if names and self._admit(history, full_url):
            self._file("relative", names, history)

    def _take_allergy(self, allergy: resources.AllergyIntolerance, full_url: str | None) -> None:
        names, _ = self._coded(allergy.code)
        names = names.union(*(self._vocabulary.drugs.concepts(text) for text in texts(allergy.code)))
        if names and self._admit(allergy, full_url):
            self._file("allergy", names, allergy)

    # --- giving out ----------------------------------------------------------------------------------------------

    def _facts(
        self, shelf: str, concept: str, make: Callable[[Any], facts.Fact | None], memo: str = ""
    ) -> tuple[Any, ...]:
        """Turn the resources of a concept into facts, once."""
        filed = self._index.get((shelf, concept))
        if not filed:
            return ()
        key = (memo or shelf, concept)
        if key not in self._memo:
            made = (make(resource) for resource in filed)
            self._memo[key] = tuple(fact for fact in made if fact is not None)
        return self._memo[key]

    @property
    def _age(self) -> int | None:
        born = self.patient.birth if self.patient else None
        return None if born is None else (self.today - born.last).days // 365

    def _title(self, concept: str) -> str:
        return self._vocabulary.titles.get(concept, concept)

    def _names_leg(self, words: Iterable[str]) -> bool:
        return any(self._vocabulary.leg.intersection(words_of(text)) for text in words)

    def problems(self, concept: str) -> tuple[facts.Problem, ...]:
        """Conditions that mean a concept, active or not; none that was refuted or entered in error."""
        if ("condition", concept) not in self._index:
            return ()

        def make(condition: resources.Condition) -> facts.Problem | None:
            return conditions.problem(
                condition,
                title=self._title(concept),
                coded=bool(self._coded(condition.code)[0]),
                about_leg=self._about_leg(concept, condition.body_site, condition.code),
                encounter=self._encounter_of(condition),
                today=self.today,
            )

        return self._facts("condition", concept, make)

    def _encounter_of(self, condition: resources.Condition) -> resources.Encounter | None:
        reference = condition.encounter or condition.context
        return self._encounters.get(reference.reference or "") if reference else None

    def _about_leg(self, concept: str, *elements: Concepts) -> bool:
        return concept not in self._vocabulary.needs_leg or any(self._names_leg(texts(e)) for e in elements)

    def complaints(self, concept: str) -> tuple[facts.Problem, ...]:
        """Reasons of encounters and chief complaints that mean a concept."""
        if ("complaint", concept) not in self._index:
            return ()

        def make(said: resources.Encounter | resources.Observation) -> facts.Problem | None:
            if isinstance(said, resources.Encounter):
                elements: list[Concepts] = list(encounters.reasons(said))
                mine = [e for e in elements if concept in self._meanings(e)]
                coded = any(concept in self._coded(e)[0] for e in mine)
                leg = any(self._about_leg(concept, e) for e in mine)
                return encounters.complaint(said, self._title(concept), coded=coded, about_leg=leg, today=self.today)
            return results.complaint(said, self._title(concept), today=self.today)

        return self._facts("complaint", concept, make)

    def measurements(self, analyte: str) -> Iterator[facts.Measurement]:
        """Results of an analyte, newest first, undated last; each is read when it is reached."""
        in_order = self._in_order.get(analyte)
        if in_order is None:
            filed = self._index.get(("result", analyte), ())
            in_order = [_Result(results.order_of(o, self._report), o, valued) for o, valued in filed]
            in_order.sort(key=attrgetter("order"))
            self._in_order[analyte] = in_order
        for result in in_order:
            if result.made is None:
                result.made = (self._measurement(analyte, result),)
            if (made := result.made[0]) is not None:
                yield made

    def _measurement(self, analyte: str, result: _Result) -> facts.Measurement | None:
        return results.measurement(
            result.observation,
            result.valued,
            self._vocabulary.analytes[analyte],
            use=self._use(analyte, result.valued),
            contradicted=self._contradicted(analyte, result.valued),
            coded=analyte in self._coded(result.valued.code)[0],
            report=self._report,
            patient=(self.patient.sex, self._age) if self.patient else (None, None),
            today=self.today,
        )

    def under_way(self, analyte: str) -> tuple[facts.Fact, ...]:
        """Results of an analyte that are registered or preliminary."""
        return self._facts(
            "result", analyte, lambda pair: results.under_way(pair[0], self._title(analyte), self.today), memo="under way"
        )

    def _use(self, analyte: str, valued: results.Valued) -> CodeUse:
        uses = self._vocabulary.analytes[analyte].uses
        for coding in codings(valued.code):
            system = self._vocabulary.codes.systems.canonical(coding.system) if coding.system else "http://loinc.org"
            if system and (use := uses.get((system, coding.code or ""))):
                return use
        return CodeUse()

    def _contradicted(self, analyte: str, valued: results.Valued) -> bool:
        """Whether the words beside a code name another analyte than the code does (DS-17)."""
        named = {self._vocabulary.names.get(text.strip().lower()) for text in texts(valued.code)} - {None}
        return bool(named) and analyte not in named

    def _report(self, observation: resources.Observation) -> resources.DiagnosticReport | None:
        """Find the report that lists a result: it may hold the date that the result lacks."""
        if self._report_of is None:
            self._report_of = {
                reference.reference: report
                for report in self._reports
                for reference in resources.items(report.result)
                if reference.reference
            }
        for name in (f"Observation/{observation.id}", f"urn:uuid:{observation.id}", f"#{(observation.id or '').split('#')[-1]}"):
            if report := self._report_of.get(name):
                return report
        return None

    def coded_results(self, concept: str) -> tuple[facts.CodedResult, ...]:
        """Results with a coded or yes/no value, newest first."""

        def make(pair: tuple[resources.Observation, results.Valued]) -> facts.CodedResult | None:
            observation, valued = pair
            means, _ = self._coded(valued.value_codeable_concept)
            return results.coded_result(observation, valued, self._title(concept), means=means, today=self.today)

        found = self._facts("result", concept, make)
        return tuple(sorted(found, key=results.newest_first))

    def drugs(self, concept: str) -> tuple[facts.Drug, ...]:
        """Medications of a class, current or not."""
        if self._drugs is None:
            self._drugs = defaultdict(list)
            for medication in self._medications:
                for taken in self._taken(medication):
                    for name in taken.classes:
                        self._drugs[name].append(taken)
        key = ("drug", concept)
        if key not in self._memo:
            found = (medications.drug(taken, self.today) for taken in self._drugs.get(concept, ()))
            self._memo[key] = tuple(drug for drug in found if drug is not None)
        return self._memo[key]

    def _taken(self, medication: medications.AnyMedication) -> Iterator[medications.Taken]:
        substances = medications.substances(medication, self._drug_kinds)
        classes, words = NONE, []
        for element in substances:
            classes |= self._coded(element)[0]
            words.extend(texts(element))
        for text in words:
            classes |= self._vocabulary.drugs.concepts(text)
        if not classes:
            return
        if medications.acts_locally(medication, words, self._vocabulary.local_routes):
            return
        yield medications.Taken(medication, classes, words[0] if words else "")

    def orders(self, concept: str) -> tuple[facts.Order, ...]:
        """Requests for a service, or for a panel that contains an analyte."""
        title = self._title(concept)
        return self._facts("order", concept, lambda r: requests.order(r, title, self.today)) + self._facts(
            "order", f"panel:{concept}", lambda r: requests.order(r, title, self.today)
        )

    def acts(self, concept: str) -> tuple[facts.Act, ...]:
        """Procedures and reports that mean a concept."""
        return self._facts("act", concept, lambda r: requests.act(r, self._title(concept), self.today))

    def answers(self, item: str) -> tuple[facts.Answer, ...]:
        """Answers to an item, newest first."""
        key = ("answer", item)
        if key not in self._memo:
            given = (answers.answer(response, asked, self.today) for response, asked in self._items.get(item, ()))
            self._memo[key] = tuple(sorted((a for a in given if a is not None), key=results.newest_first))
        return self._memo[key]

    def relatives(self, concept: str) -> tuple[facts.Problem, ...]:
        """Conditions of relatives."""
        return self._facts("relative", concept, lambda r: conditions.of_relative(r, self._title(concept)))

    def allergies(self, concept: str) -> tuple[facts.Problem, ...]:
        """Active allergies and intolerances to a class of drugs."""
        return self._facts("allergy", concept, lambda r: conditions.allergy(r, self._title(concept)))

    def stays(self) -> tuple[facts.Stay, ...]:
        """Encounters."""
        return tuple(encounters.stay(encounter) for encounter in self._encounters.values())


def _patient(patient: resources.Patient) -> facts.Patient:
    return facts.Patient(
        name="Patient",
        reference=f"Patient/{patient.id}",
        birth=results.day(patient.birth_date),
        sex=patient.gender,
        deceased=bool(patient.deceased_boolean or patient.deceased_date_time),
        inactive=patient.active is False,
    )


_TAKE: dict[type, Callable[[PatientRecord, Any, str | None], None]] = {
    resources.Patient: PatientRecord._take_patient,
    resources.Medication: PatientRecord._take_drug_kind,
    resources.Condition: PatientRecord._take_condition,
    resources.Observation: PatientRecord._take_observation,
    resources.MedicationRequest: PatientRecord._take_medication,
    resources.MedicationStatement: PatientRecord._take_medication,
    resources.MedicationAdministration: PatientRecord._take_medication,
    resources.MedicationDispense: PatientRecord._take_medication,
    resources.ServiceRequest: PatientRecord._take_request,
    resources.Procedure: PatientRecord._take_procedure,
    resources.DiagnosticReport: PatientRecord._take_report,
    resources.Encounter: PatientRecord._take_encounter,
    resources.QuestionnaireResponse: PatientRecord._take_response,
    resources.FamilyMemberHistory: PatientRecord._take_relative,
    resources.AllergyIntolerance: PatientRecord._take_allergy,
}
