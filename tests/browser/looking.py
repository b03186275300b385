"""How pages are looked at: drawn on a desk in light and on a phone in dark, accessible, no wider than the screen."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from cds.app import create_app
from cds.settings import Settings

SCREENS = Path(__file__).parents[2] / "build" / "screens"
"""Where pictures of the pages go, for people to look at."""

PHONE, DESK = ViewportSize(width=375, height=812), ViewportSize(width=1100, height=900)
MODES: Mapping[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "light": (DESK, "light"),
    "phone-dark": (PHONE, "dark"),
}


@contextmanager
def served(**settings: Any) -> Iterator[str]:
    """Run a service under given settings beside the browser, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = create_app(Settings(port=port, **settings))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


def faults(
    browser: Browser, mode: str, picture: str, address: str, prepare: Callable[[Page], None], *, whole: bool = True
) -> list[str]:
    """Draw a page, and name what is not accessible in it, or does not fit.

    Args:
        browser: draws it.
        mode: one of `MODES`.
        picture: what the picture is named by.
        address: of the page.
        prepare: what is done on it first.
        whole: whether the picture shows all of a long page.
    """
    viewport, scheme = MODES[mode]
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    prepare(page)

    page.screenshot(path=SCREENS / f"{picture}-{mode}.png", full_page=whole)
    found = Axe().run(page).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()

    said = [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]
    return [*said, *([f"{wide} pixels wide"] if wide > viewport["width"] else [])]


def plain(page: Page) -> None:
    """Look at a page as it comes."""
