"""The reports in a real browser: a login, figures of some weeks, and what goes wrong, in light and in dark."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from cds.pages.calls import as_written, hook_call
from cds.pages.patients import examples
from cds.passwords import hashed
from tests.browser.looking import DESK, MODES, SCREENS, faults, plain, served
from tests.feedback.service import DAY, entry, running, stamp

PASSWORD = "nachtwander-und-mehr"
WEEKS = 10
CLIENTS: dict[str, dict[str, Any]] = {
    "ehr": {},
    "clinic": {"snooze_days": 7, "max_cards": 1},
    "watching": {"silent": True},
}
PATIENTS = ("rls-iron-epic", "many-causes-uscore", "well-epic")


def _weeks(folder: Path) -> None:
    """Have some weeks go by."""
    chance = random.Random(7)  # noqa: S311 - made-up weeks
    with running(f"sqlite:///{folder}/legwork.db", folder) as service:
        start = service.now
        for week in range(WEEKS):
            service.now = start - 7 * DAY * (WEEKS - 1 - week)
            for name, terms in CLIENTS.items():
                service.becomes(name=name, **terms)
                for slug in PATIENTS * chance.randint(1, 3):
                    for card in service.cards(json.loads(as_written.encode(hook_call(examples()[slug].bundle())))):
                        outcome = chance.choice(("accepted", "overridden", "overridden", None))
                        if outcome == "overridden":
                            service.set_aside(card, chance.choice(("patient-declined", "already-evaluated")))
                        elif outcome and (offered := card.get("suggestions")):
                            said = entry(card["uuid"], outcome="accepted", outcomeTimestamp=stamp(service.now))
                            taken = service.say(said | {"acceptedSuggestions": [{"id": offered[0]["uuid"]}]})
                            assert taken.status_code == 200, taken.text


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a service whose reports take a password."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "password").write_text(hashed(PASSWORD))
    with ThreadPoolExecutor(1) as apart:  # the driver of the browser has a loop in this thread
        apart.submit(_weeks, folder).result()
    database, key = f"sqlite:///{folder}/legwork.db", folder / "patient.key"
    with served(database=database, patient_key=key, reports_password=folder / "password") as address:
        yield address


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def wrongly(page: Page) -> None:
    log_in(page, "another-password")
    page.wait_for_selector("#problem")


def opened(page: Page) -> None:
    log_in(page)
    page.locator("summary").nth(1).click()


def out(page: Page) -> None:
    log_in(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()


LOOKS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "login": ("/reports", plain),
    "wrong-password": ("/reports", wrongly),
    "reports": ("/reports", opened),
    "reports-of-a-plan": ("/reports?client=ehr&plan=iron", log_in),
    "no-calls": ("/reports?to=2020-01-01", log_in),
    "wrong-day": ("/reports?from=2020-01-02&to=2020-01-01", log_in),
    "logged-out": ("/reports", out),
    "nothing-there": ("/knowledge/nothing", plain),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("look", LOOKS)
def test_a_page_is_accessible_and_fits(browser: Browser, reports: str, look: str, mode: str) -> None:
    path, prepare = LOOKS[look]

    assert faults(browser, mode, look, reports + path, prepare) == []


def test_a_page_that_says_what_to_set_is_accessible(page: Page, service: str) -> None:
    page.goto(f"{service}/reports")

    page.screenshot(path=SCREENS / "no-reports-light.png")
    expect(page.get_by_text("LEGWORK_DATABASE")).to_be_visible()
    assert Axe().run(page).response["violations"] == []


def test_all_that_becomes_of_cards_is_drawn(page: Page, reports: str) -> None:
    page.goto(f"{reports}/reports")
    log_in(page)

    drawn = page.locator("figure", has_text="What became of cards").locator("rect title").all_text_contents()

    assert {words.split(maxsplit=4)[4] for words in drawn} == {"accepted", "overridden", "no answer"}


def test_what_is_chosen_from_stands_in_one_line(browser: Browser, reports: str) -> None:
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.goto(f"{reports}/reports")
    log_in(page)

    boxes = [field.bounding_box() for field in page.locator(".filters :is(select, input, button)").all()]
    context.close()

    assert len({round(box["y"] + box["height"]) for box in boxes if box}) == 1
    assert len({round(box["height"]) for box in boxes if box}) == 1


def test_who_logs_in_chooses_a_client_and_downloads_the_same(page: Page, reports: str) -> None:
    page.goto(f"{reports}/reports?client=watching")
    log_in(page)

    page.get_by_label("Client", exact=True).select_option("clinic")
    page.get_by_label("Plan", exact=True).select_option("iron")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".figures h2")).to_have_text(["clinic"])
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text().splitlines()[1:]
    assert lines
    assert all(",clinic,live,iron," in line for line in lines)
