"""Draft orders: what is being ordered, as it is being written and however unfinished.

https://cds-hooks.org/hooks/order-select/ and https://cds-hooks.org/hooks/order-sign/.
"""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from cds.fhir.prefetch import NOTHING, inside
from cds.fhir.references import relative


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource of a Bundle of draft orders, raw."""

    resource: Raw
    at_hand: bool
    """Whether the call is about it: any order that is being signed, the selected ones while orders are chosen."""


class _Bundle(Struct, gc=False, rename="camel"):
    resource_type: Literal["Bundle"] = "Bundle"
    entry: Raw = NOTHING


class _Named(Struct, gc=False, rename="camel"):
    resource_type: str
    id: str | None = None

    def __str__(self) -> str:
        return f"{self.resource_type}/{self.id}"


def drafts(bundle: Raw, selections: Collection[str] | None = None) -> list[Draft]:
    """Give the resources of a Bundle of draft orders; entries that hold none are passed over.

    Args:
        bundle: of any type.
        selections: references to those the call is about; None where it is about all.

    Raises:
        msgspec.ValidationError: it is no JSON object, or another resource.
    """
    chosen = None if selections is None else {relative(one) for one in selections}
    entries = msgspec.json.decode(bundle, type=_Bundle).entry
    found: list[Draft] = []
    with contextlib.suppress(msgspec.ValidationError):  # entries that are no list
        found.extend(Draft(raw, chosen is None or _name(raw) in chosen) for raw in inside(entries))
    return found


def _name(raw: Raw) -> str:
    try:
        return str(msgspec.json.decode(raw, type=_Named))
    except msgspec.ValidationError:
        return ""
