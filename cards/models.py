"""CDS Hooks cards as closed structures: https://cds-hooks.hl7.org/2.0/#cds-service-response.

Members without a value are left out when they are encoded; nothing is ever null, blank or empty.
"""

from typing import Any, Literal

from msgspec import Struct, field


class _Model(Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True, frozen=True):
    """A CDS Hooks structure."""


class Coding(_Model, frozen=True):
    """A CDS Hooks Coding."""

    system: str
    code: str
    display: str | None = None


class Source(_Model, frozen=True):
    """The guideline that a card rests on."""

    label: str
    url: str | None = None
    topic: Coding | None = None


class Action(_Model, frozen=True):
    """What accepting a suggestion does."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: dict[str, Any] | None = None


class Suggestion(_Model, frozen=True):
    """A button: one draft order."""

    label: str
    uuid: str
    actions: tuple[Action, ...]


class Link(_Model, frozen=True):
    """A page to read."""

    label: str
    url: str
    type: Literal["absolute", "smart"] = field(name="type")


class Basis(_Model, frozen=True):
    """One fact behind an advice."""

    fact: str
    value: str | None = None
    unit: str | None = None
    on: str | None = None
    reference: str | None = None


class Advised(_Model, frozen=True):
    """One advice that a card carries: what audit, replay, tests and pages read."""

    topic: str
    plan: str
    recommendation: str
    indicator: str
    version: str
    status: str
    basis: tuple[Basis, ...] = ()
    unknown: tuple[str, ...] = ()


class Extension(_Model, frozen=True):
    """The card's extension."""

    advice: tuple[Advised, ...] = field(name="org.legwork.advice")


class Card(_Model, frozen=True):
    """A card."""

    uuid: str
    summary: str
    indicator: Literal["info", "warning", "critical"]
    source: Source
    detail: str | None = None
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: Extension | None = None


class CardsResponse(Struct, frozen=True):
    """The answer to a hook call; `cards` is there even when it is empty."""

    cards: tuple[Card, ...]
