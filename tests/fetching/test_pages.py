"""The pages of a search, supplied or fetched, are followed to the end, and nowhere else."""

import pytest

from tests.contract.calls import (
    DIABETES,
    NO_IRON_STUDIES,
    RESTLESS_LEGS,
    REVIEW,
    bundle,
    prefetch,
)
from tests.contract.shapes import advised, outcome_of, unknowns
from tests.fetching.asking import ALL_KEYS, OTHER, TOKEN, answer, asking
from tests.servers.stub import answering, paged, stub_server


def test_pages_are_followed_to_the_end(client, fhir):
    """CH-F-11."""
    fhir.behaviours["conditions"] = paged(bundle(total=1), bundle(total=1), bundle(RESTLESS_LEGS))

    cards = answer(client, asking(fhir))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == set()
    assert all(asked.headers["authorization"] for asked in fhir.seen)


def test_the_pages_of_a_prefetch_value_are_followed_with_the_token(client, fhir):
    """CH-P-07."""
    fhir.behaviours["conditions"] = answering(200, bundle(RESTLESS_LEGS, total=2))
    first = bundle(OTHER, total=2, link=[{"relation": "next", "url": f"{fhir.base}/Condition?page=1"}])

    cards = answer(client, asking(fhir, prefetch(conditions=first)))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == set()
    assert [(asked.target, asked.headers["authorization"]) for asked in fhir.seen] == [
        ("/fhir/Condition?page=1", f"Bearer {TOKEN}")
    ]


def test_a_prefetch_value_cut_short_without_a_link_is_fetched_anew(client, fhir):
    """CH-P-07: the sandbox passes on the first page only."""
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, DIABETES)

    cards = answer(client, asking(fhir, prefetch(conditions=bundle(RESTLESS_LEGS, total=2))))

    assert unknowns(cards) == set()
    assert fhir.keys() == ["conditions"]


def test_a_page_of_prefetch_whose_next_cannot_be_had_is_a_part(client, fhir):
    """CH-P-08."""
    fhir.behaviours["conditions"] = answering(500)
    first = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": f"{fhir.base}/Condition?page=1"}])

    cards = answer(client, asking(fhir, prefetch(conditions=first)))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}


@pytest.mark.parametrize("relative", ["Condition?page=1", "/fhir/Condition?page=1", "?page=1&of=Condition"])
def test_a_next_page_may_be_named_relative_to_the_base(client, fhir, relative):
    """CH-F-11."""
    first = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": relative}])
    fhir.values[""] = bundle()

    cards = answer(client, asking(fhir, prefetch(conditions=first)))

    assert unknowns(cards) == set()


def test_pages_in_circles_end(client, fhir):
    """CH-F-11."""
    circle = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": f"{fhir.base}/Condition?page=1"}])
    fhir.behaviours["conditions"] = answering(200, circle)

    cards = answer(client, asking(fhir))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert fhir.keys().count("conditions") == 2


def test_pages_without_end_end(client, fhir):
    """CH-F-11."""
    fhir.behaviours["conditions"] = paged(bundle(RESTLESS_LEGS), *[bundle()] * 50)

    cards = answer(client, asking(fhir))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert fhir.keys().count("conditions") == 10


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://localhost:{port}/fhir/Condition?page=1",
        "https://127.0.0.1:{port}/fhir/Condition?page=1",
        "http://127.0.0.1:1/fhir/Condition?page=1",
        "http://127.0.0.1:{port}@example.org/fhir/Condition",
        "http://x@127.0.0.1:{port}/fhir/Condition",
        "//example.org/fhir/Condition",
        "http://127.0.0.1:{port}/admin",
        "http://127.0.0.1:{port}/fhirish/Condition",
        "http://127.0.0.1:{port}/fhir/../admin",
        "http://127.0.0.1:{port}/fhir/%2e%2e/admin",
        "http://127.0.0.1:{port}/fhir/..\\admin",
        "http://127.0.0.1:{port}/fhir/..;/admin",
        "http://127.0.0.1:{port}/fhir/%2e%2e%3bx=y/admin",
        "file:///etc/passwd",
        "http://[",
        "http://127.0.0.1:{port}/fhir/Condition?page=1\r\nX: y",
    ],
)
def test_a_next_page_elsewhere_is_not_followed(client, fhir, elsewhere):
    """CH-F-04, F-12: neither the request nor the token goes anywhere but below the server of the call."""
    url = elsewhere.format(port=fhir.base.split(":")[2].split("/")[0])
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": url}])

    cards = answer(client, asking(fhir))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert fhir.keys() == sorted(ALL_KEYS)


def test_a_redirect_is_not_followed_and_takes_no_token_along(client, fhir):
    """CH-F-04."""
    with stub_server() as other:
        fhir.behaviours["conditions"] = answering(307, Location=f"{other.base}/Condition")

        outcome_of(client.post(REVIEW, json=asking(fhir)), 412)

        assert other.connections == 0
