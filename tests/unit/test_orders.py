"""Orders, procedures, reports and answers (DS-20, 2.3)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.fhir import FERRITIN, LOINC, SNOMED, SUBJECT, coded, record_of


def _request(**members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "active",
        "intent": "order",
        "code": coded(FERRITIN),
        "subject": SUBJECT,
        "authoredOn": "2026-05-01",
    }
    return usual | members


# --- orders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "active", "on-hold"])
@pytest.mark.parametrize("intent", ["order", "plan", "proposal", "reflex-order", "original-order"])
def test_an_open_request_is_an_order(status: str, intent: str) -> None:
    """DS-20."""
    (order,) = record_of(_request(status=status, intent=intent)).orders("ferritin")

    assert order.open
    assert str(order.on) == "2026-05-01"


def test_a_completed_request_is_known_but_not_open() -> None:
    """DS-20, 2.3."""
    (order,) = record_of(_request(status="completed")).orders("ferritin")

    assert not order.open


@pytest.mark.parametrize(
    "members",
    [
        {"status": "revoked"},
        {"status": "entered-in-error"},
        {"status": "unknown"},
        {"status": None},
        {"intent": "option"},
        {"intent": "directive"},
        {"doNotPerform": True},
        {"authoredOn": "2026-06-01"},
        {"code": coded("1975-2")},
        {"subject": {"reference": "Patient/q"}},
    ],
)
def test_a_request_that_does_not_count(members: dict[str, Any]) -> None:
    """DS-20, DS-23."""
    assert record_of(_request(**members)).orders("ferritin") == ()


@pytest.mark.parametrize(
    "code", [{"text": "Ferritin"}, {"coding": [{"system": "urn:local", "code": "7", "display": "FERRITIN LEVEL"}]}]
)
def test_a_request_of_a_local_code_is_known_by_its_exact_name(code: dict[str, Any]) -> None:
    assert len(record_of(_request(code=code)).orders("ferritin")) == 1


@pytest.mark.parametrize("panel", ["50190-8", "75689-0"])
def test_a_request_for_a_panel_is_one_for_what_it_contains(panel: str) -> None:
    """DS-20."""
    assert len(record_of(_request(code=coded(panel))).orders("transferrin-saturation")) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"code": {"concept": coded(FERRITIN)}},
        {"resourceType": "ProcedureRequest"},
        {"authoredOn": None, "occurrenceDateTime": "2026-05-01"},
    ],
)
def test_requests_of_other_versions_are_read(members: dict[str, Any]) -> None:
    """R5 wraps the code, STU3 has another name for the resource."""
    (order,) = record_of(_request(**members)).orders("ferritin")

    assert order.reference.endswith("/s")


# --- procedures and reports --------------------------------------------------------------------------------------

_ABI = coded("401221002", SNOMED)


@pytest.mark.parametrize(
    ("members", "on"),
    [
        ({"performedDateTime": "2026-01-01"}, "2026-01-01"),
        ({"performedPeriod": {"start": "2026-01-01", "end": "2026-01-02"}}, "2026-01-02"),
        ({"occurrenceDateTime": "2026-01-03"}, "2026-01-03"),
        ({"occurrencePeriod": {"start": "2026-01-04"}}, "2026-01-04"),
        ({}, "None"),
        ({"_performedDateTime": {"extension": [{"valueCode": "unknown"}]}}, "None"),
    ],
)
@pytest.mark.parametrize("status", ["completed", "in-progress", "preparation"])
def test_a_procedure_that_was_done_has_its_day(status: str, members: dict[str, Any], on: str) -> None:
    """2.3."""
    (act,) = record_of(
        {"resourceType": "Procedure", "status": status, "code": _ABI, "subject": SUBJECT} | members
    ).acts("abi-order")

    assert str(act.on) == on


@pytest.mark.parametrize(
    "members",
    [
        {"status": "not-done"},
        {"status": "entered-in-error"},
        {"status": "stopped"},
        {"notDone": True},
        {"performedDateTime": "2026-06-01"},
    ],
)
def test_a_procedure_that_was_not_done_does_not_count(members: dict[str, Any]) -> None:
    """2.3."""
    procedure = {"resourceType": "Procedure", "status": "completed", "code": _ABI, "subject": SUBJECT}

    assert record_of(procedure | members).acts("abi-order") == ()


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("final", True),
        ("corrected", True),
        ("preliminary", False),
        ("registered", False),
        ("entered-in-error", False),
        ("cancelled", False),
    ],
)
def test_a_report_shows_that_an_examination_was_done(status: str, counts: bool) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "status": status,
        "code": _ABI,
        "subject": SUBJECT,
        "effectivePeriod": {"end": "2026-05-02"},
    }

    assert [str(act.on) for act in record_of(report).acts("abi-order")] == (["2026-05-02"] if counts else [])


@pytest.mark.parametrize(
    ("status", "under_way"),
    [("preliminary", True), ("partial", True), ("final", False), ("registered", False), ("entered-in-error", False)],
)
def test_a_report_that_is_not_final_shows_that_an_examination_is_under_way(status: str, under_way: bool) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "status": status,
        "code": _ABI,
        "subject": SUBJECT,
        "effectiveDateTime": "2026-05-02",
    }

    assert [str(order.on) for order in record_of(report).orders("abi-order")] == (["2026-05-02"] if under_way else [])


# --- answers -----------------------------------------------------------------------------------------------------


def _form(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "subject": SUBJECT,
        "authored": "2026-05-10",
        "item": list(items),
    }
    return usual | members


def _item(link: str = "cramp", *answers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"linkId": link, "answer": list(answers), **members}


@pytest.mark.parametrize(
    ("answer", "boolean", "codes", "number"),
    [
        ({"valueBoolean": True}, True, set(), None),
        ({"valueBoolean": False}, False, set(), None),
        ({"valueCoding": {"system": SNOMED, "code": "373066001"}}, True, {"373066001"}, None),
        ({"valueCoding": {"system": LOINC, "code": "LA32-8", "display": "No"}}, False, {"LA32-8"}, None),
        ({"valueCoding": {"code": "night"}}, None, {"night"}, None),
        ({"valueString": " Yes "}, True, {"yes"}, None),
        ({"valueInteger": 7}, None, set(), Decimal(7)),
        ({"valueDecimal": 7.5}, None, set(), Decimal("7.5")),
        ({"valueQuantity": {"value": 7, "unit": "1"}}, None, set(), Decimal(7)),
    ],
)
def test_an_answer_is_read_in_every_type(
    answer: dict[str, Any], boolean: bool | None, codes: set[str], number: Decimal | None
) -> None:
    (read,) = record_of(_form(_item("cramp", answer))).answers("cramp")

    assert (read.boolean, set(read.codes), read.number) == (boolean, codes, number)


def test_an_answer_may_have_several_choices_and_stand_in_a_group() -> None:
    nested = {
        "linkId": "group",
        "item": [
            _item(
                "worse-when",
                {"valueCoding": {"code": "lying"}, "item": [_item("cramp", {"valueBoolean": True})]},
                {"valueCoding": {"code": "night"}},
            )
        ],
    }
    record = record_of(_form(nested))

    (choices,), (inner,) = record.answers("worse-when"), record.answers("cramp")

    assert choices.codes == {"lying", "night"}
    assert inner.boolean is True


@pytest.mark.parametrize("given", [{"code": "up-to-30"}, {"code": "up-to-30", "display": "UP_TO_30"}])
def test_an_answer_is_said_in_the_words_of_the_form(given: dict[str, str]) -> None:
    (answer,) = record_of(_form(_item("stiff", {"valueCoding": given}))).answers("stiff")

    assert (answer.name, answer.value) == ("Is it stiff in the morning?", "up to 30 minutes")
    assert answer.codes == {"up-to-30"}


def test_an_answer_that_the_form_does_not_offer_is_said_as_it_came() -> None:
    (answer,) = record_of(_form(_item("stiff", {"valueCoding": {"code": "x", "display": "An hour"}}))).answers("stiff")

    assert answer.value == "An hour"


@pytest.mark.parametrize(
    "item",
    [
        _item("cramp"),
        _item("cramp", {}),
        _item("cramp", {"valueString": "  "}),
        _item("cramp", {"valueCoding": {}}),
        {"linkId": "cramp"},
    ],
)
def test_an_item_left_unanswered_is_no_answer(item: dict[str, Any]) -> None:
    assert record_of(_form(item)).answers("cramp") == ()


@pytest.mark.parametrize(
    "members",
    [
        {"status": "in-progress"},
        {"status": "entered-in-error"},
        {"status": "stopped"},
        {"status": None},
        {"authored": "2026-06-01"},
    ],
)
def test_a_form_that_is_not_completed_does_not_count(members: dict[str, Any]) -> None:
    """2.3."""
    assert record_of(_form(_item("cramp", {"valueBoolean": True}), **members)).answers("cramp") == ()


def test_the_newest_answer_comes_first_and_an_undated_one_last() -> None:
    """2.3."""
    forms = [
        _form(_item("cramp", {"valueInteger": n}), id=f"q{n}", authored=day)
        for n, day in enumerate(["2026-05-01", None, "2026-05-02"])
    ]

    assert [answer.number for answer in record_of(*forms).answers("cramp")] == [2, 0, 1]


@pytest.mark.parametrize("link", ["66093-6", "/66093-6"])
def test_an_item_of_another_questionnaire_answers_ours(link: str) -> None:
    assert len(record_of(_form(_item(link, {"valueBoolean": True}))).answers("cramp")) == 1
