"""Orders being chosen and signed: https://cds-hooks.org/hooks/order-select/ and https://cds-hooks.org/hooks/order-sign/."""

from typing import Any

import pytest

from tests.contract.calls import (
    DIABETES,
    NO_INDEX,
    ORDER_SELECT,
    ORDER_SIGN,
    RESTLESS_LEGS,
    REVIEW,
    SOMEBODY_ELSE,
    STOCKINGS,
    bundle,
    call,
    days_ago,
    prefetch,
)
from tests.contract.shapes import advised, cards_of, outcome_of

HOOKS = {"order-select": ORDER_SELECT, "order-sign": ORDER_SIGN}
both = pytest.mark.parametrize("hook", HOOKS)


def answer(client, hook: str, **context: Any) -> list[dict[str, Any]]:
    made = call(hook=hook)
    changed = {**made["context"], **context}
    kept = {name: value for name, value in changed.items() if value is not ...}
    return cards_of(client.post(HOOKS[hook], json={**made, "context": kept}))


def orders(*resources: Any, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources], **members}


@both
def test_an_order_that_matters_is_spoken_of_and_named(client, hook):
    """CH-H-02, H-03."""
    (card,) = answer(client, hook)

    assert advised([card]) == [NO_INDEX]
    assert "Class II compression hosiery" in card["detail"]
    basis = card["extension"]["org.legwork.advice"][0]["basis"]
    assert "ServiceRequest/stockings" in {fact.get("reference") for fact in basis}


TORN = {
    "resourceType": "QuestionnaireResponse",
    "id": "q-1",
    "status": "completed",
    "subject": DIABETES["subject"],
    "authored": days_ago(1),
    "item": [
        {"linkId": "leg-symptom", "answer": [{"valueBoolean": True}]},
        {"linkId": "bladder-bowel", "answer": [{"valueBoolean": True}]},
    ],
}


@both
def test_beside_an_order_that_matters_an_emergency_is_named(client, hook):
    """Critical advice belongs to these hooks too; what is less urgent waits for the views."""
    made = call(prefetch(DIABETES, RESTLESS_LEGS, answers=bundle(TORN)), hook=hook)

    cards = cards_of(client.post(HOOKS[hook], json=made))

    assert [card["indicator"] for card in cards] == ["critical", "warning"]
    assert advised(cards) == ["new-signs", NO_INDEX]


@both
def test_beside_any_other_order_nothing_is(client, hook):
    made = call(prefetch(DIABETES, answers=bundle(TORN)), hook=hook)
    made["context"]["draftOrders"] = orders({**STOCKINGS, "code": {"text": "Paracetamol"}})

    assert cards_of(client.post(HOOKS[hook], json=made)) == []


def test_the_views_do_not_speak_of_orders(client):
    assert NO_INDEX not in advised(cards_of(client.post(REVIEW, json=call(prefetch(DIABETES)))))


@both
@pytest.mark.parametrize(
    "draft_orders",
    [
        {}, {"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": []}, orders({}),
        {"entry": None}, {"entry": "x"}, {"entry": [None, 5, {}, {"resource": 5}, {"resource": None}]},
        orders({"resourceType": "MedicationRequest", "id": "request-123", "status": "draft", "reasonCode": {}}),
        orders({"resourceType": "ServiceRequest", "id": "e", "code": {"coding": [{}]}, "reasonCode": []}),
        orders({"resourceType": "ServiceRequest", "code": {"coding": [{"code": 5}]}, "category": {}, "status": ["x"]}),
        orders({"resourceType": "NutritionOrder", "id": "n"}, {"resourceType": "Nonsense"}, {"resourceType": 5}),
    ],
)  # fmt: skip
def test_half_filled_drafts_are_met_with_silence(client, hook, draft_orders):
    """CH-H-23, H-25: as the public sandbox sends them on entering a view."""
    assert answer(client, hook, draftOrders=draft_orders) == []


@both
def test_an_empty_draft_needs_no_patient(client, hook):
    made = call(hook=hook)
    del made["prefetch"]
    made["context"]["draftOrders"] = orders()

    assert cards_of(client.post(HOOKS[hook], json=made)) == []


@pytest.mark.parametrize("draft_orders", [..., None])
def test_before_anything_is_chosen_there_are_no_orders(client, draft_orders):
    """CH-H-25: as the public sandbox sends it."""
    assert answer(client, "order-select", draftOrders=draft_orders) == []


@pytest.mark.parametrize("draft_orders", [..., None])
def test_nothing_is_signed_without_orders(client, draft_orders):
    """CH-H-34."""
    made = call(hook="order-sign")
    del made["context"]["draftOrders"]
    made["context"] |= {} if draft_orders is ... else {"draftOrders": draft_orders}

    assert "draftOrders" in outcome_of(client.post(HOOKS["order-sign"], json=made), 422)


@both
@pytest.mark.parametrize("draft_orders", [STOCKINGS, {"resourceType": "Patient", "id": "p"}, [], "x", 5])
def test_orders_come_in_a_bundle(client, hook, draft_orders):
    """CH-H-34."""
    made = call(hook=hook)
    made["context"]["draftOrders"] = draft_orders

    assert "draftOrders" in outcome_of(client.post(HOOKS[hook], json=made), 422)


def test_only_a_selected_order_is_spoken_of(client):
    """CH-H-24."""
    assert answer(client, "order-select", selections=["ServiceRequest/another"]) == []


def test_nothing_selected_is_nothing_said(client):
    assert answer(client, "order-select", selections=[]) == []


@pytest.mark.parametrize("selections", [..., None, ["ServiceRequest/stockings", 5, None]])
def test_without_a_usable_selection_every_draft_counts(client, selections):
    assert advised(answer(client, "order-select", selections=selections)) == [NO_INDEX]


@both
@pytest.mark.parametrize(("name", "value"), [("draftOrders", "x"), ("draftOrders", [1]), ("selections", {"a": 1})])
def test_members_of_the_wrong_type_are_named(client, hook, name, value):
    made = call(hook=hook)
    made["context"][name] = value

    assert name in outcome_of(client.post(HOOKS[hook], json=made), 422, 400)


@both
@pytest.mark.parametrize(
    "changes",
    [
        {"id": None}, {"status": "active"}, {"status": None}, {"intent": None}, {"subject": None},
        {"reasonCode": {"text": "x"}}, {"category": {"text": "x"}}, {"code": {"text": "Compression stockings"}},
        {"resourceType": "DeviceRequest", "code": None, "codeCodeableConcept": STOCKINGS["code"]},
        {"resourceType": "ProcedureRequest"},
        {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": "Compression hosiery class 2"}},
    ],
)  # fmt: skip
def test_an_order_is_understood_in_every_shape(client, hook, changes):
    """CH-H-22, H-25, H-26."""
    draft = {name: value for name, value in {**STOCKINGS, **changes}.items() if value is not None}
    name = f"{draft['resourceType']}/{draft.get('id')}"

    assert advised(answer(client, hook, draftOrders=orders(draft), selections=[name])) == [NO_INDEX]


@pytest.mark.parametrize(
    "changes",
    [{"subject": SOMEBODY_ELSE}, {"status": "revoked"}, {"status": "entered-in-error"}, {"doNotPerform": True}],
)
def test_an_order_that_is_not_to_be_is_left_alone(client, changes):
    assert answer(client, "order-sign", draftOrders=orders({**STOCKINGS, **changes})) == []


def test_a_drug_in_a_contained_medication_is_understood(client):
    """CH-H-29."""
    drug = {"resourceType": "Medication", "id": "drug", "code": {"text": "Compression stockings"}}
    reference = {"reference": "#drug"}
    draft = {"resourceType": "MedicationRequest", "id": "m", "medicationReference": reference, "contained": [drug]}

    assert advised(answer(client, "order-sign", draftOrders=orders(draft))) == [NO_INDEX]


def test_a_test_that_is_on_order_already_is_named(client):
    before = {**STOCKINGS, "id": "f", "status": "active", "code": {"text": "Ferritin"}, "authoredOn": days_ago(10)}
    again = {**STOCKINGS, "id": "g", "code": {"text": "Ferritin"}}

    made = call(prefetch(orders=bundle(before)), hook="order-sign")
    made["context"]["draftOrders"] = orders(again)

    assert advised(cards_of(client.post(ORDER_SIGN, json=made))) == ["already-ordered"]


@both
def test_the_patient_is_needed_once_an_order_matters(client, hook):
    made = call(hook=hook)
    del made["prefetch"]["patient"]

    assert "prefetch.patient" in outcome_of(client.post(HOOKS[hook], json=made), 412)
