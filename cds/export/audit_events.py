"""The audit trail as FHIR: one AuditEvent an entry. https://hl7.org/fhir/R4/auditevent.html."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cds.export.elements import BASE, RELEASE, Json, canonical
from cds.store.audit import Entry

_TERMS = "http://terminology.hl7.org/CodeSystem"
_KINDS = {"call": ("E", "hook call"), "feedback": ("C", "feedback on a card"), "loss": ("C", "calls not recorded")}
"""Kind of an entry -> action of the event, and its display."""


def audit_event(entry: Entry) -> Json:
    """Give the event of an entry; patients, encounters and clinicians are hashes, as in the trail."""
    content = entry.content
    action, display = _KINDS[content["kind"]]
    return {
        "resourceType": "AuditEvent",
        "id": f"legwork-{entry.number}",
        "extension": [{"url": canonical("StructureDefinition", "audit-link"), "valueString": entry.link}],
        "type": {"system": f"{_TERMS}/audit-event-type", "code": "rest", "display": "RESTful Operation"},
        "subtype": [{"system": f"{BASE}/CodeSystem/audit-kind", "code": content["kind"], "display": display}],
        "action": action,
        "recorded": _instant(content["at"]),
        "outcome": "4" if content["kind"] == "loss" or content.get("evaluated") is False else "0",
        "agent": _agents(content),
        "source": {"observer": {"display": f"Legwork {RELEASE}"}},
        "entity": _entities(content),
    }


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def _named(system: str, value: str) -> Json:
    return {"identifier": {"system": f"{BASE}/{system}", "value": value}}


def _agents(content: Mapping[str, Any]) -> list[Json]:
    client = {"who": {"display": content.get("client", "Legwork")}, "requestor": not content.get("user")}
    if not content.get("user"):
        return [client]
    return [{"who": _named("user-hash", content["user"]), "requestor": True}, client]


def _entities(content: Mapping[str, Any]) -> list[Json]:
    about = {"what": _named(content["kind"], content["about"]), "detail": _details(content)}
    found = [about if about["detail"] else {"what": about["what"]}]
    for name, role in (("patient", "1"), ("encounter", "4")):
        if content.get(name):
            role_coding = {"system": f"{_TERMS}/object-role", "code": role}
            found.append({"what": _named(f"{name}-hash", content[name]), "role": role_coding})
    for plan in content.get("plans", ()):
        details = [{"type": name, "valueString": value} for name, value in plan.items() if name != "plan"]
        found.append({"what": {"identifier": {"value": canonical("PlanDefinition", plan["plan"])}}, "detail": details})
    return found


def _details(content: Mapping[str, Any]) -> list[Json]:
    told = ("service", "silent", "unknown", "card", "outcome", "reason", "calls")
    return [{"type": name, "valueString": str(content[name])} for name in told if content.get(name)]
