"""Many calls, fifty at a time: all are answered alike, and nothing of them stays in memory.

`python -m benchmarks.soak` makes ten thousand, and measures.
"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from tests.contract.calls import RESTLESS_LEGS, REVIEW, bundle, call, condition, ferritin, prefetch
from tests.contract.shapes import advised, cards_of
from tests.servers.legwork import serving

AT_ONCE = 50
WARM = 200
CALLS = 1_000
LETTER = 100_000
"""Characters of a text that is another in each call."""
GROWTH = 25.0
"""How much memory may be added by the calls after the first, a quarter of what they bring [MiB]."""


def body(number: int) -> bytes:
    """Make a call whose texts and codes no other call has."""
    letter = f"pramipexole {number} " + "x" * LETTER
    drug: dict[str, Any] = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order"}
    drug |= {"subject": {"reference": "Patient/p-1"}, "medicationCodeableConcept": {"text": letter}}
    said = condition({"coding": [{"system": f"urn:{number}", "code": str(number), "display": letter}]}, id="c")
    values: dict[str, Any] = prefetch(RESTLESS_LEGS, said, labs=bundle(ferritin(20)), medications=bundle(drug))
    return json.dumps(call(values)).encode()


def test_a_thousand_calls_fifty_at_a_time_are_answered_alike_and_leave_nothing_behind():
    mine = threading.local()  # a pool of connections that threads share closes some of them in the middle of a call
    with serving() as running, ExitStack() as clients, ThreadPoolExecutor(AT_ONCE) as pool:

        def answer(number: int) -> tuple[str, ...]:
            if not hasattr(mine, "client"):
                mine.client = clients.enter_context(running.client())
            return tuple(advised(cards_of(mine.client.post(REVIEW, content=body(number)))))

        answers = set(pool.map(answer, range(WARM)))
        before = running.resident()
        answers |= set(pool.map(answer, range(WARM, CALLS)))
        after = running.resident()

    assert len(answers) == 1
    assert answers != {()}
    assert after - before < GROWTH
