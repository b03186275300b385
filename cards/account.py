"""What becomes of each advice: a card of its own, a line on the last one, or nothing, and why.

Advice is held back where a client has turned its plan off, where a clinician set it aside for this patient a while ago,
or where it was shown in this encounter already. What is new lifts that: a fact that was not there, a further
recommendation, a higher indicator. Critical advice is never held back for having been seen: whoever set it aside need
not be the one who looks now, and an emergency that is over leaves the chart. Only a client's own decision turns it off.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cards.models import Card, CardsResponse
from cards.rendering import DIFFERENTIAL, Press
from cds.chart.facts import Fact, Indicator
from cds.reasoning.assessment import Assessment
from cds.reasoning.differential import NOTHING, View
from cds.reasoning.plans import Advice

VIEW = "ranked-view"
"""The recommendation, in an account, of a card that stands for no recommendation of a plan."""


class Fate(StrEnum):
    """What became of an advice."""

    SHOWN = "shown"
    """It had a card of its own."""
    FOLDED = "folded"
    """It was a line on the card that several share."""
    SNOOZED = "snoozed"
    """Held back: a clinician set it aside for this patient, and nothing is new."""
    REPEATED = "repeated"
    """Held back: it was shown in this encounter, and nothing is new."""
    OFF = "off"
    """Held back: the client has turned the plan off."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this patient's clinicians have seen of a plan, and need not see again as long as nothing is new.

    Attributes:
        fate: why it is held back.
        indicator: how urgent it was.
        facts: what it rested on, as hashes.
        card: the uuid of the card.
    """

    fate: Fate
    indicator: Indicator
    facts: frozenset[str]
    card: str


@dataclass(frozen=True, slots=True)
class Restraint:
    """What is not to be said to this client, of this patient.

    Attributes:
        off: plans that the client has turned off.
        known: plan -> what was seen of it.
        hashed: gives facts the form that `Known` has them in.
    """

    off: Collection[str] = ()
    known: Mapping[str, Sequence[Known]] = field(default_factory=dict)
    hashed: Callable[[Iterable[str]], frozenset[str]] = frozenset

    def holds(self, plan: str, indicator: Indicator, facts: Callable[[], Collection[str]]) -> tuple[Fate, str] | None:
        """Say whether a plan's advice is held back, and because of which card; facts are asked for only if needed."""
        if plan in self.off:
            return Fate.OFF, ""
        seen = self.known.get(plan, ())
        if not seen or indicator is Indicator.CRITICAL:
            return None
        now = self.hashed(facts())
        found = next((k for k in seen if indicator <= k.indicator and now <= k.facts), None)
        return None if found is None else (found.fate, found.card)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a plan's advice in one answer.

    Attributes:
        advice: what it recommends, the strongest first; empty for a card that stands for no recommendation.
        plan: the plan.
        indicator: the strongest indicator.
        fate: what became of it.
        card: the uuid of the card that carries it; empty where it was held back.
        because: the uuid of the earlier card for which it was held back; empty elsewhere.
        facts: what it rests on, in words that are never shown.
    """

    advice: Sequence[Advice]
    plan: str
    indicator: Indicator
    fate: Fate
    card: str
    because: str
    facts: Callable[[], Collection[str]]


def tell(press: Press, assessment: Assessment, unread: int, restraint: Restraint) -> tuple[CardsResponse, list[Told]]:
    """Make the cards of an assessment, less what is held back, and say what became of each plan's advice."""
    topics = _by_plan(assessment.advice)
    held = {
        plan: reason
        for plan, advice in topics.items()
        if (reason := restraint.holds(plan, _strongest(advice), lambda advice=advice: facts_of(advice))) is not None  # type: ignore[misc]
    }
    quiet = {*held, *restraint.off}
    view = NOTHING if DIFFERENTIAL in quiet else assessment.view.without(quiet) if quiet else assessment.view
    said = replace(assessment, advice=[a for a in assessment.advice if a.plan.topic not in held], view=view)
    cards = list(press.answer(said, unread).cards)
    own, shared = _places(cards, topics.keys() - held.keys())
    told: list[Told] = []
    if shared is not None:
        folded = [a for plan, advice in topics.items() if plan not in held and plan not in own for a in advice]
        facts = _facts_of_view(view, folded)
        reason = restraint.holds(DIFFERENTIAL, Indicator[shared.indicator.upper()], lambda: facts)
        if reason is not None:
            cards.remove(shared)
            held |= {advice.plan.topic: reason for advice in folded}
        told.append(_of_card(shared, DIFFERENTIAL, reason, lambda: facts))
    for plan, advice in topics.items():
        fate, because = held.get(plan) or (Fate.SHOWN if plan in own else Fate.FOLDED, "")
        card = own.get(plan) or shared
        told.append(
            Told(
                advice=advice,
                plan=plan,
                indicator=_strongest(advice),
                fate=fate,
                card=card.uuid if card is not None and plan not in held else "",
                because=because,
                facts=lambda advice=advice: facts_of(advice),  # type: ignore[misc]
            )
        )
    for card in cards:
        if card is not shared and card not in own.values():  # says only what could not be checked
            told.append(_of_card(card, _plan_of(card), None, lambda: ()))
    return CardsResponse(tuple(cards)), told


def facts_of(advice: Iterable[Advice]) -> frozenset[str]:
    """Name what a plan's advice rests on: a change in these is news.

    What the patient's own resource says is none, since a birthday is no news; nor is the complaint for which the chart
    is looked at. Resources are named by what they say and of when, since some servers send the same under another id
    each time.
    """
    recommended = list(advice)
    return frozenset(fact for one in recommended for fact in _named(one.basis)) | {one.name for one in recommended}


def _facts_of_view(view: View, folded: Sequence[Advice]) -> frozenset[str]:
    signs = [sign for cause in view.causes for sign in cause.speaks_for]
    causes = {cause.topic for cause in view.causes}
    return facts_of(folded) | causes | {fact for sign in signs for fact in _named(sign.facts)}


def _named(facts: Iterable[Fact]) -> Iterable[str]:
    for fact in facts:
        if not fact.reference.startswith("Patient/"):
            yield "\x1f".join((fact.name, fact.value, fact.unit, str(fact.on) if fact.on else fact.reference))


def _by_plan(advice: Iterable[Advice]) -> dict[str, list[Advice]]:
    found: dict[str, list[Advice]] = {}
    for one in advice:
        found.setdefault(one.plan.topic, []).append(one)
    return {plan: sorted(mine, key=lambda one: -one.indicator) for plan, mine in found.items()}


def _strongest(advice: Sequence[Advice]) -> Indicator:
    return advice[0].indicator


def _places(cards: Iterable[Card], topics: Collection[str]) -> tuple[dict[str, Card], Card | None]:
    """Find the cards that plans have of their own, and the one that several share."""
    by_plan = {_plan_of(card): card for card in cards}
    return {plan: card for plan, card in by_plan.items() if plan in topics}, by_plan.get(DIFFERENTIAL)


def _plan_of(card: Card) -> str:
    return card.source.topic.code if card.source.topic else ""


def _of_card(card: Card, plan: str, held: tuple[Fate, str] | None, facts: Callable[[], Collection[str]]) -> Told:
    fate, because = held or (Fate.SHOWN, "")
    shown = "" if held else card.uuid
    return Told((), plan, Indicator[card.indicator.upper()], fate, shown, because, facts)
