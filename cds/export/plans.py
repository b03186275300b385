"""Plans and orders, as PlanDefinition and ActivityDefinition."""

from collections.abc import Iterator, Mapping

from fhir.resources.R4B.activitydefinition import ActivityDefinition
from fhir.resources.R4B.plandefinition import PlanDefinition

from cds.export.elements import Json, canonical, checked, concept, extension, head
from cds.reasoning.files import Evidence, OrderFile
from cds.reasoning.knowledge import PROPOSED
from cds.reasoning.plans import Plan, Recommendation
from cds.reasoning.review import filled, grounds

_PRIORITY = {"info": "routine", "warning": "urgent", "critical": "stat"}
"""Indicator of a card -> priority of an action."""
_SOURCE_ATTRIBUTES = "source-attributes"
_ORDER_VERSION = "0.1.0"


def plan_definition(plan: Plan, topic_system: str) -> Json:
    """Export a plan: what it recommends, to whom in words, on which evidence."""
    file = plan.knowledge.file
    made = head("PlanDefinition", file.id, file.title, file.version, file.status)
    gaps = "".join(f"\n- {gap}" for gap in file.known_gaps)
    made |= {
        "type": concept("http://terminology.hl7.org/CodeSystem/plan-definition-type", "eca-rule", "ECA Rule"),
        "date": file.last_review_date.isoformat(),
        "lastReviewDate": file.last_review_date.isoformat(),
        "purpose": file.purpose,
        "description": f"{file.purpose}\n\nKnown gaps:{gaps}" if gaps else file.purpose,
        "usage": f"For whom: {plan.for_whom}. Speaks only with: {plan.context}.",
        "topic": [concept(topic_system, file.id, file.title)],
        "relatedArtifact": [_citation(evidence) for evidence in file.evidence.values()],
        "action": [_action(plan, recommendation) for recommendation in plan.recommends],
    }
    if file.approval_date is not None:
        made["approvalDate"] = file.approval_date.isoformat()
    if file.approved_by:
        made["reviewer"] = [{"name": file.approved_by}]
    if file.source_attributes is not None:
        attributes = [{"url": k, "valueString": v} for k, v in file.source_attributes.model_dump().items()]
        made["extension"] = [{"url": canonical("StructureDefinition", _SOURCE_ATTRIBUTES), "extension": attributes}]
    return checked({name: value for name, value in made.items() if value != []}, PlanDefinition)


def _citation(evidence: Evidence) -> Json:
    cited: Json = {"type": "citation", "label": evidence.label, "citation": evidence.citation}
    cited["display"] = evidence.strength
    return cited | ({"url": evidence.url} if evidence.url else {})


def _action(plan: Plan, recommendation: Recommendation) -> Json:
    words = plan.knowledge.file.recommendations[recommendation.name]
    evidence = plan.knowledge.file.evidence
    made: Json = {
        "id": recommendation.name,
        "prefix": words.rule,
        "title": filled(plan, words.summary),
        "description": filled(plan, words.why),
        "textEquivalent": "\n".join(grounds(recommendation)),
        "priority": _PRIORITY[words.indicator],
        "documentation": [_citation(evidence[key]) for key in words.evidence if key != PROPOSED],
        "condition": [
            {
                "kind": "applicability",
                "expression": {"language": "text/plain", "expression": "; ".join(grounds(recommendation))},
            }
        ],
        "extension": [extension("consider", filled(plan, text)) for text in words.consider],
        "action": [
            {
                "title": plan.knowledge.base.orders[order].label,
                "definitionCanonical": canonical("ActivityDefinition", order),
            }
            for order in words.suggests
        ],
    }
    if made["action"]:
        made["selectionBehavior"] = "any"
    return {name: value for name, value in made.items() if value != []}


def activity_definitions(orders: Mapping[str, OrderFile]) -> Iterator[Json]:
    """Export every draft order that some plan suggests."""
    for id_, order in orders.items():
        made = head("ActivityDefinition", id_, order.label, _ORDER_VERSION, "draft")
        code: Json = {"text": order.text}
        if order.code is not None:
            code["coding"] = [order.code.model_dump()]
        made |= {
            "description": order.description,
            "kind": "ServiceRequest",
            "intent": "proposal",
            "priority": order.priority,
            "code": code,
        }
        yield checked(made, ActivityDefinition)
