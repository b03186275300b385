"""`legwork advise`: the cards for a patient in a file, as an EHR would draw them, and why."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from cards.models import Card, CardsResponse
from cards.rendering import Press
from cards.suggestions import Desk
from cds.chart.chart import Chart
from cds.cli.terminal import day_of, out
from cds.offline import Opened, open_bundle
from cds.reasoning.assessment import Assessment
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import State
from cds.services import SERVICES, assess, knowledge, order_concepts, plans
from cds.settings import load_settings

commands = typer.Typer()

_COLOURS = {"info": "blue", "warning": "yellow", "critical": "red"}
_MARKS = {State.MET: ("met", "green"), State.NOT_MET: ("not met", "dim"), State.UNKNOWN: ("unknown", "magenta")}


@commands.command()
def advise(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    bundle: Annotated[
        Path, typer.Argument(help="A FHIR Bundle of one patient.", exists=True, dir_okay=False, readable=True)
    ],
    today: Annotated[str | None, typer.Option(help="The day of the call, YYYY-MM-DD; today by default.")] = None,
    hook: Annotated[str, typer.Option(help="The hook that asks.")] = "patient-view",
    orders: Annotated[
        Path | None,
        typer.Option(help="Draft orders, for hooks that ask about them: a Bundle or one.", exists=True, dir_okay=False),
    ] = None,
    patient: Annotated[str | None, typer.Option(help="Whom to judge, where the Bundle holds several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer of the service, for machines.")] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Every plan: criteria met, not met, unknown, and on which data.")
    ] = False,
) -> None:
    """Show the cards for a patient, as an EHR would draw them."""
    service = next((service for service in SERVICES.values() if service.hook == hook), None)
    if service is None:
        raise typer.BadParameter(
            f"no service answers it; there are {', '.join(s.hook for s in SERVICES.values())}", param_hint="--hook"
        )
    if service.orders is (orders is None):
        raise typer.BadParameter(
            "order-select and order-sign need it, the other hooks know no orders", param_hint="--orders"
        )
    opened = open_bundle(bundle.read_bytes(), day_of(today), patient, orders.read_bytes() if orders else None)
    # As at the service's door: where no order at hand is one that we speak of, nothing is weighed.
    speaks = not service.orders or not opened.record.at_hand().isdisjoint(order_concepts())
    assessment = assess(opened.chart, ordering=service.orders) if speaks else Assessment()
    settings = load_settings()
    desk = Desk(opened.chart, knowledge().orders, knowledge().vocabulary.analytes, None)
    answer = Press(desk, knowledge().overrides, settings.address, settings.max_cards).answer(assessment)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer).decode(), indent=2) + "\n")
        return
    if why:
        _print_why(opened)
    _print_cards(answer)


def _print_cards(answer: CardsResponse) -> None:
    if not answer.cards:
        out.print("No cards.")
    for card in answer.cards:
        out.print(_drawn(card))


def _drawn(card: Card) -> Panel:
    parts: list[Text | Markdown] = [Text(card.summary, style="bold"), Text(card.source.label, style="dim"), Text("")]
    if card.detail:
        parts.append(Markdown(card.detail))
    for suggestion in card.suggestions:
        parts.append(Text(f"[ {suggestion.label} ]", style="reverse"))
    for link in card.links:
        parts.append(Text(f"{link.label}: {link.url}", style="dim"))
    return Panel(Group(*parts), title=card.indicator, border_style=_COLOURS[card.indicator], title_align="left")


def _print_why(opened: Opened) -> None:
    for reason, count in opened.left_out.items():
        out.print(f"left out: {count} × {reason}", style="dim")
    for plan in plans():
        tree = Tree(f"[bold]{plan.knowledge.file.title}[/] {plan.knowledge.file.version}")
        _explain(tree, "for whom", plan.for_whom, opened.chart)
        if plan.unless:
            _explain(tree, "silent with", plan.unless, opened.chart)
        _explain(tree, "complaint", plan.context, opened.chart)
        made = {advice.name for advice in plan.advise(opened.chart)}
        for recommendation in plan.recommends:
            mark = "[green]advised[/]" if recommendation.name in made else "silent"
            branch = tree.add(
                f"{plan.knowledge.file.recommendations[recommendation.name].rule} {recommendation.name}: {mark}"
            )
            _explain(branch, "when", recommendation.when, opened.chart)
            if recommendation.unless:
                _explain(branch, "unless", recommendation.unless, opened.chart)
        out.print(tree)


def _explain(tree: Tree, label: str, criterion: Criterion, chart: Chart) -> None:
    finding = criterion.check(chart)
    word, colour = _MARKS[finding.state]
    facts = "; ".join(
        " ".join(x for x in (f.name, f.value, f.unit, str(f.on or ""), f.reference) if x) for f in finding.basis[:3]
    )
    said = ", ".join(finding.unknown) if finding.state is State.UNKNOWN else facts
    line = Text(f"{label}: " if label else "")
    line.append(word, style=colour)
    line.append(f"  {criterion}" if not criterion.parts else "")
    if said:
        line.append(f"  [{said}]", style="dim")
    branch = tree.add(line)
    for part in criterion.parts:
        _explain(branch, "", part, chart)
