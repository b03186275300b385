"""Take the picture of cards that README.md shows: the page Try it, an invented patient, Chromium.

python -m tests.browser.picture docs/pictures/cards.png
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.contract.test_server import free_port, start, wait_for

PATIENT = "rls-iron-epic"
WIDTH, HEIGHT = 900, 1000
SCALE = 0.9
"""Keeps the file below 150 kB."""


def main(file: Path) -> None:
    """Show the cards of the patient, and take a picture of them."""
    port = free_port()
    with start("--port", str(port)) as service, sync_playwright() as playwright:
        try:
            wait_for(port, service)
            program = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            view: Any = {"viewport": {"width": WIDTH, "height": HEIGHT}, "device_scale_factor": SCALE}
            page = browser.new_page(**view, color_scheme="light")
            page.goto(f"http://127.0.0.1:{port}/try")
            page.locator("#example").select_option(PATIENT)
            page.get_by_role("button", name="Show the cards").click()
            page.locator(".card h3").first.wait_for()
            page.locator(".card").first.screenshot(path=file, animations="disabled")
            browser.close()
        finally:
            service.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
