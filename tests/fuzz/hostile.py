"""Calls that are valid and made to cost: each once took a time that grew with its square, or memory that stayed."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from tests.contract.calls import (
    LOINC,
    ORDER_SELECT,
    ORDER_SIGN,
    RESTLESS_LEGS,
    REVIEW,
    SNOMED,
    STOCKINGS,
    SUBJECT,
    bundle,
    call,
    condition,
    ferritin,
    prefetch,
)

Json = dict[str, Any]


def many(make: Callable[[int], Any], size: int) -> list[Any]:
    """Make so many that they are of this size together [By]."""

    def made() -> Iterator[Any]:
        left = size
        for number in count():
            one = make(number)
            left -= len(json.dumps(one)) + 1
            if left < 0:
                return
            yield one

    return list(made())


def _result(number: int, **members: Any) -> Json:
    return ferritin(20, id=f"o-{number}", **members)


def _haemolysis(number: int) -> Json:
    code = {"coding": [{"system": LOINC, "code": "20393-5"}], "text": "Haemolysis"}
    return {**_result(number, code=code, valueString="haemolysed"), "id": f"h-{number}"}


def specimens_of_components(size: int) -> Json:
    """Each component looks for the specimen of its panel among all that it contains."""
    parts = many(lambda _: {"code": {"coding": [{"system": LOINC, "code": "2276-4"}]}, "valueInteger": 20}, size // 2)
    inside = many(lambda n: {"resourceType": "Specimen", "id": f"s{n}"}, size // 2)
    return call(
        prefetch(RESTLESS_LEGS, labs=bundle(_result(0, component=parts, contained=inside, specimen={"reference": "#"})))
    )


def haemolysis_of_results(size: int) -> Json:
    """Each result looks for a haemolysis of its sample among all."""
    found = [*many(lambda n: _result(n, status="registered"), size // 2), *many(_haemolysis, size // 2)]
    return call(prefetch(RESTLESS_LEGS, labs=bundle(*found)))


def codings_of_a_condition(size: int) -> Json:
    """Each display is read in the light of all systems."""
    codings = many(lambda n: {"system": f"urn:{n}", "code": "1", "display": f"x{n}"}, size)
    return call(prefetch(condition({"coding": [{"system": SNOMED, "code": "1"}, *codings]})))


def codings_without_system(size: int) -> Json:
    """Each code is held against all displays."""
    codings = many(lambda n: {"code": "2276-4", "display": f"x{n}"}, size)
    return call(prefetch(RESTLESS_LEGS, labs=bundle(_result(0, code={"coding": codings}))))


def denied_phrases(size: int) -> Json:
    """Each phrase looks through its sentence for what takes it back."""
    text = ("no " + "leg pain " * 240)[:1990]
    return call(prefetch(*many(lambda n: condition({"text": f"{n} {text}"}, id=f"c{n}"), size)))


def reasons_of_a_visit(size: int) -> Json:
    """All reasons are of one resource, and none says the same."""
    reasons = many(lambda n: {"text": f"leg pain {n}"}, size)
    visit = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "class": {"code": "IMP"}}
    return call(prefetch(RESTLESS_LEGS, encounters=bundle({**visit, "subject": SUBJECT, "reasonCode": reasons})))


def reasons_of_a_draft(size: int) -> Json:
    """The same of an order at hand."""
    made = call(hook="order-sign")
    made["context"]["draftOrders"] = bundle(
        {**STOCKINGS, "reasonCode": many(lambda n: {"text": f"leg pain {n}"}, size)}
    )
    return made


def drugs_of_other_names(size: int) -> Json:
    """Each fact of a card is held against all others."""
    usual = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": SUBJECT}
    drugs = many(lambda n: {**usual, "id": f"m{n}", "medicationCodeableConcept": {"text": f"pramipexole {n}"}}, size)
    return call(prefetch(RESTLESS_LEGS, medications=bundle(*drugs)))


def problems_of_other_names(size: int) -> Json:
    """The same of problems."""
    code = {"coding": [{"system": SNOMED, "code": "32914008"}]}
    return call(prefetch(*many(lambda n: condition({**code, "text": f"name {n}"}, id=f"c{n}"), size)))


def selections_of_drafts(size: int) -> Json:
    """Each draft is looked for among all selections."""
    made = call(hook="order-select")
    made["context"]["draftOrders"] = bundle(*many(lambda n: {**STOCKINGS, "id": f"s{n}"}, size // 2))
    made["context"]["selections"] = many(lambda n: f"ServiceRequest/x{n}", size // 2)
    return made


def haemolyses_in_a_note(size: int) -> Json:
    """Each word is looked at with its neighbours."""
    return call(prefetch(RESTLESS_LEGS, labs=bundle(_result(0, note=[{"text": "no haemolysis " * (size // 14)}]))))


def identifiers_without_end(size: int) -> Json:
    """A card repeats the reference of each fact."""
    code = {"coding": [{"system": SNOMED, "code": "32914008"}], "text": "x"}
    return call(prefetch(*many(lambda n: condition(code, id=f"{n}" + "i" * 100_000), size)))


def words_without_end(size: int) -> Json:
    """Every text is long."""
    text = "x" * (size // 4)
    code = {"coding": [{"system": SNOMED, "code": "32914008", "display": text}], "text": text}
    return call(prefetch(condition(code), labs=bundle(_result(0, note=[{"text": text}], comment=text))))


HOSTILE: tuple[Callable[[int], Json], ...] = (
    specimens_of_components, haemolysis_of_results, codings_of_a_condition, codings_without_system, denied_phrases,
    reasons_of_a_visit, reasons_of_a_draft, drugs_of_other_names, problems_of_other_names, selections_of_drafts,
    haemolyses_in_a_note, identifiers_without_end, words_without_end,
)  # fmt: skip
ADDRESSES = {"patient-view": REVIEW, "order-select": ORDER_SELECT, "order-sign": ORDER_SIGN}
