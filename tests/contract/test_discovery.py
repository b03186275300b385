"""Discovery: https://cds-hooks.hl7.org/2.0/#discovery."""

import re

import pytest
from starlette.testclient import TestClient

from tests.contract.calls import SERVICES, call, whole
from tests.contract.shapes import Discovery, cards_of, empties, outcome_of, strict_json

DISCOVERY = "/cds-services"


def services(client: TestClient) -> list[dict]:
    return strict_json(client.get(DISCOVERY).content)["services"]


def test_discovery_is_a_closed_object_with_a_list_of_services(client):
    """CH-D-01, D-02, D-04, D-05, D-06, D-07, D-08, D-09, D-13, G-01 to G-05, G-08."""
    response = client.get(DISCOVERY)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert list(empties(strict_json(response.content))) == []
    Discovery.model_validate(strict_json(response.content))


def test_each_service_has_an_id_and_a_title_of_its_own(client):
    """CH-D-07, D-12: some clients know a service by its address alone."""
    found = services(client)

    assert len({service["id"] for service in found}) == len(found)
    assert len({service["title"] for service in found}) == len(found)


def test_descriptions_are_plain_sentences_that_are_markdown_too(client):
    """CH-D-05: a string in 2.0, Markdown in 3.0."""
    for service in services(client):
        assert not re.search(r"[*_`<>\[\]#|\\]", service["description"] + service["usageRequirements"])


def test_discovery_states_the_version_of_the_specification_and_of_each_hook_as_published(client):
    """CH-D-10, D-11, H-28, V-01."""
    assert {(s["hook"], s["version"], s["hookVersion"]) for s in services(client)} == {
        ("patient-view", "3.0.0-ballot", "1.0"),
        ("encounter-start", "3.0.0-ballot", "1.0"),
        ("order-select", "3.0.0-ballot", "1.0"),
        ("order-sign", "3.0.0-ballot", "1.0"),
    }


def test_only_hooks_of_the_standard_that_are_in_use_are_advertised(client):
    """CH-H-12, H-27."""
    assert not {s["hook"] for s in services(client)} & {"medication-prescribe", "order-review"}
    assert all("." not in s["hook"] for s in services(client))


def test_the_required_prefetch_keys_are_among_those_asked_for(client):
    """CH-D-13, E-01 to E-03: an object, its member named by a reversed domain."""
    for service in services(client):
        (name, required), *others = service["extension"].items()

        assert others == []
        assert re.fullmatch(r"org(\.[a-z-]+)+", name)
        assert required == ["patient", "conditions"]
        assert set(required) <= set(service["prefetch"])


def test_every_advertised_service_answers_its_hook_at_its_address(client):
    """CH-D-06, D-19."""
    for service in services(client):
        cards = cards_of(client.post(f"/cds-services/{service['id']}", json=call(hook=service["hook"])))

        assert cards
    assert {s["hook"]: f"/cds-services/{s['id']}" for s in services(client)} == SERVICES


@pytest.mark.parametrize("address", ["/cds-services/", "//cds-services", "/cds-services?x=1", "/cds-services//"])
@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/fhir+json", "text/html", "image/png;q=0.1"])
def test_discovery_is_the_same_whatever_the_slashes_the_query_and_the_accept_header(client, address, accept):
    """CH-D-16."""
    response = client.get(whole(client, address), headers={"Accept": accept}, follow_redirects=False)

    assert response.status_code == 200
    assert response.content == client.get(DISCOVERY).content


def test_head_gives_the_headers_of_discovery_and_no_body(client):
    """CH-D-01: RFC 9110, 9.3.2."""
    response = client.head(DISCOVERY)

    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["content-length"] == client.get(DISCOVERY).headers["content-length"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"])
def test_other_methods_on_discovery_are_refused_in_words(client, method):
    """CH-D-18, Z-09, Z-14."""
    response = client.request(method, DISCOVERY)

    assert "GET" in outcome_of(response, 405)
    assert "GET" in response.headers["allow"]
