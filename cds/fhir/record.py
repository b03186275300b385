"""The record of one call: what was taken in, turned into facts when somebody asks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from math import inf
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from cds.chart import facts
from cds.chart.chart import PATIENT, STAY
from cds.chart.codes import NONE
from cds.chart.dates import Day, age_on, days_ago, parse_day
from cds.chart.vocabulary import Vocabulary
from cds.fhir import answers, conditions, encounters, medications, requests, resources, results
from cds.fhir.complaints import Complained, complaint
from cds.fhir.intake import COMPLAINT, HAEMOLYSIS, Intake, Pair
from cds.fhir.recognition import Meant
from cds.fhir.references import target
from cds.fhir.resources import Concept, Concepts
from cds.fhir.results import Surroundings
from cds.fhir.samples import says_haemolysed
from cds.fhir.values import Valued

ASKED = frozenset({COMPLAINT, HAEMOLYSIS})
"""Concepts that the reader itself asks for, beside those that the plans name."""


class _Result:
    """A result as it came, and what was made of it once somebody reached it."""

    __slots__ = ("age", "made", "observation", "on", "valued")

    def __init__(self, observation: resources.Observation, valued: Valued, on: Day | None) -> None:
        self.observation, self.valued, self.on = observation, valued, on
        self.age = -on.moment if on else inf
        self.made: tuple[facts.Measurement | None] | None = None

    @property
    def order(self) -> results.Order:
        return results.order_of(self.observation, self.on)


def _those_that_count(made: Iterable[facts.Fact | None]) -> tuple[facts.Fact, ...]:
    return tuple(fact for fact in made if fact is not None)


class PatientRecord(Intake):
    """All that was supplied about one patient; implements cds.chart.chart.Record."""

    def __init__(self, vocabulary: Vocabulary, patient_id: str, today: date, own_urls: Iterable[str] = ()) -> None:
        """Start an empty record; the arguments are those of Intake."""
        super().__init__(vocabulary, patient_id, today, own_urls)
        self._memo: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._in_order: dict[str, list[_Result]] = {}
        self._drugs: dict[str, list[medications.Taken]] | None = None
        self._report_of: dict[str, resources.DiagnosticReport] | None = None
        self._encounter_of: dict[str, resources.Encounter] | None = None
        self._haemolysed: _Haemolysed | None = None
        self._surroundings: dict[int, Surroundings] = {}
        """By the observation's `id()`, which lives as long as the record."""
        self._now = parse_day(today.isoformat())
        self._drafted: dict[str, list[tuple[facts.Order, bool]]] | None = None

    def _facts(
        self,
        shelf: str,
        concept: str,
        make: Callable[[Any], facts.Fact | None],
        *,
        memo: str = "",
        gather: Callable[[Iterable[Any]], tuple[Any, ...]] = _those_that_count,
    ) -> tuple[Any, ...]:
        """Turn the resources of a concept into facts, once."""
        filed = self._index.get((shelf, concept))
        if not filed:
            return ()
        key = (memo or shelf, concept)
        if key not in self._memo:
            self._memo[key] = gather(make(resource) for resource in filed)
        return self._memo[key]

    def concepts(self) -> frozenset[str]:
        """Name all of which it may hold a fact."""
        filed = {concept.removeprefix("panel:") for _, concept in self._index}
        return frozenset(
            {PATIENT, *([STAY] if self._in_hospital else ()), *filed, *self._classed(), *self._items, *self._written()}
        )

    def _title(self, concept: str) -> str:
        return self._vocabulary.titles.get(concept, concept)

    def _meant(self, concept: str, elements: Iterable[Concepts], beside: Iterable[Concepts] = ()) -> Meant:
        """Say how elements mean a concept, with others beside them that may name the leg."""
        said = (*elements, *beside)
        return Meant(
            title=self._title(concept),
            coded=any(concept in self._means.coded(element)[0] for element in elements),
            about_leg=self._means.names_place(concept, said),
            side=self._means.side(said),
        )

    def problems(self, concept: str) -> tuple[facts.Problem, ...]:
        """Conditions that mean a concept, active or not; none that was refuted or entered in error."""
        return self._facts("condition", concept, lambda c: self._problem(concept, c), gather=conditions.merged)

    def _problem(self, concept: str, condition: resources.Condition) -> facts.Problem | None:
        meant = self._meant(concept, (condition.code,), (condition.body_site,))
        return conditions.problem(
            condition, meant, self._encounter(condition.encounter or condition.context), self.today
        )

    def _encounter(self, reference: resources.Reference | None) -> resources.Encounter | None:
        if reference is None or reference.reference is None:
            return None
        if self._encounter_of is None:
            self._encounter_of = {encounter.id: encounter for encounter in self._encounters if encounter.id}
        return self._encounter_of.get(target(reference.reference))

    def complaints(self, concept: str) -> tuple[facts.Problem, ...]:
        """Reasons of encounters and chief complaints that mean a concept."""
        return self._facts("complaint", concept, lambda s: self._complaint(concept, *s), gather=conditions.merged)

    def feared(self, concept: str) -> tuple[facts.Problem, ...]:
        """Reasons of orders that are being written, those included that are to be ruled out."""
        return self._facts("feared", concept, lambda s: self._complaint(concept, *s))

    def _complaint(self, concept: str, source: Complained, said: Concept | None) -> facts.Problem | None:
        on: Day | None
        if isinstance(source, resources.Observation):
            if not results.is_stated(source):
                return None
            meant = self._meant(concept, (source.value_codeable_concept,), (source.value_string,))
            on = self._on(source)
        elif said is not None and self._stands_apart(said):
            return None
        else:
            meant = self._meant(concept, (said,))
            on = encounters.began(source) if isinstance(source, resources.Encounter) else requests.written(source)
        return complaint(source, meant, on, self.today)

    def _stands_apart(self, reason: Concept) -> bool:
        """Whether a reason only refers to a condition that the record holds: then that condition speaks for itself."""
        reference = (
            reason.reference.reference if isinstance(reason.reference, resources.Reference) else reason.reference
        )
        return reference is not None and (resources.Condition, target(reference)) in self._seen

    def measurements(self, analyte: str) -> Iterator[facts.Measurement]:
        """Results of an analyte, newest first, undated last; each is read when it is reached."""
        for result in self._results(analyte):
            if result.made is None:
                recognised = self._means.recognised(analyte, result.valued.code)
                around = self._around(result.observation, result.on)
                result.made = (results.measurement(result.observation, result.valued, recognised, around),)
            if (made := result.made[0]) is not None:
                yield made

    def _results(self, analyte: str) -> list[_Result]:
        in_order = self._in_order.get(analyte)
        if in_order is None:
            filed: Iterable[Pair] = self._index.get(("result", analyte), ())
            in_order = [_Result(o, valued, self._on(o)) for o, valued in filed]
            if len({result.age for result in in_order}) == len(in_order):  # as they nearly always do, the dates tell
                in_order.sort(key=attrgetter("age"))
            else:
                in_order.sort(key=attrgetter("order"))
            self._in_order[analyte] = in_order
        return in_order

    def _around(self, observation: resources.Observation, on: Day | None = None) -> Surroundings:
        """Gather what the rest of the record says of a result, once for all its components."""
        known = self._surroundings.get(id(observation))
        if known is None:
            known = self._surroundings[id(observation)] = self._surrounding(observation, on)
        return known

    def _surrounding(self, observation: resources.Observation, on: Day | None) -> Surroundings:
        born = self.patient.birth if self.patient else None
        return Surroundings(
            today=self.today,
            on=on or self._on(observation),
            sex=self.patient.sex if self.patient else None,
            age=age_on(born, self.today) if born else None,
            specimen=self._specimen(observation),
            haemolysed=self._is_haemolysed(observation),
        )

    def _on(self, observation: resources.Observation) -> Day | None:
        """Say when a result was so; only where it does not say itself, the reports are searched (DS-2)."""
        return results.clinical_date(observation) or results.clinical_date(observation, self._report(observation))

    def _report(self, observation: resources.Observation) -> resources.DiagnosticReport | None:
        """Find the report that lists a result: it may hold the date that the result lacks."""
        if self._report_of is None:
            self._report_of = {
                target(reference.reference): report
                for report in self._reports
                for reference in resources.items(report.result)
                if reference.reference
            }
        return self._report_of.get(observation.id or "")

    def _specimen(self, observation: resources.Observation) -> resources.Specimen | None:
        address = observation.specimen.reference if observation.specimen else None
        if not address:
            return None
        if address.startswith("#"):
            inside = (
                inner for inner in self._contained(observation.contained) if isinstance(inner, resources.Specimen)
            )
            return next((inner for inner in inside if (inner.id or "").lstrip("#") == address[1:]), None)
        return self._specimens.get(target(address))

    def _is_haemolysed(self, observation: resources.Observation) -> bool:
        """Whether another result says so of the same sample: the same specimen, or else the same moment (DS-19)."""
        if self._haemolysed is None:
            others = (other for other, _ in self._index.get(("result", HAEMOLYSIS), ()))
            self._haemolysed = _Haemolysed(o for o in others if results.is_released(o) and says_haemolysed(o))
        return self._haemolysed.has(observation)

    def under_way(self, analyte: str) -> tuple[facts.Fact, ...]:
        """Results of an analyte that are registered or preliminary."""

        def make(pair: Pair) -> facts.Fact | None:
            if not results.is_under_way(pair[0]):
                return None
            return results.under_way(pair[0], self._title(analyte), self._around(pair[0]))

        return self._facts("result", analyte, make, memo="under way")

    def set_aside(self, analyte: str, days: int) -> tuple[facts.Fact, ...]:
        """Results of so many days that do not count and should be looked at: dated ahead, or named as another test.

        And the newest of all, if its status is not known.
        """
        return _those_that_count(
            results.set_aside(
                result.observation,
                result.valued,
                self._means.recognised(analyte, result.valued.code),
                Surroundings(self.today, result.on),
                newest=place == 0,
            )
            for place, result in enumerate(self._results(analyte))
            if result.on is None or days_ago(result.on, self.today) <= days
        )

    def coded_results(self, concept: str) -> tuple[facts.CodedResult, ...]:
        """Results with a coded or yes/no value, newest first."""

        def make(pair: Pair) -> facts.CodedResult | None:
            observation, valued = pair
            value, judged = valued.value_codeable_concept, self._means.coded(valued.interpretation)[0]
            means = judged | self._means.concepts(value) | self._means.said([valued.value_string])
            return results.coded_result(observation, valued, self._title(concept), means, self._around(observation))

        found = self._facts("result", concept, make, memo="coded result")
        return tuple(sorted(found, key=results.newest_first))

    def drugs(self, concept: str) -> tuple[facts.Drug, ...]:
        """Medications of a class, current or not."""
        key = ("drug", concept)
        if key not in self._memo:
            found = (medications.drug(taken, self.today) for taken in self._classed().get(concept, ()))
            self._memo[key] = tuple(drug for drug in found if drug is not None)
        return self._memo[key]

    def _classed(self) -> Mapping[str, Sequence[medications.Taken]]:
        """Sort the medications by the classes of their drugs, once all that may name the drugs has come."""
        if self._drugs is None:
            self._drugs = defaultdict(list)
            for medication in self._medications:
                if (taken := self._taken(medication)) is not None:
                    for name in taken.classes:
                        self._drugs[name].append(taken)
        return self._drugs

    def _taken(self, medication: resources.AnyMedication) -> medications.Taken | None:
        """Recognise the drug of a medication; None when it is of no class, or acts where it is put."""
        kind, substances = self._substances(medication)
        classes = NONE.union(*(self._means.drugs(element) for element in substances))
        if not classes:
            return None
        names = [text for element in substances for text in resources.texts(element)]
        names = names or [c.code for element in substances for c in resources.codings(element) if c.code]
        if medications.acts_locally(medication, kind, names, self._vocabulary.local_routes):
            return None
        return medications.Taken(medication, classes, names[0] if names else "")

    def _substances(self, medication: resources.AnyMedication) -> tuple[resources.Medication | None, list[Concepts]]:
        kind = medications.drug_kind(medication, self._contained(medication.contained), self._drug_kinds.get)
        return kind, list(medications.substances(medication, kind))

    def drafts(self, concept: str) -> tuple[facts.Order, ...]:
        """Orders at hand, as they are being written, that mean a concept or a panel that contains it."""
        written = self._written()
        return tuple(order for order, at_hand in written.get(concept, ()) if at_hand)

    def at_hand(self) -> frozenset[str]:
        """Name what the orders at hand mean."""
        return frozenset(name for name, orders in self._written().items() if any(at_hand for _, at_hand in orders))

    def _written(self) -> Mapping[str, Sequence[tuple[facts.Order, bool]]]:
        """Sort the orders that are being written by what they mean, once all that may name a drug has come."""
        if self._drafted is None:
            self._drafted = defaultdict(list)
            for source, at_hand in self._drafts:
                names, words = self._meaning(source)
                for name in {name.removeprefix("panel:") for name in names}:
                    if (order := requests.draft(source, self._title(name), words)) is not None:
                        self._drafted[name].append((order, at_hand))
        return self._drafted

    def _meaning(self, source: resources.AnyMedication | resources.ServiceRequest) -> tuple[frozenset[str], str]:
        """Say what an order that is being written means, and what it is called."""
        if isinstance(source, resources.ServiceRequest):
            said: list[Concepts] = [requests.asked_for(source)]
            names = self._requested(source)
        else:
            _, said = self._substances(source)
            taken = self._taken(source)
            classes = taken.classes if taken is not None else NONE
            names = classes.union(*(self._means.concepts(element) for element in said))  # some prescribe stockings so
        return names, next((text for element in said for text in resources.texts(element)), "")

    def orders(self, concept: str) -> tuple[facts.Order, ...]:
        """Requests for a service, or for a panel that contains an analyte, and examinations without a final report."""
        title = self._title(concept)
        filed = (
            *self._facts("order", concept, lambda r: requests.order(r, title, self.today)),
            *self._facts("order", f"panel:{concept}", lambda r: requests.order(r, title, self.today)),
            *self._facts(
                "act", concept, lambda r: requests.being_reported(r, title, self.today), memo="being reported"
            ),
        )
        # What is being written now is as good as ordered (DS-20).
        written = self._written().get(concept)
        return filed if not written else (*filed, *(replace(order, on=self._now) for order, _ in written))

    def acts(self, concept: str) -> tuple[facts.Act, ...]:
        """Procedures and reports that mean a concept."""
        return self._facts("act", concept, lambda r: requests.act(r, self._title(concept), self.today))

    def answers(self, item: str) -> tuple[facts.Answer, ...]:
        """Answers to an item, newest first."""
        key = ("answer", item)
        if key not in self._memo:
            question = self._vocabulary.questions.get(item)
            given = (answers.answer(*asked, question, self.today) for asked in self._items.get(item, ()))
            self._memo[key] = tuple(sorted((a for a in given if a is not None), key=results.newest_first))
        return self._memo[key]

    def relatives(self, concept: str) -> tuple[facts.Problem, ...]:
        """Conditions of relatives."""
        return self._facts("relative", concept, lambda r: conditions.of_relative(r, self._title(concept)))

    def allergies(self, concept: str) -> tuple[facts.Problem, ...]:
        """Active allergies and intolerances to a class of drugs."""
        return self._facts("allergy", concept, lambda r: conditions.allergy(r, self._title(concept)))

    def stays(self) -> tuple[facts.Stay, ...]:
        """Encounters that are under way."""
        return self._stays(over=False)

    def past_stays(self) -> tuple[facts.Stay, ...]:
        """Encounters that are over."""
        return self._stays(over=True)

    def _stays(self, *, over: bool) -> tuple[facts.Stay, ...]:
        made = ((encounter, encounters.stay(encounter, over=over)) for encounter in self._in_hospital)
        return tuple(self._described(encounter, stay) for encounter, stay in made if stay is not None)

    def _described(self, encounter: resources.Encounter, stay: facts.Stay) -> facts.Stay:
        about = NONE.union(*(self._means.concepts(said) for said in encounters.descriptions(encounter)))
        reasons = [reason.reference for reason in encounters.reasons(encounter)]
        addresses = [r.reference if isinstance(r, resources.Reference) else r for r in reasons]
        refers = frozenset(f"Condition/{target(address)}" for address in addresses if address)
        return replace(stay, about=about, refers=refers)


class _Haemolysed:
    """The samples that are haemolysed: by their specimen, and by their moment where either result names none."""

    __slots__ = ("_moments", "_specimens", "_unnamed")

    def __init__(self, said: Iterable[resources.Observation]) -> None:
        self._specimens: set[str] = set()
        self._moments: set[float] = set()
        self._unnamed: set[float] = set()
        """Moments of results that name no specimen."""
        for one in said:
            specimen, moment = _sample(one)
            if specimen:
                self._specimens.add(specimen)
            if moment is not None:
                self._moments.add(moment)
                if not specimen:
                    self._unnamed.add(moment)

    def has(self, observation: resources.Observation) -> bool:
        if not self._specimens and not self._moments:
            return False
        specimen, moment = _sample(observation)
        if specimen:
            return specimen in self._specimens or moment in self._unnamed
        return moment in self._moments


def _sample(observation: resources.Observation) -> tuple[str, float | None]:
    """Name the sample of a result: its specimen, and its moment where that is given to the minute."""
    reference = observation.specimen.reference if observation.specimen else None
    day = results.clinical_date(observation)
    return target(reference) if reference else "", day.moment if day is not None and day.timed else None
