"""Every page in a real browser: drawn, accessible, on a desk in light and on a phone in dark."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.looking import MODES, PHONE, faults, plain


def with_cards(page: Page) -> None:
    page.wait_for_selector("#result:not([hidden])")


def with_why(page: Page) -> None:
    with_cards(page)
    page.locator(".to-why").first.click()
    page.wait_for_selector(".criteria[open] .tree li")
    page.locator("figure summary").first.click()


def with_problem(page: Page) -> None:
    page.get_by_label("A FHIR Bundle of mine").check()
    page.get_by_role("button", name="Show the cards").click()
    page.wait_for_selector("#problem:not([hidden])")


def with_questions(page: Page) -> None:
    page.locator("#q-leg-symptom").get_by_text("Yes").click()


LOOKS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "try": ("/try", plain),
    "cards": ("/try?patient=many-causes-uscore", with_cards),
    "critical": ("/try?patient=cauda-equina-tonight", with_cards),
    "no-cards": ("/try?patient=well-epic", with_cards),
    "why": ("/try?patient=rls-iron-epic", with_why),
    "problem": ("/try", with_problem),
    "overview": ("/knowledge", plain),
    "topic": ("/knowledge/iron", plain),
    "intake": ("/intake", with_questions),
    "asked": ("/intake?ask=better-when,walk-relief", plain),
    "connect": ("/connect", plain),
    "build-sheet": ("/connect/epic", plain),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("look", LOOKS)
def test_a_page_is_accessible_and_fits(browser: Browser, service: str, look: str, mode: str) -> None:
    path, prepare = LOOKS[look]

    found = faults(browser, mode, look, service + path, prepare, whole=look not in {"topic", "why"})

    assert found == []


@pytest.mark.parametrize("path", ["/knowledge", "/knowledge/iron"])
def test_on_a_phone_a_page_to_read_begins_on_the_first_screen(browser: Browser, service: str, path: str) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(service + path)

    bottom = page.locator("h1").evaluate("heading => heading.getBoundingClientRect().bottom")
    context.close()

    assert bottom < PHONE["height"] / 2


def test_a_keyboard_alone_reaches_the_cards_and_why(page: Page, service: str) -> None:
    page.goto(f"{service}/try")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.locator("#example").focus()
    page.locator("#example").select_option("rls-iron-epic")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result:not([hidden])")

    assert page.evaluate("document.activeElement.id") == "cards-heading"
    page.locator(".to-why").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".plan[open]")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
