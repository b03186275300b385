"""Suggestions: draft orders, built and validated once as FHIR, completed for each card."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fhir.resources.R4B.servicerequest import ServiceRequest

from cards.models import Action, Suggestion
from cards.ranking import TopicAdvice
from cards.text import is_address
from cards.wording import WORDING
from cds.chart.chart import Chart
from cds.chart.dates import days_ago
from cds.reasoning.files import OrderCode, OrderFile


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The client's own codes of orders, for an EHR that takes no others."""

    system: str
    codes: Mapping[str, str]


@dataclass(slots=True)
class Desk:
    """The orders of one answer: none is suggested twice, nor one that is open already."""

    chart: Chart
    orders: Mapping[str, OrderFile]
    analytes: Collection[str]
    """Names in an order's `measures` that are analytes; the others are value sets that mean the order itself."""
    encounter_id: str | None
    catalogue: Catalogue | None = None
    """None where orders are named by our codes."""
    taken: set[str] = field(default_factory=set)

    def suggestions(self, topic: TopicAdvice) -> tuple[Suggestion, ...]:
        """Make the suggestions of a topic, in the order of its advice."""
        made = []
        for advice in topic.advice:
            for name in advice.suggests:
                if name in self.taken or self._is_open(self.orders[name]) or not self._can_be_named(name):
                    continue
                self.taken.add(name)
                order = self.orders[name]
                resource = self._resource(name, topic)
                action = Action(type="create", description=order.description, resource=resource)
                made.append(Suggestion(label=order.label, uuid=str(uuid.uuid4()), actions=(action,)))
        return tuple(made)

    def _can_be_named(self, name: str) -> bool:
        """Whether the client could act on an order; one that it cannot is advice in words only."""
        return self.catalogue is None or name in self.catalogue.codes

    def _is_open(self, order: OrderFile) -> bool:
        """Whether the same is on order already, or everything that it would measure (DS-20).

        What is wanted at once is not on order as long as somebody only wants it some day.
        """
        at_once = order.priority == "stat"
        pending = {name: self._pending(name, at_once=at_once) for name in order.measures}
        analytes = [name for name in order.measures if name in self.analytes]
        same = any(pending[name] for name in order.measures if name not in self.analytes)
        return same or (bool(analytes) and all(pending[name] for name in analytes))

    def _pending(self, concept: str, *, at_once: bool) -> bool:
        return any(
            order.open
            and (order.urgent or not at_once)
            and order.on is not None
            and 0 <= days_ago(order.on, self.chart.today) <= WORDING.already_ordered_days
            for order in self.chart.record.orders(concept)
        )

    def _resource(self, name: str, topic: TopicAdvice) -> dict[str, Any]:
        order = self.orders[name]
        resource = dict(_template(order))
        if self.catalogue is not None:
            own = {"system": self.catalogue.system, "code": self.catalogue.codes[name], "display": order.text}
            resource["code"] = {"coding": [own], "text": order.text}
        resource["subject"] = {"reference": self.chart.patient.reference}
        resource["authoredOn"] = self.chart.today.isoformat()
        if self.encounter_id:
            resource["encounter"] = {"reference": f"Encounter/{self.encounter_id}"}
        reasons = dict.fromkeys(
            fact.reference
            for advice in topic.advice
            for fact in advice.context
            if fact.reference.startswith(("Condition/", "Observation/")) and is_address(fact.reference)
        )
        if reasons:
            resource["reasonReference"] = [{"reference": reference} for reference in list(reasons)[:3]]
        title = topic.advice[0].plan.knowledge.file.title
        resource["note"] = [{"text": WORDING.order_note.format(title=title)}]
        return resource


@cache
def _template(order: OrderFile) -> dict[str, Any]:
    """Build what an order is for every patient; the subject stands in for the one to come."""
    code: dict[str, Any] = {"text": order.text}
    if order.code is not None:
        code["coding"] = [_coding(order.code)]
    draft: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "priority": order.priority,
        "code": code,
        "subject": {"reference": "Patient/example"},
    }
    if order.category is not None:
        draft["category"] = [{"coding": [_coding(order.category)]}]
    validated: dict[str, Any] = ServiceRequest.model_validate(draft).model_dump(mode="json", exclude_none=True)
    return validated


def _coding(code: OrderCode) -> dict[str, str]:
    return {"system": code.system, "code": code.code, "display": code.display}


def warm_up(orders: Mapping[str, OrderFile]) -> None:
    """Build every draft order, so that no call has to.

    Raises:
        ValueError: an order is not valid FHIR.
    """
    for order in orders.values():
        _template(order)
