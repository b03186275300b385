"""A plan as sentences, for whoever reviews it: limits filled in, sources beside them."""

from collections.abc import Iterator

from cds.reasoning.criteria import Criterion
from cds.reasoning.knowledge import PROPOSED, Threshold
from cds.reasoning.plans import Plan, Recommendation, placeholders


def review(plan: Plan) -> str:
    """Write the review sheet of a plan as Markdown."""
    return "\n".join(_sheet(plan)) + "\n"


def _sheet(plan: Plan) -> Iterator[str]:
    file = plan.knowledge.file
    yield f"# {file.title} (`{file.id}` {file.version}, {file.status})"
    yield ""
    yield file.purpose
    yield ""
    yield f"- Last reviewed: {file.last_review_date}"
    approval = f"{file.approval_date} by {file.approved_by}" if file.approval_date else "not yet by any clinician"
    yield f"- Approved: {approval}"
    yield f"- For whom: {plan.for_whom}"
    yield f"- Speaks only with: {plan.context}"
    if plan.unless:
        yield f"- Silent with: {plan.unless}"
    if plan.mutes:
        yield f"- All but critical advice is muted with: {plan.mutes}"
    yield from _recommendations(plan)
    yield from _terms(plan)
    yield from _limits(plan)
    yield from _literature(plan)


def _recommendations(plan: Plan) -> Iterator[str]:
    for recommendation in plan.recommends:
        words = plan.knowledge.file.recommendations[recommendation.name]
        yield ""
        yield f"## {words.rule}: {recommendation.name} ({words.indicator})"
        yield ""
        yield f"“{filled(plan, words.summary)}”"
        yield ""
        yield from (f"- {ground}" for ground in grounds(recommendation))
        yield f"- Why: {filled(plan, words.why)}"
        for text in words.consider:
            yield f"- Consider: {filled(plan, text)}"
        for name, criterion in recommendation.notes.items():
            yield f"- Adds “{filled(plan, words.notes[name])}” when: {criterion}"
        for order in words.suggests:
            condition = f" when: {recommendation.only[order]}" if order in recommendation.only else ""
            yield f"- Offers the draft order “{plan.knowledge.base.orders[order].label}”{condition}"
        yield f"- Evidence: {', '.join(_label(plan, key) for key in words.evidence)}"


def grounds(recommendation: Recommendation) -> Iterator[str]:
    """Say when a recommendation is made, and how urgent it is then."""
    if recommendation.order:
        yield f"While orders are being written: {recommendation.order}"
    yield f"When: {recommendation.when}"
    if recommendation.context:
        yield f"Instead of the usual complaint: {recommendation.context}"
    if recommendation.unless:
        yield f"Unless: {recommendation.unless}"
    for word, criterion in recommendation.raises:
        yield f"Raised to {word} when: {criterion}"
    for word, criterion in recommendation.caps:
        yield f"At most {word} when: {criterion}"


def _terms(plan: Plan) -> Iterator[str]:
    """Say once what every name stands for that the sentences above use."""
    terms = {term.name: term for root in _criteria(plan) for term in _named(root)}
    if terms:
        yield ""
        yield "## Terms"
        yield ""
        yield from (f"- **{name}**: {terms[name].sentence()}" for name in sorted(terms))


def _criteria(plan: Plan) -> Iterator[Criterion]:
    yield from (c for c in (plan.for_whom, plan.context, plan.unless, plan.mutes) if c is not None)
    for r in plan.recommends:
        yield from (c for c in (r.when, r.unless, r.context, r.order) if c is not None)
        yield from (c for _, c in (*r.raises, *r.caps, *r.notes.items(), *r.only.items()))


def _named(criterion: Criterion) -> Iterator[Criterion]:
    if criterion.name:
        yield criterion
    for part in criterion.parts:
        yield from _named(part)


def _limits(plan: Plan) -> Iterator[str]:
    file = plan.knowledge.file
    if file.thresholds or file.periods:
        yield ""
        yield "## Limits"
        yield ""
    for name, limit in file.thresholds.items():
        yield f"- {name}: {_threshold(plan, name)} ({_label(plan, limit.evidence)})"
    for name, period in file.periods.items():
        yield f"- {name}: {plan.knowledge.period(name)} ({_label(plan, period.evidence)})"


def _literature(plan: Plan) -> Iterator[str]:
    file = plan.knowledge.file
    yield ""
    yield "## Sources"
    yield ""
    for evidence in file.evidence.values():
        yield f"- {evidence.citation}. {evidence.strength}.{f' {evidence.url}' if evidence.url else ''}"
    yield f"- {_label(plan, PROPOSED)}: the authors' judgement, for the reviewer to settle first."
    if file.known_gaps:
        yield ""
        yield "## Known gaps"
        yield ""
        yield from (f"- {gap}" for gap in file.known_gaps)
    if file.source_attributes:
        yield ""
        yield "## Source attributes (45 CFR 170.315(b)(11)(iv))"
        yield ""
        for attribute, text in file.source_attributes.model_dump().items():
            yield f"- {attribute.replace('_', ' ')}: {text}"


def _label(plan: Plan, key: str) -> str:
    return "proposed" if key == PROPOSED else plan.knowledge.file.evidence[key].label


def _threshold(plan: Plan, name: str) -> Threshold:
    return plan.knowledge.threshold(name)


def filled(plan: Plan, text: str) -> str:
    """Fill in the limits; what depends on the patient stays a placeholder."""
    file = plan.knowledge.file
    known = {name: str(_threshold(plan, name)) for name in file.thresholds}
    known |= {name: str(plan.knowledge.period(name)) for name in file.periods}
    return text.format_map({p: known.get(p, f"[{p}]") for p in placeholders(text)})
