"""The pages, over HTTP: what is sent, under which policy, and what becomes of bad input."""

import json
import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.pages.calls import as_written, hook_call
from cds.pages.html import card_html
from cds.pages.patients import examples, moved
from cds.settings import Settings
from tests.conftest import HERE
from tests.contract.calls import FIXTURES, REVIEW, call, prefetch
from tests.contract.shapes import outcome_of
from tests.contract.tokens import deployment

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ["/try", "/knowledge", "/knowledge/iron", "/knowledge/codes", "/knowledge/pad", "/intake", "/connect"]
MOST_BYTES = 300_000


def posted(client, path, value):
    content = value if isinstance(value, str | bytes) else as_written.encode(value)
    return client.post(path, content=content, headers={"Content-Type": "application/json"})


def bundle_of(slug):
    return json.loads((FIXTURES / "patients" / slug / "bundle.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light_and_strict(client, path):
    response = client.get(path, headers=HTML)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert not any(inline in response.text for inline in (" style=", "<style", " onclick=", "<script>"))
    assets = {part.split('"')[0] for part in response.text.split('"/static/')[1:]}
    weight = len(response.content) + sum(len(client.get(f"/static/{asset}").content) for asset in assets)
    assert weight < MOST_BYTES


def test_the_address_alone_leads_to_try_it(client):
    response = client.get("/", follow_redirects=False)

    assert response.status_code == 307
    assert response.headers["location"] == "try"


def test_who_does_not_ask_for_html_gets_the_text(client):
    response = client.get("/knowledge/iron")

    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["vary"].lower().count("accept") == 1
    assert response.text.startswith("# Iron")


def test_links_between_knowledge_pages_lead_to_pages(client):
    page = client.get("/knowledge/iron", headers=HTML).text

    assert 'href="codes#ferritin"' in page
    assert 'id="ferritin"' in client.get("/knowledge/codes", headers=HTML).text
    assert ".md" not in page


@pytest.mark.parametrize("path", ["/knowledge/nothing", "/static/x/nothing.js", "/try/patients/nobody"])
def test_what_is_not_there_is_said_to_be_not_there(client, path):
    assert client.get(path, headers=HTML).status_code == 404


@pytest.mark.parametrize("path", ["/nothing", "/knowledge/nothing", "/try/patients/nobody", "/reports/nothing"])
def test_a_browser_is_told_on_a_page_what_is_not_there(client, path):
    page = client.get(path, headers=HTML)

    assert page.status_code == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "There is no page here" in page.text
    assert page.headers["x-correlation-id"] in page.text
    assert page.headers["content-length"] == str(len(page.content))
    assert 'href="/knowledge"' in page.text


@pytest.mark.parametrize("path", ["/cds-services/a/b/c", "/fhir/PlanDefinition/nothing", "/static/x/nothing.js"])
def test_addresses_of_programs_give_the_outcome_even_to_a_browser(client, path):
    outcome_of(client.get(path, headers=HTML), 404)


def test_a_program_gets_the_outcome_where_there_are_pages(client):
    outcome_of(client.get("/knowledge/nothing"), 404)
    outcome_of(client.post("/try/call", content="{", headers={"Content-Type": "application/json"}), 400)


def test_a_page_that_fails_says_what_to_do_and_nothing_else(monkeypatch):
    def fails():
        raise ValueError("nachtwander")

    monkeypatch.setattr("cds.pages.routes.differential", fails)
    with TestClient(create_app(Settings()), base_url=HERE) as http:
        page = http.get("/intake", headers=HTML)

    assert page.status_code == 500
    assert "Something went wrong on our side" in page.text
    assert page.headers["x-correlation-id"] in page.text
    assert "nachtwander" not in page.text


def test_where_only_clients_may_call_a_browser_is_told_so_on_a_page(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as http:
        page = http.get("/try", headers=HTML)

    assert page.status_code == 401
    assert page.headers["www-authenticate"] == "Bearer"
    assert "for registered clients only" in page.text
    assert 'href="/legwork/knowledge"' in page.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "neither stored nor logged"),
        ({"database": "sqlite:///l.db"}, "is kept what the cards say"),
        ({"database": "sqlite:///l.db", "record": True}, "is kept whole"),
    ],
)
def test_try_it_says_what_is_kept_of_what_is_pasted(tmp_path, monkeypatch, settings, words):
    monkeypatch.chdir(tmp_path)
    with TestClient(create_app(Settings(**settings)), base_url=HERE) as http:
        page = http.get("/try", headers=HTML).text

    assert words in page
    assert ("neither stored" in page) is (not settings)


def test_who_comes_and_presses_the_button_sees_cards(client):
    chosen = re.search(r'<option value="([^"]+)" selected', client.get("/try", headers=HTML).text)

    assert chosen
    made = posted(client, "/try/call", client.get(f"/try/patients/{chosen[1]}").content).json()
    assert len(client.post(REVIEW, json=made).json()["cards"]) > 1


def test_a_bundle_becomes_the_call_that_an_ehr_would_make(client):
    made = posted(client, "/try/call", examples()["rls-iron-epic"].bundle()).json()

    answer = client.post(REVIEW, json=made)

    assert answer.status_code == 200
    topics = {card["source"]["topic"]["code"] for card in answer.json()["cards"]}
    assert "iron" in topics


@pytest.mark.parametrize("slug", [path.parent.name for path in sorted(FIXTURES.glob("patients/*/about.md"))])
def test_an_example_says_today_what_it_says_on_its_own_day(client, slug):
    """Dates that are no more than a year or a month cannot be moved to the day; none of the examples hangs on one."""
    expected = json.loads((FIXTURES / "patients" / slug / "cards.json").read_text(encoding="utf-8"))

    answer = client.post(REVIEW, json=posted(client, "/try/call", client.get(f"/try/patients/{slug}").content).json())

    assert answer.status_code == 200
    assert [c["source"]["topic"]["code"] for c in answer.json()["cards"]] == [
        c["source"]["topic"]["code"] for c in expected
    ]


def test_dates_move_and_nothing_else_does():
    resource = {
        "effectiveDateTime": "2026-05-01T10:00:00+02:00", "birthDate": "1970", "onsetDateTime": "2026-05",
        "code": "2026", "text": "since 2026-05-01", "value": 5, "issued": "2026-02-30",
    }  # fmt: skip

    assert moved(resource, timedelta(days=31)) == {
        **resource, "effectiveDateTime": "2026-06-01T10:00:00+02:00", "birthDate": "1970", "onsetDateTime": "2026-06",
    }  # fmt: skip


def test_a_number_stays_as_the_laboratory_wrote_it():
    whole = b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "p", "x": 6.10}}]}'

    assert b"6.10" in as_written.encode(hook_call(whole))


def test_references_to_a_patient_by_address_are_understood(client):
    address = "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    patient = {"resourceType": "Patient", "id": "other", "birthDate": "1960-01-01"}
    legs = {"resourceType": "Condition", "code": {"text": "Restless legs"}, "subject": {"reference": address}}
    whole = {"resourceType": "Bundle", "entry": [{"fullUrl": address, "resource": patient}, {"resource": legs}]}

    made = posted(client, "/try/call", whole).json()

    assert made["context"]["patientId"] == "other"
    assert client.post(REVIEW, json=made).json()["cards"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 422),
        ('{"resourceType": "Patient"}', 422),
        ('{"resourceType": "Bundle"}', 422),
        ('{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}', 422),
        ('{"resourceType": "Bundle", "entry": 5}', 422),
        (b"\xff\xfe", 400),
    ],
)
def test_what_is_no_bundle_is_refused_in_words(client, body, status):
    outcome_of(posted(client, "/try/call", body), status)


@pytest.mark.parametrize("path", ["/try/call", "/try/cards", "/try/why", "/try/why/iron"])
def test_forms_of_foreign_pages_are_not_heard(client, path):
    assert client.post(path, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_broken_entries_cost_only_themselves():
    whole = bundle_of("rls-iron-epic")
    whole["entry"] += [None, 5, {"resource": None}, {"resource": {"resourceType": 7}}]

    made = hook_call(json.dumps(whole).encode())

    assert len(made["prefetch"]["patient"]["entry"]) == 1


def test_why_names_each_plan_and_what_one_datum_would_change(client):
    made = hook_call(examples()["rls-iron-epic"].bundle())

    page = posted(client, "/try/why", made)

    assert page.status_code == 200
    assert 'id="why-iron"' in page.text
    assert "at least 45 ng/mL" in page.text
    assert "<svg" in page.text
    assert "As a table" in page.text
    assert len(page.content) < MOST_BYTES


def test_why_a_plan_speaks_is_told_criterion_by_criterion(client):
    page = posted(client, "/try/why/iron", hook_call(examples()["rls-iron-epic"].bundle()))

    assert page.status_code == 200
    assert all(f'<span class="state">{state}</span>' in page.text for state in ("met", "not met", "unknown"))
    assert re.search(r"Ferritin 11(\.0)? ng/mL \d{4}-\d\d-\d\d", page.text)


def test_why_of_a_call_that_cannot_be_answered_says_the_same_as_the_hook(client):
    outcome_of(posted(client, "/try/why", call({})), 412)


def test_text_of_a_chart_is_text_on_every_page(client):
    evil = "<img src=x onerror=alert(1)> restless legs [x](javascript:alert(1))"
    legs = {
        "resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p-1"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}], "text": evil},
    }  # fmt: skip
    made = call(prefetch(legs))
    cards = client.post(REVIEW, json=made)

    drawn = posted(client, "/try/cards", cards.content)
    told = posted(client, "/try/why", made)
    criteria = posted(client, "/try/why/rls", made)

    for page in (drawn, told, criteria):
        assert page.status_code == 200
        assert "<img" not in page.text
        assert 'href="javascript' not in page.text
    assert "&lt;img" in drawn.text


def test_markdown_of_a_card_brings_no_html_and_no_picture():
    drawn = card_html("<script>x</script> ![p](https://evil.example/p.png) [l](https://example.org) **b**")

    assert "<script" not in drawn
    assert "<img" not in drawn
    assert 'target="_blank" rel="noopener noreferrer"' in drawn
    assert "<strong>b</strong>" in drawn


def test_only_cards_of_this_service_are_drawn(client):
    outcome_of(posted(client, "/try/cards", {"cards": [{"summary": "odd"}]}), 422)


def test_nothing_of_a_patient_is_logged(client, caplog):
    caplog.set_level("DEBUG")
    made = hook_call(examples()["rls-iron-epic"].bundle())

    posted(client, "/try/call", examples()["rls-iron-epic"].bundle())
    posted(client, "/try/why", made)

    assert "Oakley" not in caplog.text
    assert made["context"]["patientId"] not in caplog.text


def test_the_form_on_the_page_is_the_published_one(client):
    page = client.get("/intake", headers=HTML).text
    form = client.get("/fhir/Questionnaire/leg-ache-intake").json()

    for item in form["item"]:
        assert f'data-link="{item["linkId"]}" data-kind="{item["type"]}"' in page
        for option in item.get("answerOption", ()):
            assert f'value="{option["valueCoding"]["code"]}"' in page


def test_a_card_opens_the_questions_that_it_asks(client):
    """Its link names them; the page shows just these."""
    made = hook_call(examples()["many-causes-at-once"].bundle())

    links = [link for card in posted(client, REVIEW, made).json()["cards"] for link in card["links"]]

    (form,) = [link["url"] for link in links if "/intake" in link["url"]]
    asked = form.partition("?ask=")[2].split(",")
    assert asked
    assert set(asked) <= {item["linkId"] for item in client.get("/fhir/Questionnaire/leg-ache-intake").json()["item"]}
