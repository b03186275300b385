"""Draft orders: what is being ordered, as it is being written and however unfinished.

https://cds-hooks.org/hooks/order-select/ and https://cds-hooks.org/hooks/order-sign/.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cds.fhir.references import relative


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource of a Bundle of draft orders, raw."""

    resource: bytes
    at_hand: bool
    """Whether the call is about it: any order that is being signed, the selected ones while orders are chosen."""


def drafts(bundle: Mapping[str, Any], selections: Collection[Any] | None = None) -> list[Draft]:
    """Give the resources of a Bundle of draft orders; entries that hold none are passed over.

    Args:
        bundle: of any type, or none.
        selections: references to those the call is about; None where it is about all.
    """
    chosen = None if selections is None else {relative(one) for one in selections if isinstance(one, str)}
    entries = bundle.get("entry")
    found = []
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            name = f"{resource.get('resourceType')}/{resource.get('id')}"
            found.append(Draft(msgspec.json.encode(resource), chosen is None or name in chosen))
    return found
