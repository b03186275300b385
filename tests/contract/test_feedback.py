"""Feedback: what became of a card. https://cds-hooks.hl7.org/2.0/#feedback."""

import pytest

from tests.contract.calls import REVIEW
from tests.contract.shapes import outcome_of

FEEDBACK = f"{REVIEW}/feedback"
WHEN = "2026-11-23T10:00:00.000Z"


@pytest.mark.parametrize(
    "entry",
    [
        {"card": "c", "outcome": "accepted", "acceptedSuggestions": [{"id": "s"}], "outcomeTimestamp": WHEN},
        {"card": "c", "outcome": "overridden", "outcomeTimestamp": WHEN},
        {"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-23T11:00:00.123456+01:00", "odd": 1,
         "overrideReason": {"reason": {"code": "x"}, "userComment": "said"}},
    ],
)  # fmt: skip
def test_feedback_is_taken_again_and_again(client, entry):
    """CH-B-01 to B-17."""
    for _ in range(2):
        assert client.post(FEEDBACK, json={"feedback": [entry, entry]}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"feedback": {}},
        {"feedback": [{"card": "c", "outcome": "ignored", "outcomeTimestamp": WHEN}]},
        {"feedback": [{"card": "c", "outcome": "accepted", "outcomeTimestamp": WHEN}]},
        {"feedback": [{"card": "c", "outcome": "overridden"}]},
        {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "today"}]},
        {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": WHEN, "overrideReason": {}}]},
    ],
)
def test_feedback_that_is_wrong_is_refused(client, body):
    """CH-B-03 to B-12, B-19."""
    outcome_of(client.post(FEEDBACK, json=body), 422)


def test_feedback_to_nobody_is_not_found(client):
    outcome_of(client.post("/cds-services/nothing/feedback", json={"feedback": []}), 404)
