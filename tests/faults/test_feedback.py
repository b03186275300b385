"""Feedback that is under way when the service is asked to stop is kept, or its sender hears that it is not."""

import json
import signal
import sqlite3

from tests.contract.calls import REVIEW, call
from tests.contract.shapes import cards_of
from tests.contract.tokens import bearer, deployment
from tests.faults.test_processes import HalfSent, wait_until_deaf
from tests.servers.legwork import serving

MESSAGES = 10


def test_feedback_in_hand_is_kept_when_the_service_is_asked_to_stop(tmp_path):
    address = f"{REVIEW}/feedback"
    with serving(deployment(tmp_path)) as running:
        with running.client() as client:
            cards = cards_of(client.post(REVIEW, json=call(), headers=bearer(REVIEW)))
            said = {"card": cards[0]["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-01-02T03:04:05Z"}
            body = json.dumps({"feedback": [said]}).encode()
            messages = [HalfSent(running, body, bearer(address), address) for _ in range(MESSAGES)]

        running.wait_until_heard()
        running.process.send_signal(signal.SIGTERM)
        wait_until_deaf(running)
        answers = [message.finish() for message in messages]
        running.process.wait(30)

    assert answers == [{"received": 1, "kept": 1}] * MESSAGES
    with sqlite3.connect(tmp_path / "legwork.db") as database:
        kept = database.execute("SELECT count(*) FROM feedback").fetchone()
        calls = database.execute("SELECT count(*) FROM calls").fetchone()
    database.close()
    assert kept[0] >= 1
    assert calls == (1,)
