"""What a call lets us read of its FHIR server: where it is, with which token, and what that token is for.

https://cds-hooks.hl7.org/2.0/#passing-the-access-token-to-the-cds-service; scopes:
https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from urllib.parse import parse_qs

from cds.clients import Client
from cds.outbound import Reach

_SCOPE = re.compile(
    r"(?:patient|user|system)/([A-Za-z]+|\*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)(?:\?(\S+))?", re.ASCII
)
_TOKEN = re.compile(r"[!-~]+", re.ASCII)

NOT_LISTED = "this FHIR server is not on the list of those that may be read"
NO_TOKEN = "the call brings no token that can be used"  # noqa: S105 - words about one
EXPIRED = "the token of the call has expired"


class Grant(Enum):
    """How much of what is asked a token lets us read."""

    ALL = "all"
    PART = "part"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Access:
    """A FHIR server, and the token of one call for it; neither outlives the call."""

    server: str
    token: str = field(default="", repr=False)
    scope: str = ""
    expires_in: int = 0
    reach: Reach = Reach.PUBLIC
    """Into which networks the server's name may lead us."""

    def within(self, client: Client) -> "Access":
        """Give the same access as far as a client's terms reach."""
        return replace(self, reach=client.reach)

    def obstacle(self, client: Client) -> str:
        """Say why nothing of the server may be read for a client; empty when it may."""
        if not client.may_read(self.server):
            return NOT_LISTED
        if not self.token:
            return "" if client.open_fhir else NO_TOKEN
        if self.expires_in <= 0:
            return EXPIRED
        return "" if _TOKEN.fullmatch(self.token) else NO_TOKEN

    def grants(self, kind: str, search: str | None) -> Grant:
        """Say how much of a search may be read, or of a read when there is no search.

        A scope that is not SMART's says nothing; then the server is asked, and refuses by itself.
        """
        if not any(_SCOPE.fullmatch(scope) for scope in self.scope.split()):
            return Grant.ALL
        limits = list(self._limits(kind, "r" if search is None else "s"))
        if not limits or "" in limits:
            return Grant.ALL if limits else Grant.NONE
        asked, let = set(_categories(search or "")), {code for limit in limits for code in _categories(limit)}
        if not asked or not all(_is_of_category(limit) for limit in limits):
            return Grant.PART
        return Grant.ALL if asked <= let else Grant.PART if asked & let else Grant.NONE

    def _limits(self, kind: str, interaction: str) -> Iterator[str]:
        """Give, of each scope that lets us read something of a kind, what it is limited to."""
        for scope in self.scope.split():
            match = _SCOPE.fullmatch(scope)
            if match is None or match[1] not in {kind, "*"}:
                continue
            if match[2] in {"read", "*"} or (match[2] != "write" and interaction in match[2]):
                yield match[3] or ""


def _categories(search: str) -> list[str]:
    """Give the codes of the categories to which a search is limited."""
    return [code.rpartition("|")[2] for value in parse_qs(search).get("category", ()) for code in value.split(",")]


def _is_of_category(limit: str) -> bool:
    return set(parse_qs(limit)) == {"category"}
