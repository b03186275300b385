"""Wording a card: what the chart shows, why it may matter, what to consider, what was not checked."""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from cards.dialects import GENERIC, Shape
from cards.models import Advised, Basis, Card, CardsResponse, Coding, Extension, Link, Source
from cards.ranking import TopicAdvice, rank
from cards.suggestions import Desk
from cards.text import bounded, escaped, is_address, plain, shortened
from cards.wording import WORDING
from cds.chart.facts import Absence, Drug, Fact, Indicator, Measurement
from cds.reasoning.assessment import Assessment
from cds.reasoning.differential import Cause, Sign, View
from cds.reasoning.files import Evidence, OverridesFile
from cds.reasoning.knowledge import PROPOSED
from cds.reasoning.plans import Advice

DIFFERENTIAL = "differential"
DATA_QUALITY = "dataquality"
INTAKE = "/intake"
"""Where the service shows the intake form; what it is asked for comes behind."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a card needs beside the advice: the desk of orders, the override reasons, our address, the client's ways."""

    desk: Desk
    overrides: OverridesFile
    public_url: str
    max_cards: int = WORDING.max_cards
    shape: Shape = GENERIC

    def answer(self, assessment: Assessment, unread: int = 0) -> CardsResponse:
        """Turn an assessment into cards.

        What broke down or did not arrive is said once, on the first card, or on a card of its own where there is no
        other: silence must not pass for "nothing found".

        Args:
            assessment: what the plans conclude.
            unread: resources that could not be read; said on the first card, but for them alone nobody is disturbed.
        """
        view = assessment.view
        ranked = rank(assessment.advice, self.max_cards, view.scores)
        unchecked = [*(WORDING.failed.format(title=title) for title in assessment.failed), *assessment.lost]
        if not ranked.own:
            told = [self._differential((), view, (), after_emergency=False)] if view.is_worth_showing(()) else []
            return CardsResponse((*told, self._admission(unchecked)) if unchecked else tuple(told))
        if unread:
            unchecked.append(WORDING.unread.format(count=unread))
        first, *others = ranked.own
        emergency = first.indicator is Indicator.CRITICAL
        spare = [] if emergency else list(assessment.self_care)
        cards = [self._card(first, spare, unchecked), *(self._card(topic, spare) for topic in others)]
        own = {topic.topic for topic in ranked.own}
        if ranked.folded or view.is_worth_showing(own):
            cards.append(self._differential(ranked.folded, view, own, after_emergency=emergency))
        return CardsResponse(tuple(cards))

    def _card(self, topic: TopicAdvice, spare: list[Advice], unchecked: Sequence[str] = ()) -> Card:
        """Make the card of a topic; it takes what fits it from the spare lines of self-care: each is said once."""
        first = topic.advice[0]
        self_care = [a for a in spare if topic.topic in a.recommendation.beside]
        spare[:] = [a for a in spare if a not in self_care]
        file = first.plan.knowledge.file
        suggestions = self.desk.suggestions(topic)
        sources = _evidence(topic.advice)
        source = sources[0] if sources else None
        return Card(
            uuid=str(uuid.uuid4()),
            summary=shortened(_worded(first, first.recommendation.summary)),
            indicator=topic.indicator.word,  # type: ignore[arg-type]  # the words of Indicator are CDS Hooks' own
            source=Source(
                label=source.label if source else file.title,
                url=source.url if source else None,
                topic=self._topic(file.id, file.title),
            ),
            detail=self._detail(topic, self_care, unchecked),
            suggestions=suggestions,
            selection_behavior=self.shape.selection_behavior if suggestions else None,
            override_reasons=tuple(
                Coding(self.overrides.system, code, self.overrides.reasons[code]) for code in file.override_reasons
            ),
            links=self._links(
                self._link(file.id, file.title),
                *(Link(e.label, e.url, "absolute") for e in sources if e.url),
            ),
            extension=Extension(tuple(_advised(a) for a in topic.advice)),
        )

    def _topic(self, code: str, display: str) -> Coding:
        return Coding(WORDING.topic_system, code, display)

    def _detail(self, topic: TopicAdvice, self_care: Sequence[Advice], unchecked: Sequence[str]) -> str:
        parts = [_listed(WORDING.seen, _seen(topic.advice))]
        whys = [_worded_markdown(a, a.recommendation.why) for a in topic.advice]
        notes = [_worded_markdown(a, a.recommendation.notes[n]) for a in topic.advice for n in a.notes]
        also = [WORDING.also.format(summary=escaped(_worded(a, a.recommendation.summary))) for a in topic.advice[1:]]
        parts.append(f"**{WORDING.why}**\n\n" + "\n\n".join(_each_once((*also, *whys, *notes))))
        parts.append(
            _listed(WORDING.consider, (_worded_markdown(a, t) for a in topic.advice for t in a.recommendation.consider))
        )
        if self_care:
            lines = (_worded_markdown(a, text) for a in self_care for text in a.recommendation.consider)
            parts.append(_listed(WORDING.self_care, lines))
        unknown = [escaped(word) for word in (*(w for a in topic.advice for w in a.unknown), *unchecked)]
        if unknown:
            parts.append(_listed(WORDING.not_checked, unknown))
        parts.append(self._closing(topic))
        return "\n\n".join(parts)

    def _closing(self, topic: TopicAdvice) -> str:
        file = topic.advice[0].plan.knowledge.file
        lines = [WORDING.safety.format(today=self.desk.chart.today.isoformat())]
        if topic.indicator is Indicator.CRITICAL:
            lines.insert(0, WORDING.critical)
        if file.status != "active":
            lines.append(WORDING.draft.format(plan=file.title, version=file.version))
        return "_" + " ".join(lines) + "_"

    def _differential(
        self, folded: Sequence[TopicAdvice], view: View, own: Collection[str], *, after_emergency: bool
    ) -> Card:
        """Set the causes side by side, with what exceeds the number of cards; in an emergency nothing is asked."""
        urgency = {topic.topic: topic.indicator for topic in folded}
        causes = sorted(
            view.causes, key=lambda c: (c.topic in WORDING.last, -c.score, -urgency.get(c.topic, Indicator.INFO))
        )
        weighed = {cause.topic for cause in causes}
        rest = [topic for topic in folded if topic.topic not in weighed]
        pressing = [topic for topic in rest if topic.indicator > Indicator.INFO]
        routine = [topic for topic in rest if topic not in pressing]
        titles = [*map(_title, pressing), *(c.title for c in causes), *map(_title, routine)]
        summary = WORDING.fold_summary.format(topics=", ".join(titles))
        if shortened(summary) != plain(summary):
            soon = [_title(topic) for topic in folded if topic.indicator > Indicator.INFO]
            short = WORDING.fold_summary_soon if soon else WORDING.fold_summary_short
            summary = short.format(count=len(titles), topics=", ".join(soon))
        by_topic = {topic.topic: topic for topic in folded}
        lines = [WORDING.after_emergency if after_emergency else WORDING.fold_intro, ""]
        for topic in pressing:  # what should be looked at within days stands above what can wait
            lines.extend(_folded(topic))
        for cause in causes:
            lines.extend(_weighed(cause, by_topic.get(cause.topic), has_card=cause.topic in own))
        for topic in routine:
            lines.extend(_folded(topic))
        parts = ["\n".join(lines)]
        if view.severity:
            parts.append(WORDING.severity.format(signs="; ".join(_sign(sign) for sign in view.severity)))
        asked = () if after_emergency else view.questions
        if asked:
            parts.append(_listed(WORDING.ask, asked))
        unknown = [escaped(word) for t in folded for a in t.advice for word in a.unknown]
        if unknown:
            parts.append(_listed(WORDING.not_checked, unknown))
        closing = WORDING.safety.format(today=self.desk.chart.today.isoformat())
        parts.append(
            f"_{closing} {WORDING.draft.format(plan=WORDING.fold_title, version=view.draft)}_"
            if view.draft
            else f"_{closing}_"
        )
        form = Link(WORDING.intake_link, f"{self.public_url}{INTAKE}?ask={','.join(view.asks)}", "absolute")
        return Card(
            uuid=str(uuid.uuid4()),
            summary=shortened(summary),
            indicator=folded[0].indicator.word if folded else "info",  # type: ignore[arg-type]  # as above
            source=Source(label=WORDING.fold_source, topic=self._topic(DIFFERENTIAL, WORDING.fold_title)),
            detail="\n\n".join(parts),
            links=self._links(
                *((form,) if asked else ()),
                *(self._link(t.topic, t.advice[0].plan.knowledge.file.title) for t in folded),
            ),
            extension=Extension(tuple(_advised(a) for t in folded for a in t.advice)) if folded else None,
        )

    def _links(self, *links: Link) -> tuple[Link, ...]:
        return links if self.shape.links else ()

    def _link(self, topic: str, title: str) -> Link:
        return Link(WORDING.plan_link.format(title=title), f"{self.public_url}/knowledge/{topic}", "absolute")

    def _admission(self, words: Sequence[str]) -> Card:
        """Say what could not be checked, where nothing else is to be said."""
        return Card(
            uuid=str(uuid.uuid4()),
            summary=WORDING.failed_summary,
            indicator="info",
            source=Source(label=WORDING.fold_source, topic=self._topic(DATA_QUALITY, WORDING.failed_summary)),
            detail=f"{WORDING.failed_why}\n\n{_listed(WORDING.not_checked, map(escaped, words))}",
        )


def unevaluated(lacking: Iterable[str]) -> CardsResponse:
    """Say that nothing could be concluded, and for want of what."""
    card = Card(
        uuid=str(uuid.uuid4()),
        summary=WORDING.unevaluated_summary,
        indicator="info",
        source=Source(
            label=WORDING.fold_source, topic=Coding(WORDING.topic_system, DATA_QUALITY, WORDING.unevaluated_summary)
        ),
        detail=f"{WORDING.unevaluated_why}\n\n{_listed(WORDING.not_to_be_had, map(escaped, lacking))}",
    )
    return CardsResponse((card,))


def _evidence(advice: Sequence[Advice]) -> list[Evidence]:
    """Give the literature behind the advice, that of the strongest first."""
    keys = dict.fromkeys(
        (a.plan.knowledge.file.id, key) for a in advice for key in a.recommendation.evidence if key != PROPOSED
    )
    by_plan = {a.plan.knowledge.file.id: a.plan.knowledge.file.evidence for a in advice}
    return [by_plan[plan][key] for plan, key in keys]


class _Shown(dict[str, str]):
    """What placeholders stand for, made fit for the text only when a sentence names them."""

    def __init__(self, advice: Advice, fit: Callable[[str], str]) -> None:
        super().__init__()
        self.shown, self.fit = advice.shown, fit

    def __missing__(self, name: str) -> str:
        return self.fit(self.shown[name])


def _worded(advice: Advice, text: str) -> str:
    """Fill in the placeholders of a sentence, as plain text."""
    return text.format_map(_Shown(advice, plain))


def _worded_markdown(advice: Advice, text: str) -> str:
    """Fill in the placeholders of a sentence that goes into Markdown."""
    return text.format_map(_Shown(advice, escaped))


def _weighed(cause: Cause, topic: TopicAdvice | None, *, has_card: bool) -> Iterable[str]:
    """Say what speaks for a cause and against it, and one next step where no card of its own says more."""
    yield f"- **{escaped(cause.title)}**"
    yield f"  - {WORDING.speaks_for.format(signs='; '.join(map(_sign, cause.speaks_for)))}"
    if cause.speaks_against:
        yield f"  - {WORDING.speaks_against.format(signs='; '.join(map(_sign, cause.speaks_against)))}"
    if topic is not None:
        yield f"  - {escaped(_worded(topic.advice[0], topic.advice[0].recommendation.summary))}"
        yield from _briefly(topic)
    elif not has_card:
        yield f"  - {WORDING.next_step.format(step=cause.next_step)}"


def _folded(topic: TopicAdvice) -> Iterable[str]:
    first = topic.advice[0]
    yield f"- **{escaped(_worded(first, first.recommendation.summary))}**"
    yield from _briefly(topic)


def _briefly(topic: TopicAdvice) -> Iterable[str]:
    """Give the first step of a topic without a card of its own, and what else it has to say."""
    first, *others = topic.advice
    yield from (f"  - {_worded_markdown(first, text)}" for text in first.recommendation.consider[:1])
    yield from (f"  - {WORDING.also.format(summary=escaped(_worded(a, a.recommendation.summary)))}" for a in others)


def _title(topic: TopicAdvice) -> str:
    return topic.advice[0].plan.knowledge.file.title


def _sign(sign: Sign) -> str:
    """Say a sign with the value and the day of the newest fact behind it."""
    dated = [fact for fact in sign.facts if fact.on is not None]
    newest = max(dated, key=lambda fact: fact.on.moment if fact.on else 0.0, default=None)
    fact = newest or (sign.facts[0] if sign.facts else None)
    if fact is None:
        return sign.words
    value = escaped(fact.said) if isinstance(fact, Measurement) else ""
    asides = [text for text in (value, escaped(str(fact.on)) if fact.on else "") if text]
    return f"{sign.words} ({', '.join(asides)})" if asides else sign.words


def _listed(heading: str, lines: Iterable[str]) -> str:
    return f"**{heading}**\n\n" + "\n".join(f"- {line}" for line in dict.fromkeys(lines))


def _each_once(paragraphs: Iterable[str]) -> list[str]:
    """Leave out a paragraph that stands in another: recommendations of one topic share sentences."""
    distinct = dict.fromkeys(paragraphs)
    return [one for one in distinct if not any(one in other for other in distinct if other != one)]


def _seen(advice: Sequence[Advice]) -> list[str]:
    """Say each fact once, however many resources and recommendations state it."""
    context = [f for a in advice for f in a.context]
    basis = [f for a in advice for f in a.basis]
    facts = _distinct([*context[:3], *basis])
    lines = [_line(f) for f in facts if f.name != "Patient" and (not isinstance(f, Absence) or f.worth_saying)]
    if len(lines) > WORDING.lines:
        rest = len(lines) - WORDING.lines
        lines = [*lines[: WORDING.lines], WORDING.more.format(count=rest)]
    return lines


def _distinct(facts: Iterable[Fact]) -> list[Fact]:
    """Leave the newest of the facts that say the same: charts code a lasting disease anew at every visit.

    Of a drug's prescriptions the first is left: its date is the drug's start, those of the others are renewals.
    """
    newest: dict[tuple[str, ...], Fact] = {}
    for fact in facts:
        when = str(fact.on or "") if isinstance(fact, Measurement) else ""
        key = (fact.name.strip().lower(), fact.value, fact.unit, when)
        known = newest.get(key)
        if known is None or _is_to_be_dated_by(fact, known):
            newest[key] = fact
    kept = list(newest.values())
    of_resource: dict[str, list[Fact]] = {}
    for fact in kept:
        of_resource.setdefault(fact.reference, []).append(fact)
    return [fact for fact in kept if not any(_says_more(other, fact) for other in of_resource[fact.reference])]


def _is_to_be_dated_by(one: Fact, other: Fact) -> bool:
    """Whether one of two facts that say the same has the date that a card should give."""
    if one.on is None or other.on is None:
        return one.on is not None
    renewal = isinstance(one, Drug) and isinstance(other, Drug) and not (one.given or other.given)
    return one.on.moment < other.on.moment if renewal else one.on.moment > other.on.moment


def _says_more(one: Fact, other: Fact) -> bool:
    """Whether one reading of a resource says all that another does: "leg cramps" beside "cramps"."""
    return (
        bool(one.reference)
        and one is not other
        and one.reference == other.reference
        and (
            other.name.lower() in one.name.lower() and len(other.name) < len(one.name) and other.said in {"", one.said}
        )
    )


def _line(fact: Fact) -> str:
    colon = "" if fact.name.endswith("?") else ":"
    said = f"{escaped(fact.name)}{colon} **{escaped(fact.said)}**" if fact.said else escaped(fact.name)
    asides = [escaped(str(fact.on))] if fact.on is not None else []
    if isinstance(fact, Measurement):
        if fact.side:
            asides.insert(0, fact.side)
        if fact.converted:
            asides.insert(0, WORDING.converted.format(value=escaped(fact.converted)))
        if fact.range_text:
            asides.append(WORDING.reference_range.format(range=escaped(fact.range_text)))
    asides.extend(escaped(note) for note in fact.notes)
    return f"{said} ({'; '.join(asides)})" if asides else said


def _advised(advice: Advice) -> Advised:
    file = advice.plan.knowledge.file
    return Advised(
        topic=file.id,
        plan=file.id,
        recommendation=advice.name,
        indicator=advice.indicator.word,
        version=file.version,
        status=file.status,
        basis=tuple(_basis(f) for f in _distinct((*advice.basis, *advice.context)) if plain(f.name))[: WORDING.basis],
        unknown=advice.unknown,
    )


def _basis(fact: Fact) -> Basis:
    return Basis(
        fact=bounded(fact.name),
        value=bounded(fact.value) or None,
        unit=bounded(fact.unit) or None,
        on=str(fact.on) if fact.on else None,
        reference=fact.reference if fact.reference and is_address(fact.reference) else None,
    )
