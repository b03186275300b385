"""A plan as sentences, for whoever reviews it: limits filled in, sources beside them."""

from collections.abc import Iterator

from cds.reasoning.criteria import Criterion
from cds.reasoning.files import PlanFile, placeholders
from cds.reasoning.knowledge import PROPOSED
from cds.reasoning.measures import Measure
from cds.reasoning.plans import Plan, Recommendation, Shown

PROPOSED_MEANS = "the authors' judgement, for the reviewer to settle first."


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
    yield from (f"- {line}" for line in population(plan))
    yield from _glance(plan)
    yield from _recommendations(plan)
    yield from _shown(plan)
    yield from _terms(plan)
    yield from _limits(plan)
    yield from _reasons(plan)
    yield from _literature(plan)
    if listed := changes(plan.knowledge.file):
        yield from ("", "## Changes", "")
        yield from (f"- {line}" for line in listed)


def population(plan: Plan) -> Iterator[str]:
    """Say to whom a plan speaks, and when it is silent altogether."""
    yield f"For whom: {plan.for_whom}"
    yield f"Speaks only with: {plan.context}"
    if plan.unless:
        yield f"Silent with: {plan.unless}"
    if plan.mutes:
        yield f"All but critical advice is muted with: {plan.mutes}"


def _glance(plan: Plan) -> Iterator[str]:
    """Set all that a plan may say beside each other."""
    file = plan.knowledge.file
    rows = [(recommendation, file.recommendations[recommendation.name]) for recommendation in plan.recommends]
    yield from ("", "## At a glance", "", "| rule | recommendation | urgency | the card says |", "|---|---|---|---|")
    for recommendation, words in rows:
        raised = "".join(f", up to {word}" for word in dict.fromkeys(word for word, _ in recommendation.raises))
        said = cell(filled(plan, words.summary))
        yield f"| {words.rule} | {recommendation.name} | {words.indicator}{raised} | {said} |"


def _recommendations(plan: Plan) -> Iterator[str]:
    for recommendation in plan.recommends:
        words = plan.knowledge.file.recommendations[recommendation.name]
        yield ""
        yield f"## {words.rule}: {recommendation.name} ({words.indicator})"
        yield ""
        yield f"“{filled(plan, words.summary)}”"
        yield ""
        yield from (f"- {ground}" for ground in grounds(plan, recommendation))
        yield f"- Why: {filled(plan, words.why)}"
        for text in words.consider:
            yield f"- Consider: {filled(plan, text)}"
        for name, criterion in recommendation.notes.items():
            yield f"- Adds “{filled(plan, words.notes[name])}” when: {criterion}"
        for order in words.suggests:
            condition = f" when: {recommendation.only[order]}" if order in recommendation.only else ""
            yield f"- Offers the draft order “{plan.knowledge.base.orders[order].label}”{condition}"
        yield f"- Evidence: {', '.join(_label(plan, key) for key in words.evidence)}"


def grounds(plan: Plan, recommendation: Recommendation) -> Iterator[str]:
    """Say when a recommendation is made, how urgent it is then, and where it stands."""
    words = plan.knowledge.file.recommendations[recommendation.name]
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
    if words.beside:
        yield f"A line on the cards of: {', '.join(words.beside)}"
    if words.only_in_calm:
        yield "Only where nothing more urgent than info is advised"
    if words.not_beside:
        yield f"Not beside a warning or more of: {', '.join(words.not_beside)}"


def _shown(plan: Plan) -> Iterator[str]:
    """Say what the cards put in place of a word in square brackets."""
    file = plan.knowledge.file
    used = {name for words in file.recommendations.values() for name in words.placeholders}
    if shown := sorted(used & set(plan.shows)):
        yield from ("", "## Filled in from the chart", "")
        yield from (f"- [{name}]: {_of_chart(plan.shows[name])}" for name in shown)


def _of_chart(shown: Shown) -> str:
    if isinstance(shown, tuple):
        return " and ".join(map(_of_chart, shown))
    if isinstance(shown, Measure):
        return f"{shown.title} with its unit, as found within {shown.within}"
    return f"what was found of: {shown}"


def _terms(plan: Plan) -> Iterator[str]:
    if meanings := terms(plan):
        yield from ("", "## Terms", "")
        yield from (f"- **{name}**: {sentence}" for name, sentence in meanings.items())


def terms(plan: Plan) -> dict[str, str]:
    """Say once what every name stands for that the sentences of a plan use."""
    return dict(sorted(meanings(plan)))


def meanings(plan: Plan) -> set[tuple[str, str]]:
    """Give every name that the sentences of a plan use, with what it stands for."""
    said = {(term.name, term.sentence()) for root in plan.criteria() for term in _named(root)}
    return {(name, sentence) for name, sentence in said if sentence != name}


def concepts(plan: Plan) -> list[str]:
    """Name the value sets and analytes on which a plan hangs, those of shared criteria among them."""
    read = frozenset().union(*(criterion.reads for criterion in plan.criteria()))
    return sorted(read & set(plan.knowledge.base.concepts))


def _named(criterion: Criterion) -> Iterator[Criterion]:
    if criterion.name:
        yield criterion
    for part in criterion.parts:
        yield from _named(part)


def _limits(plan: Plan) -> Iterator[str]:
    if listed := limits(plan):
        yield from ("", "## Limits", "")
        yield from (f"- {line}" for line in listed)


def limits(plan: Plan) -> list[str]:
    """Say every limit and span of time, and on whose authority."""
    file, knowledge = plan.knowledge.file, plan.knowledge
    values = [f"{n}: {knowledge.threshold(n)} ({_label(plan, x.evidence)})" for n, x in file.thresholds.items()]
    spans = [f"{n}: {knowledge.period(n)} ({_label(plan, x.evidence)})" for n, x in file.periods.items()]
    return values + spans


def changes(file: PlanFile) -> list[str]:
    """Say what each version brought, the newest first."""
    return [f"{change.version}, {change.date}: {change.what}" for change in file.changes]


def _reasons(plan: Plan) -> Iterator[str]:
    reasons = plan.knowledge.base.overrides.reasons
    if plan.knowledge.file.override_reasons:
        yield from ("", "## Why a clinician may set the card aside", "")
        yield from (f"- {reasons[code]} (`{code}`)" for code in plan.knowledge.file.override_reasons)


def _literature(plan: Plan) -> Iterator[str]:
    file = plan.knowledge.file
    yield ""
    yield "## Sources"
    yield ""
    for evidence in file.evidence.values():
        yield f"- {evidence.citation}. {evidence.strength}.{f' {evidence.url}' if evidence.url else ''}"
    yield f"- {PROPOSED}: {PROPOSED_MEANS}"
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


def cell(text: str) -> str:
    """Make a text fit for a cell of a table in Markdown."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _label(plan: Plan, key: str) -> str:
    return PROPOSED if key == PROPOSED else plan.knowledge.file.evidence[key].label


def filled(plan: Plan, text: str) -> str:
    """Fill in the limits; what depends on the patient stays a placeholder."""
    file = plan.knowledge.file
    known = {name: str(plan.knowledge.threshold(name)) for name in file.thresholds}
    known |= {name: str(plan.knowledge.period(name)) for name in file.periods}
    return text.format_map({p: known.get(p, f"[{p}]") for p in placeholders(text)})
