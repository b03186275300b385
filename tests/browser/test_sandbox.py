"""The public CDS Hooks sandbox's way of calling, from a page of another origin in a real browser.

Nothing is intercepted: Playwright would answer the preflights itself, and hide a missing header. The calls are those
of fixtures/dialects/sandbox; a token comes with every one.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from cds.services import SERVICES

CALLS = {path.stem: path for path in Path(__file__).parents[2].glob("fixtures/dialects/sandbox/*.json")}
BY_HOOK = {service.hook: service.id for service in SERVICES.values()}

FETCH = """async ([address, method, body]) => {
  const headers = { Accept: "application/json", Authorization: "Bearer eyJhbGciOiJFUzM4NCJ9.e30.AA" };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(address, { method, headers, body: body && JSON.stringify(body) });
  return [response.status, await response.json()];
}"""


@pytest.fixture
def sandbox(page: Page, elsewhere: str) -> Page:
    page.goto(elsewhere)
    return page


def fetch(page: Page, address: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    status, answer = page.evaluate(FETCH, [address, method, body])
    return status, answer


def test_discovery_is_read_across_origins_with_a_token(sandbox: Page, service: str) -> None:
    status, answer = fetch(sandbox, f"{service}/cds-services")

    assert status == 200
    assert {one["id"] for one in answer["services"]} == set(BY_HOOK.values())


@pytest.mark.parametrize("slash", ["/", "//"])
@pytest.mark.parametrize("name", CALLS)
def test_every_view_is_answered(sandbox: Page, service: str, name: str, slash: str) -> None:
    body = json.loads(CALLS[name].read_text(encoding="utf-8"))

    status, answer = fetch(sandbox, f"{service}/cds-services{slash}{BY_HOOK[body['hook']]}", "POST", body)

    # Without prefetch, and without a server that can be reached, nothing can be concluded; that is said, not drawn.
    assert (status, "cards" in answer) in ({(412, False)} if "prefetch" not in body else {(200, True)})


def test_the_active_tab_clicked_sends_no_orders_and_hears_why_not(sandbox: Page, service: str) -> None:
    body = {
        "hook": "order-select",
        "hookInstance": "6bc883b2-b795-4dcb-b661-34884a31d472",
        "context": {"userId": "Practitioner/COREPRACTITIONER1", "patientId": "p"},
    }

    status, answer = fetch(sandbox, f"{service}/cds-services/leg-ache-order-select", "POST", body)

    assert status in {200, 422}
    assert "cards" in answer or answer["resourceType"] == "OperationOutcome"


def test_a_hook_that_is_not_the_services_own_is_refused_and_can_be_read(sandbox: Page, service: str) -> None:
    body = json.loads(CALLS["patient-view"].read_text(encoding="utf-8")) | {"hook": "order-select"}

    status, answer = fetch(sandbox, f"{service}/cds-services/leg-ache-review", "POST", body)

    assert status == 422
    assert "hook" in answer["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "entry",
    [
        {"outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]},
        {"outcome": "overridden"},
        {"outcome": "overridden", "overrideReason": {"reason": {"code": "patient-declined", "system": "x"}}},
    ],
)
def test_feedback_is_taken(sandbox: Page, service: str, entry: dict[str, Any]) -> None:
    body = {"feedback": [{"card": "c", "outcomeTimestamp": "2026-11-23T10:00:00.000Z", **entry}]}

    assert fetch(sandbox, f"{service}/cds-services/leg-ache-review/feedback", "POST", body)[0] == 200


def test_a_page_of_an_origin_that_is_not_allowed_hears_nothing(page: Page, service: str, elsewhere: str) -> None:
    page.goto(elsewhere.replace("127.0.0.1", "localhost"))

    with pytest.raises(Exception, match="Failed to fetch"):
        fetch(page, f"{service}/cds-services")
