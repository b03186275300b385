"""How the service is registered at each kind of client, step by step."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from cds.pages.html import card_html
from cds.services import REVIEW
from cds.settings import SANDBOX


@dataclass(frozen=True, slots=True)
class Client:
    """A kind of client."""

    name: str
    title: str
    lead: str
    steps: Sequence[Markup]


def clients(address: str) -> list[Client]:
    """Say for each kind of client how it is told of a service at this address."""
    asked = {"serviceDiscoveryURL": f"{address}/cds-services", "hook": REVIEW.hook, "screen": REVIEW.hook}
    sandbox = f"{SANDBOX}/?{urlencode(asked)}"
    return [
        Client(
            name,
            client["title"],
            client["lead"],
            [card_html(step.format(address=address, sandbox=sandbox)) for step in client["steps"]],
        )
        for name, client in _clients().items()
    ]


@cache
def _clients() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("connect.toml").read_text(encoding="utf-8"))
