"""Which plans answer which hook, and what they conclude together."""

import importlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import cds.knowledge
from cds.chart.chart import Chart
from cds.chart.facts import Indicator
from cds.clients import RegisteredClient
from cds.errors import SettingsError, place_of
from cds.fhir import prefetch
from cds.fhir.record import ASKED
from cds.knowledge.symptoms.criteria import metabolic_gate
from cds.reasoning.assessment import Assessment
from cds.reasoning.calculations import DERIVATIONS
from cds.reasoning.criteria import Criterion
from cds.reasoning.differential import NOTHING, Differential, View
from cds.reasoning.findings import State
from cds.reasoning.knowledge import KnowledgeBase, base
from cds.reasoning.plans import Advice, Plan

_KNOWLEDGE = Path(cds.knowledge.__file__ or "").parent
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of discovery."""

    id: str
    hook: str
    title: str
    description: str

    @property
    def orders(self) -> bool:
        """Whether it is asked while orders are being written, and speaks of these only."""
        return self.hook in {"order-select", "order-sign"}


REVIEW = Service(
    "leg-ache-review",
    "patient-view",
    "Leg ache review",
    "Weighs the causes of legs that ache at rest in this patient's chart and suggests what to evaluate, and why.",
)
ENCOUNTER = Service(
    "leg-ache-encounter",
    "encounter-start",
    "Leg ache review at the start of an encounter",
    "Weighs the causes of legs that ache at rest when an encounter begins and suggests what to evaluate, and why.",
)
ORDER_SELECT = Service(
    "leg-ache-order-select",
    "order-select",
    "Leg ache: the order being chosen",
    "Says what in this patient's chart speaks against, or should come before, an order that is being chosen for the "
    "legs: compression without an ankle-brachial index, early imaging of the back, quinine, drugs that worsen restless "
    "legs, a test already ordered. Beside such an order it names an emergency of the legs too. Silent otherwise.",
)
ORDER_SIGN = Service(
    "leg-ache-order-sign",
    "order-sign",
    "Leg ache: the order being signed",
    "Says the same of orders that are about to be signed. Silent where the orders at hand give no reason.",
)
SERVICES = {service.id: service for service in (REVIEW, ENCOUNTER, ORDER_SELECT, ORDER_SIGN)}


@cache
def plans() -> tuple[Plan, ...]:
    """Load every topic's plan that is not retired, in the order of their folders.

    Raises:
        KnowledgeError: a knowledge file is wrong.
    """
    folders = sorted(path.parent.name for path in _KNOWLEDGE.glob("*/criteria.py"))
    modules = [_rules(folder) for folder in folders]
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, Criterion) and value.parts and not value.name:
                value.called(name.strip("_").replace("_", " "))  # a reviewer reads the rule module's own words
    found = [module.PLAN for module in modules if hasattr(module, "PLAN")]
    return tuple(plan for plan in found if plan.knowledge.file.status != "retired")


def check_signed() -> None:
    """See that a clinician has signed every plan.

    Raises:
        SettingsError: some are drafts.
    """
    drafts = [plan.topic for plan in plans() if plan.knowledge.file.status == "draft"]
    if drafts:
        raise SettingsError(
            f"{len(drafts)} plans are drafts that no clinician has signed, and are not served to clients: "
            f"{', '.join(drafts)}. LEGWORK_DRAFTS=allow serves them all the same; each card says that it is a draft"
        )


def check_topics(clients: Iterable[RegisteredClient]) -> None:
    """See that clients turn off only what there is.

    Raises:
        SettingsError: a client names a topic that there is not.
    """
    topics = {plan.topic for plan in plans()} | {differential().knowledge.file.id}
    for client in clients:
        if odd := sorted(client.plans_off - topics):
            raise SettingsError(f"{client.name}.plans_off: no topic is {', '.join(odd)}; `legwork topics` lists them")


def _rules(folder: str) -> ModuleType:
    return importlib.import_module(f"cds.knowledge.{folder}.criteria")


@cache
def differential() -> Differential:
    """Give the ranked view over the topics."""
    plans()
    found: Differential = _rules("differential").DIFFERENTIAL
    return found


@cache
def knowledge() -> KnowledgeBase:
    """Give the knowledge base that the plans were written on."""
    plans()
    return base(_KNOWLEDGE)


@cache
def needs() -> tuple[prefetch.Need, ...]:
    """List the prefetch keys that the plans need."""
    loaded = knowledge()
    asked = loaded.asked | ASKED | {name for d in DERIVATIONS if d.gives in loaded.asked for name in d.inputs}
    codes = {code for concept in asked for code in loaded.observation_codes.get(concept, ())}
    return prefetch.needs(codes)


@cache
def order_concepts() -> frozenset[str]:
    """Name the orders of which some plan speaks while they are being written."""
    about = (r.order.reads for plan in plans() for r in plan.recommends if r.order is not None)
    return frozenset().union(*about)


def assess(chart: Chart, active: Iterable[Plan] | None = None, *, ordering: bool = False) -> Assessment:
    """Let every plan weigh a chart, or the orders that are being written; one that breaks down costs only itself."""
    asked = plans() if active is None else tuple(active)
    failed: list[str] = []
    advice = _advice(
        (plan for plan in asked if not plan.accompanies), lambda plan: plan.advise(chart, ordering=ordering), failed
    )
    calm = all(one.indicator is Indicator.INFO for one in advice)
    if not calm:
        advice = [one for one in advice if not one.recommendation.only_in_calm]
        urgent = {one.plan.topic for one in advice if one.indicator > Indicator.INFO}
        advice = [one for one in advice if urgent.isdisjoint(one.recommendation.not_beside)]
    if ordering:  # beside an order that is spoken of, nobody signs past an emergency
        found = _advice((plan for plan in asked if not plan.accompanies), lambda plan: plan.advise(chart), failed)
        advice += [one for one in found if one.indicator is Indicator.CRITICAL]
        return Assessment(advice, failed=list(dict.fromkeys(failed)))
    in_care = not (chart.patient.deceased or chart.patient.inactive)
    complaint = metabolic_gate.check(chart).state if in_care else State.NOT_MET
    if complaint is not State.MET:  # where nobody complains of the legs, nobody waits for an answer
        return Assessment(advice, undecided=not advice and complaint is State.UNKNOWN and bool(chart.unknown))
    # What an EHR never set up is its choice; what failed today is news.
    lost = [f"{area} ({reason})" for area, reason in chart.unknown.items() if reason not in prefetch.BY_CHOICE]
    topics = {one.plan.topic for one in advice}
    self_care = _advice(
        (plan for plan in asked if plan.accompanies), lambda plan: plan.accompany(topics, chart), failed
    )
    view = _view(chart)
    return Assessment(advice, self_care, failed, lost, view=view if calm else view.without(_only_in_calm()))


@cache
def _only_in_calm() -> frozenset[str]:
    """Name the topics with a benign label, which is not given beside what may be worse."""
    words = ((plan.topic, words) for plan in plans() for words in plan.knowledge.file.recommendations.values())
    return frozenset(topic for topic, one in words if one.only_in_calm)


def _advice(asked: Iterable[Plan], ask: Callable[[Plan], list[Advice]], failed: list[str]) -> list[Advice]:
    found: list[Advice] = []
    for plan in asked:
        try:
            found.extend(ask(plan))
        except Exception as error:  # noqa: BLE001 - one plan's fault must not keep the others' advice from the clinician
            _log.error("plan %s %s failed: %s", plan.topic, plan.knowledge.file.version, place_of(error))
            failed.append(plan.knowledge.file.title)
    return found


def _view(chart: Chart) -> View:
    try:
        return differential().view(chart)
    except Exception as error:  # noqa: BLE001 - it only sets side by side what the cards say one by one
        _log.error("the differential failed: %s", place_of(error))
        return NOTHING
