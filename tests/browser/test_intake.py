"""The intake form: filled in, downloaded, sent, and used at once."""

import json
from pathlib import Path

from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from playwright.sync_api import Page, expect


def answer(page: Page, link: str, *words: str) -> None:
    for said in words:
        page.locator(f"#q-{link}").get_by_text(said, exact=True).click()


def test_answers_become_a_valid_response_and_what_is_not_answered_is_not_in_it(page: Page, service: str) -> None:
    page.goto(f"{service}/intake")
    answer(page, "leg-symptom", "Yes")
    answer(page, "skin", "Nothing unusual", "Brown or itchy")
    answer(page, "sudden", "No")
    answer(page, "pain-score", "7")
    answer(page, "fever", "Yes")
    page.locator("#q-fever .clear").click()

    with page.expect_download() as download:
        page.locator("#download").click()

    response = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    QuestionnaireResponse.model_validate(response)
    assert {item["linkId"]: item["answer"] for item in response["item"]} == {
        "leg-symptom": [{"valueBoolean": True}],
        "sudden": [{"valueBoolean": False}],
        "skin": [
            {
                "valueCoding": {
                    "system": "https://legwork.org/fhir/CodeSystem/leg-ache-intake",
                    "code": "brown-itchy",
                    "display": "Brown or itchy",
                }
            }
        ],
        "pain-score": [{"valueInteger": 7}],
    }


def test_no_further_question_is_asked_of_legs_that_do_not_trouble(page: Page, service: str) -> None:
    page.goto(f"{service}/intake")

    answer(page, "leg-symptom", "No")

    expect(page.locator(".question:visible")).to_have_count(1)


def test_the_answers_alone_give_cards(page: Page, service: str) -> None:
    page.goto(f"{service}/intake")
    answer(page, "leg-symptom", "Yes")
    answer(page, "urge-to-move", "Yes")
    answer(page, "worse-when", "Lying down", "Evening or night")
    answer(page, "better-when", "Moving or walking")

    page.get_by_role("button", name="See what they lead to").click()

    expect(page.locator(".card").first).to_contain_text("estless legs")
    page.go_back()
    expect(page.locator("#q-urge-to-move [value=true]")).to_be_checked()


def test_a_card_opens_just_the_questions_that_it_asks(page: Page, service: str) -> None:
    page.goto(f"{service}/try?patient=many-causes-at-once")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Leg ache intake form").click()
    form = opened.value
    asked = form.url.partition("?ask=")[2].replace("%2C", ",").split(",")
    questions = form.locator(".question:visible")
    expect(questions).to_have_count(len(asked) + 1)  # all of them stand there until the form's script has run

    shown = questions.evaluate_all("all => all.map((one) => one.dataset.link)")

    assert sorted(shown) == sorted(["leg-symptom", *asked])


def test_answers_are_sent_to_an_open_server(page: Page, service: str, elsewhere: str) -> None:
    page.goto(f"{service}/intake")
    answer(page, "leg-symptom", "Yes")
    page.get_by_text("Send them to a FHIR server").click()
    page.locator("#server").fill(f"{elsewhere}/fhir/")
    page.locator("#patient").fill("p-1")

    with page.expect_request("**/fhir/QuestionnaireResponse") as sent:
        page.get_by_role("button", name="Send").click()

    assert json.loads(sent.value.post_data or "")["subject"] == {"reference": "Patient/p-1"}
    expect(page.locator("#status")).to_contain_text("Sent")


def test_a_server_that_refuses_costs_no_answer(page: Page, service: str) -> None:
    page.goto(f"{service}/intake")
    answer(page, "leg-symptom", "Yes")
    page.get_by_text("Send them to a FHIR server").click()
    page.locator("#server").fill("http://127.0.0.1:9/fhir")
    page.locator("#patient").fill("p-1")

    page.get_by_role("button", name="Send").click()

    expect(page.locator("#problem")).to_contain_text("could not be reached")
    expect(page.locator("#q-leg-symptom [value=true]")).to_be_checked()
