"""Plans and orders, as PlanDefinition and ActivityDefinition.

What is executed are the files of the topic. A PlanDefinition says them in sentences: its conditions are for people, in
text/plain, with the terms that they use explained in its description.
"""

from collections.abc import Iterable, Iterator, Mapping

from cds.export import extensions
from cds.export.elements import RELEASE, Json, canonical, checked, concept, full, head
from cds.reasoning.criteria import Criterion
from cds.reasoning.files import Evidence, OrderCode, OrderFile
from cds.reasoning.knowledge import PROPOSED
from cds.reasoning.plans import Plan, Recommendation
from cds.reasoning.review import PROPOSED_MEANS, changes, concepts, filled, grounds, limits, population, terms
from cds.services import SERVICES

_PRIORITY = {"info": "routine", "warning": "urgent", "critical": "stat"}
"""Indicator of a card -> priority of an action."""
_INDICATORS = "http://cds-hooks.hl7.org/CodeSystem/indicator"
_FOCUS = {
    "system": "http://terminology.hl7.org/CodeSystem/usage-context-type",
    "code": "focus",
    "display": "Clinical Focus",
}
_CREATE = concept("http://terminology.hl7.org/CodeSystem/action-type", "create", "Create")
_LICENCE = "Apache-2.0. Codes and displays belong to the owners of their code systems."


def plan_definition(plan: Plan, topic_system: str) -> Json:
    """Export a plan: what it recommends, to whom in words, on which evidence."""
    file = plan.knowledge.file
    about = concept(topic_system, file.id, file.title)
    made = head("PlanDefinition", file.id, file.title, file.version, file.status) | {
        "extension": list(_extensions(plan)),
        "type": concept("http://terminology.hl7.org/CodeSystem/plan-definition-type", "eca-rule", "ECA Rule"),
        "date": file.last_review_date.isoformat(),
        "description": _description(plan),
        "useContext": [{"code": _FOCUS, "valueCodeableConcept": about}],
        "purpose": file.purpose,
        "usage": "\n".join(population(plan)),
        "copyright": _LICENCE,
        "approvalDate": file.approval_date.isoformat() if file.approval_date else None,
        "lastReviewDate": file.last_review_date.isoformat(),
        "topic": [about],
        "reviewer": [{"name": file.approved_by}] if file.approved_by else [],
        "relatedArtifact": [
            *(_citation(evidence) for evidence in file.evidence.values()),
            *({"type": "depends-on", "resource": canonical("ValueSet", name)} for name in concepts(plan)),
        ],
        "action": [_action(plan, recommendation) for recommendation in plan.recommends],
    }
    return checked(made)


def _extensions(plan: Plan) -> Iterator[Json]:
    file, overrides = plan.knowledge.file, plan.knowledge.base.overrides
    if file.source_attributes is not None:
        yield from extensions.SOURCE_ATTRIBUTES.of_parts(file.source_attributes.model_dump().items())
    for code in file.override_reasons:
        reason = {"system": overrides.system, "code": code, "display": overrides.reasons[code]}
        yield extensions.OVERRIDE_REASON.of(reason)


def _description(plan: Plan) -> str:
    """Say what the sentences of the conditions leave open, what the plan does not see, and what became of it."""
    meanings = [f"**{name}**: {sentence}" for name, sentence in terms(plan).items()]
    file = plan.knowledge.file
    sections = {"Terms": meanings, "Limits": limits(plan), "Known gaps": file.known_gaps, "Changes": changes(file)}
    listed = (f"## {title}\n\n{_listed(lines)}" for title, lines in sections.items() if lines)
    return "\n\n".join([file.purpose, *listed])


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _citation(evidence: Evidence) -> Json:
    return full({
        "extension": [extensions.STRENGTH.of(evidence.strength)],
        "type": "citation",
        "label": evidence.label,
        "citation": evidence.citation,
        "url": evidence.url,
    })  # fmt: skip


def _documentation(plan: Plan, key: str) -> Json:
    if key == PROPOSED:
        return {"type": "justification", "label": PROPOSED, "display": PROPOSED_MEANS}
    return _citation(plan.knowledge.file.evidence[key])


def _action(plan: Plan, recommendation: Recommendation) -> Json:
    words = plan.knowledge.file.recommendations[recommendation.name]
    notes = [
        [("text", filled(plan, words.notes[name])), ("when", str(criterion))]
        for name, criterion in recommendation.notes.items()
    ]
    indicator = {"system": _INDICATORS, "code": words.indicator, "display": words.indicator.capitalize()}
    return full({
        "id": recommendation.name,
        "extension": [
            extensions.INDICATOR.of(indicator),
            *(extension for parts in notes for extension in extensions.NOTE.of_parts(parts)),
        ],
        "prefix": words.rule,
        "title": filled(plan, words.summary),
        "description": filled(plan, words.why),
        "textEquivalent": "\n".join(grounds(plan, recommendation)),
        "priority": _PRIORITY[words.indicator],
        "documentation": [_documentation(plan, key) for key in words.evidence],
        "trigger": [
            {"type": "named-event", "name": service.hook}
            for service in SERVICES.values()
            if service.orders is (recommendation.order is not None)
        ],
        "condition": list(_conditions(plan, recommendation)),
        "selectionBehavior": "any",
        "action": [*_considered(plan, recommendation), *_orders(plan, recommendation)],
    })  # fmt: skip


def _conditions(plan: Plan, recommendation: Recommendation) -> Iterator[Json]:
    """Say what must hold, each for itself; what is unknown of a ground for silence does not silence."""
    yield _applicability("For whom", plan.for_whom)
    if recommendation.order is not None:
        yield _applicability("While orders are being written", recommendation.order)
    else:
        yield _applicability("Speaks only with", recommendation.context or plan.context)
    yield _applicability("When", recommendation.when)
    for ground in (plan.unless, recommendation.unless):
        if ground is not None:
            yield _applicability("Unless; where that is unknown, the card says so", ground, negated=True)


def _applicability(label: str, criterion: Criterion, *, negated: bool = False) -> Json:
    said = f"not ({criterion})" if negated else str(criterion)
    return {
        "kind": "applicability",
        "expression": {"description": label, "language": "text/plain", "expression": said},
    }


def _considered(plan: Plan, recommendation: Recommendation) -> Iterator[Json]:
    for text in plan.knowledge.file.recommendations[recommendation.name].consider:
        yield {"prefix": "Consider", "textEquivalent": filled(plan, text)}


def _orders(plan: Plan, recommendation: Recommendation) -> Iterator[Json]:
    for name in plan.knowledge.file.recommendations[recommendation.name].suggests:
        order = plan.knowledge.base.orders[name]
        only = recommendation.only.get(name)
        yield full({
            "title": order.label,
            "description": order.description,
            "condition": [_applicability("Offered only when", only)] if only is not None else [],
            "type": _CREATE,
            "definitionCanonical": canonical("ActivityDefinition", name),
        })  # fmt: skip


def activity_definitions(orders: Mapping[str, OrderFile]) -> Iterator[Json]:
    """Export every draft order that a card may offer; the category of the order is its topic."""
    for name, order in orders.items():
        made = head("ActivityDefinition", name, order.label, RELEASE, "draft") | {
            "description": order.description,
            "copyright": _LICENCE,
            "topic": [{"coding": [_coding(order.category)]}] if order.category else [],
            "kind": "ServiceRequest",
            "code": full({"coding": [_coding(order.code)] if order.code else [], "text": order.text}),
            "intent": "proposal",
            "priority": order.priority,
        }
        yield checked(made)


def _coding(code: OrderCode) -> Json:
    return code.model_dump()
