"""Try it: patients from everywhere, cards answered, and bad input that costs nothing of what was typed."""

import json
import socket
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

FIXTURES = Path(__file__).parents[2] / "fixtures" / "patients"


@pytest.fixture
def ours(page: Page, service: str) -> Page:
    page.goto(f"{service}/try")
    return page


def paste(page: Page, text: str) -> None:
    page.get_by_label("A FHIR Bundle of mine").check()
    page.locator("#bundle").fill(text)
    page.get_by_role("button", name="Show the cards").click()


def test_a_pasted_bundle_gives_cards(ours: Page) -> None:
    legs = {"resourceType": "Condition", "subject": {"reference": "Patient/p"}, "code": {"text": "Restless legs"}}
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1960-01-01"}
    paste(ours, json.dumps({"resourceType": "Bundle", "entry": [{"resource": patient}, {"resource": legs}]}))

    expect(ours.locator(".card h3").first).to_contain_text("Restless legs")


def about_legs(patient: str) -> list[dict[str, object]]:
    legs = {"resourceType": "Condition", "subject": {"reference": f"Patient/{patient}"}}
    return [
        {"resource": {"resourceType": "Patient", "id": patient, "birthDate": "1960-01-01"}},
        {"resource": {**legs, "code": {"text": "Restless legs"}}},
    ]


def test_where_a_bundle_holds_several_patients_it_is_said_whose_cards_are_shown(ours: Page) -> None:
    other = {"resource": {"resourceType": "Patient", "id": "somebody-else"}}
    paste(ours, json.dumps({"resourceType": "Bundle", "entry": [other, *about_legs("p-1")]}))

    expect(ours.locator("#status")).to_contain_text("about patient p-1, one of 2 in the Bundle")


def test_a_mark_before_the_text_that_nobody_sees_is_no_fault(ours: Page) -> None:
    paste(ours, "\ufeff" + json.dumps({"resourceType": "Bundle", "entry": about_legs("p-1")}))

    expect(ours.locator(".card h3").first).to_contain_text("Restless legs")


def test_an_example_that_is_not_there_is_named_and_another_can_be_chosen(page: Page, service: str) -> None:
    page.goto(f"{service}/try?patient=nobody")

    expect(page.locator("#problem")).to_contain_text("no example patient “nobody”")
    assert page.locator("#example").input_value() != ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no Bundle yet"),
        ('{"resourceType": "Bundle", ', "This is not JSON"),
        ('{"resourceType": "Patient"}', "not a FHIR Bundle"),
        ('{"resourceType": "Bundle"}', "holds no Patient"),
    ],
)
def test_a_broken_bundle_is_explained_and_kept(ours: Page, text: str, words: str) -> None:
    paste(ours, text)

    expect(ours.locator("#problem")).to_contain_text(words)
    assert ours.locator("#problem p").count() == 2
    assert ours.locator("#bundle").input_value() == text


def test_a_file_that_is_far_too_large_is_not_even_read(ours: Page, tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    big.write_bytes(b" " * 50 * 1024 * 1024)
    ours.get_by_label("A FHIR Bundle of mine").check()
    ours.locator("#bundle").fill("typed")

    ours.locator("#file").set_input_files(big)

    expect(ours.locator("#problem")).to_contain_text("50.0 MB; the service reads at most 24.0 MB")
    assert ours.locator("#bundle").input_value() == "typed"


def test_a_large_file_gives_cards_without_being_shown_in_the_field(ours: Page) -> None:
    ours.get_by_label("A FHIR Bundle of mine").check()
    ours.locator("#file").set_input_files(FIXTURES / "patient-summary-ips" / "bundle.json")
    expect(ours.locator("#file-name")).to_contain_text("too long to be shown")

    ours.get_by_role("button", name="Show the cards").click()

    expect(ours.locator("#status")).to_contain_text("answered in")


def test_a_server_that_is_not_there_is_named_and_what_was_typed_stays(ours: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/fhir"
    ours.get_by_label("A patient on a FHIR server").check()
    ours.locator("#server").fill(address)
    ours.locator("#patient").fill("p-1")

    ours.get_by_role("button", name="Show the cards").click()

    expect(ours.locator("#problem")).to_contain_text("could not be reached")
    assert ours.locator("#server").input_value() == address


def test_a_server_that_does_not_answer_does_not_hang_the_page(ours: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ours.get_by_label("A patient on a FHIR server").check()
        ours.locator("#server").fill(f"http://127.0.0.1:{silent.getsockname()[1]}/fhir")
        ours.locator("#patient").fill("p-1")

        ours.get_by_role("button", name="Show the cards").click()

        expect(ours.locator("#problem")).to_contain_text("prefetch.patient")


def test_a_service_that_is_gone_is_said_to_be(ours: Page) -> None:
    ours.context.set_offline(True)
    paste(ours, '{"resourceType": "Bundle"}')

    expect(ours.locator("#problem")).to_contain_text("could not be reached")
    assert ours.locator("#bundle").input_value() == '{"resourceType": "Bundle"}'


def test_accepting_and_overriding_send_what_an_ehr_sends(page: Page, service: str) -> None:
    page.goto(f"{service}/try?patient=many-causes-uscore")
    card = page.locator(".card").first

    with page.expect_response("**/feedback") as accepted:
        card.locator(".suggestion").first.click()
    with page.expect_response("**/feedback") as overridden:
        card.locator("select").select_option(index=1)
        card.locator(".dismiss").click()

    assert accepted.value.status == overridden.value.status == 200
    (entry,) = json.loads(accepted.value.request.post_data or "")["feedback"]
    assert entry["outcome"] == "accepted"
    assert entry["acceptedSuggestions"]
    (entry,) = json.loads(overridden.value.request.post_data or "")["feedback"]
    assert set(entry["overrideReason"]["reason"]) == {"code", "system"}
    expect(card.locator(".outcome")).to_contain_text("Set aside")


def test_why_tells_the_criteria_and_what_one_datum_would_change(page: Page, service: str) -> None:
    page.goto(f"{service}/try?patient=rls-iron-epic")

    page.locator(".to-why").first.click()

    plan = page.locator("#why-iron")
    expect(plan.locator(".criteria")).to_contain_text("Ferritin (newest within")
    expect(plan.locator(".changes")).to_contain_text("no longer says")
    expect(page.locator("figure svg").first).to_be_visible()
