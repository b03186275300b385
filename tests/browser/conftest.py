"""The running service and a real browser: Debian's Chromium, driven by Playwright.

Where there is no Chromium these tests are skipped, loudly; never in CI, where one is installed (.ci/run).
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.looking import served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_PATIENCE = 30_000
"""For how long a page may take on a busy machine [ms]."""

expect.set_options(timeout=_PATIENCE)  # by itself it gives up after five seconds, whatever the context waits


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Give the browser; its driver keeps an event loop in this thread, in which other tests could start none."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI without Chromium: apt-get install chromium")
        pytest.skip("no Chromium on this machine: apt-get install chromium, to have the pages tested")
    with sync_playwright() as playwright:
        # In containers Chromium runs as root, which its own sandbox does not allow; it sees nothing but these pages.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[str]:
    """Serve an empty page of another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Empty(BaseHTTPRequestHandler):
    """Answers everything with an empty page; a FHIR server that takes what it is sent, too."""

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201)

    def do_OPTIONS(self) -> None:
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "content-type")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
        """Keep quiet."""


@pytest.fixture(scope="session")
def service(elsewhere: str) -> Iterator[str]:
    """Run the service; pages of `elsewhere` may call it, as those of the public sandbox may."""
    with served(cors_origins=(elsewhere,)) as address:
        yield address


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(_PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Give a page on which nothing may be blocked by its own policy and no script may fail."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if _is_fault(message) else None)
    yield page
    assert faults == []


def _is_fault(message: ConsoleMessage) -> bool:
    # Chromium reports each answer that is an error; pages say those in words.
    return message.type == "error" and not re.search(r"Failed to load resource|ERR_|blocked by CORS", message.text)
