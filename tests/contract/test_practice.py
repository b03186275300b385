"""What good practice asks of a service beside the letter of the standard."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from cds.hooks.routes import LARGE
from tests.contract.calls import RESTLESS_LEGS, REVIEW, bundle, call, ferritin, prefetch, rich
from tests.contract.shapes import advised, cards_of, told


def about(patient_id: str, value: int) -> dict:
    """Make a call about a patient whose id and ferritin are known again in the answer."""
    made = call(prefetch(RESTLESS_LEGS, labs=bundle(ferritin(value))))
    return json.loads(
        json.dumps(made).replace('"p-1"', f'"{patient_id}"').replace("Patient/p-1", f"Patient/{patient_id}")
    )


def test_parallel_calls_do_not_mix_up_patients(client):
    """CH-N-02, N-10."""

    def asked(value: int) -> bool:
        cards = cards_of(client.post(REVIEW, json=about(f"patient-{value}", value)), f"patient-{value}")
        return f"Ferritin {value} ng/mL" in cards[-1]["summary"] + cards[0]["summary"]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(asked, [*range(16, 30)] * 3))


def test_nothing_of_one_call_is_left_for_the_next(client):
    """CH-N-06, N-10, P-11."""
    cards_of(client.post(REVIEW, json=rich()))

    assert cards_of(client.post(REVIEW, json=call(prefetch()))) == []


def test_a_chart_of_thousands_of_results_is_answered_in_time(client):
    """CH-N-03, R-04."""
    history = bundle(*(ferritin(20 + day % 5, day, id=f"f-{day}") for day in range(1, 5001)))
    made = json.dumps(call(prefetch(RESTLESS_LEGS, labs=history, observations=history))).encode()
    assert len(made) > 2 * LARGE

    start = time.perf_counter()
    cards = cards_of(client.post(REVIEW, content=made))
    spent = time.perf_counter() - start

    assert "low-stores" in advised(cards)
    assert spent < 2


def test_a_large_chart_is_answered_as_the_same_chart_without_its_padding(client):
    """CH-N-04."""
    small = prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20)))
    padding = [{"resourceType": "Observation", "id": f"x-{n}", "code": {"text": "x" * 1000}} for n in range(2000)]
    large = {**small, "examinations": bundle(*padding)}
    assert len(json.dumps(large)) > LARGE

    few, many = (cards_of(client.post(REVIEW, json=call(values))) for values in (small, large))

    assert told(many) == told(few)


def test_no_answer_may_be_kept_by_a_cache(client):
    """CH-N-07."""
    for response in (
        client.get("/cds-services"),
        client.post(REVIEW, json=call()),
        client.post(REVIEW, json={}),
        client.get("/knowledge/rls"),
        client.get("/nothing"),
    ):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


def test_health_and_readiness_can_be_asked_for(client):
    """CH-D-01: neither hangs on anything else."""
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json()["status"] == "ready"
    assert client.head("/health").status_code == 200


def test_every_topic_has_a_page_that_says_how_its_advice_is_reached(client):
    """CH-D-15."""
    topics = client.get("/ready").json()["plans"]

    assert topics
    for topic in topics:
        page = client.get(f"/knowledge/{topic}")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
