"""The command line: `legwork`."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from cards.models import Card, CardsResponse
from cards.rendering import Press
from cards.suggestions import Desk
from cds import cli_audit
from cds.cases import cases, failures
from cds.chart.chart import Chart
from cds.cli_clients import clients as clients_commands
from cds.cli_store import commands as store_commands
from cds.errors import LegworkError
from cds.export import package
from cds.export.pages import page, pages
from cds.hooks import build_sheet, discovery
from cds.offline import Opened, open_bundle
from cds.reasoning import versions
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import State
from cds.reasoning.plans import Plan
from cds.services import SERVICES, assess, knowledge, plans
from cds.settings import load_settings
from cds.telemetry import logs

app = typer.Typer(
    help="Legwork: clinical decision support for legs that ache at rest.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_show_locals=False,
)  # fmt: skip
app.add_typer(clients_commands, name="clients")
app.add_typer(cli_audit.audit, name="audit")
app.command()(cli_audit.replay)
app.add_typer(store_commands)
out = Console()
err = Console(stderr=True)

_COLOURS = {"info": "blue", "warning": "yellow", "critical": "red"}
_MARKS = {State.MET: ("met", "green"), State.NOT_MET: ("not met", "dim"), State.UNKNOWN: ("unknown", "magenta")}
BAD_INPUT = 2
"""Exit code when what was given cannot be used."""
FAILED = 1
"""Exit code when a check failed."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (LEGWORK_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (LEGWORK_PORT).")] = None,
) -> None:
    """Serve CDS Hooks, every plan in draft: on this machine, or to the clients of LEGWORK_CLIENTS."""
    import uvicorn  # noqa: PLC0415 - the other commands need no server

    from cds.app import create_app  # noqa: PLC0415 - likewise

    settings = load_settings(host=host, port=port)
    logs.set_up(settings.log)
    application = create_app(settings)
    callers = "the clients of LEGWORK_CLIENTS" if settings.clients else "whoever is on this machine"
    err.print(
        f"Legwork on [bold]{settings.address}/cds-services[/] for {callers}, {len(plans())} plans; Ctrl-C stops it"
    )
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="warning",
    )


@app.command()
def doctor() -> None:
    """Look at all that a deployment rests on: settings, knowledge, database, keys, FHIR servers, clock."""
    from cds import cli_doctor  # noqa: PLC0415 - it brings what the other commands need not load

    if not cli_doctor.run(out):
        raise typer.Exit(FAILED)


@app.command()
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
    opened = open_bundle(bundle.read_bytes(), _day(today), patient, orders.read_bytes() if orders else None)
    assessment = assess(opened.chart, ordering=service.orders)
    settings = load_settings()
    desk = Desk(opened.chart, knowledge().orders, knowledge().vocabulary.analytes, None)
    answer = Press(desk, knowledge().overrides, settings.address, settings.max_cards).answer(assessment)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer).decode(), indent=2) + "\n")
        return
    if why:
        _print_why(opened)
    _print_cards(answer)


@app.command()
def check(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(help="FHIR Bundles of one patient each, in place of a server.", exists=True, dir_okay=False),
    ] = None,
    server: Annotated[str, typer.Option("--fhir-server", help="Base address of the FHIR server.")] = "",
    patient: Annotated[list[str] | None, typer.Option(help="Ids of patients to judge.")] = None,
    sample: Annotated[int, typer.Option(min=1, max=100, help="How many patients to take, where none is named.")] = 3,
    token: Annotated[
        str, typer.Option(envvar="LEGWORK_FHIR_TOKEN", help="Bearer token; better given in the environment.")
    ] = "",
    today: Annotated[str | None, typer.Option(help="The day of the call, YYYY-MM-DD; today by default.")] = None,
    names: Annotated[bool, typer.Option("--names", help="Print the patients' names.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that was found, for machines.")] = False,
) -> None:
    """Say what a FHIR server can give, what of it is not understood, and which cards come out."""
    from cds import cli_check  # noqa: PLC0415 - it brings an HTTP client, which the other commands need not load

    if bool(bundles) is bool(server):
        raise typer.BadParameter("name a FHIR server, or files", param_hint="--fhir-server")
    asked = cli_check.Asked(server, token, patient or (), sample, _day(today), names=names)
    cli_check.run(asked, bundles or (), out, err, as_json=as_json)


@app.command("discovery")
def discover() -> None:
    """Print the discovery document."""
    document = discovery.document(load_settings().specification_version)
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@app.command("build-sheet")
def print_build_sheet(
    client: Annotated[str, typer.Option(help=f"Kind of client: {', '.join(build_sheet.DIALECTS)}.")] = "generic",
) -> None:
    """Print what an EHR analyst types in to connect this service."""
    kind = next((dialect for dialect in build_sheet.DIALECTS if dialect == client), None)
    if kind is None:
        raise typer.BadParameter(f"there are {', '.join(build_sheet.DIALECTS)}", param_hint="--client")
    sys.stdout.write(build_sheet.build_sheet(kind, load_settings()))


@app.command("review")
def review_topic(topic: Annotated[str, typer.Argument(help="A topic code, as `legwork topics` lists them.")]) -> None:
    """Print the page that a clinician signs: a plan in sentences, limits filled in, its codes and cases."""
    text = page(_plan(topic))
    if out.is_terminal:
        out.print(Markdown(text))
    else:
        sys.stdout.write(text)


@app.command("pages")
def write_pages(folder: Annotated[Path, typer.Argument(help="Where they go.", file_okay=False)]) -> None:
    """Write the review pages of all topics."""
    folder.mkdir(parents=True, exist_ok=True)
    written = dict(pages())
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    out.print(f"{len(written)} pages in {folder}", highlight=False)


@app.command()
def export(folder: Annotated[Path, typer.Argument(help="Where the package goes.", file_okay=False)]) -> None:
    """Write the knowledge as a FHIR package folder."""
    count = package.write(folder)
    out.print(f"{count} resources in {folder / 'package'}", highlight=False)


@app.command()
def expand(
    server: Annotated[
        str,
        typer.Option(
            "--terminology-server",
            envvar="LEGWORK_TERMINOLOGY_SERVER",
            help="Base address of a FHIR terminology server; there is no default.",
        ),
    ],
    names: Annotated[
        list[str] | None, typer.Argument(help="Value sets; all that name an expression by default.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Put what is missing into the files.")] = False,
) -> None:
    """Compare SNOMED CT lists with what a terminology server says they should hold."""
    from cds.export import expansion  # noqa: PLC0415 - it brings an HTTP client, which the other commands need not load

    for path, include in expansion.lists(knowledge().root, names or ()):
        rebuilt = expansion.rebuild(server, path, include)
        count = f"{len(rebuilt.members)} members"
        out.print(f"[bold]{path.stem}[/] ({include.ecl}): {count} {rebuilt.release}".rstrip(), highlight=False)
        for code, display in rebuilt.added:
            others = sorted(knowledge().vocabulary.codes.lookup(expansion.SNOMED, code)[0] - {path.stem})
            beside = f" (now in {', '.join(others)})" if others else ""
            out.print(f"  + {code} {display}{beside}", highlight=False, markup=False, soft_wrap=True)
        for code, display in rebuilt.gone:
            out.print(f"  - {code} {display}", highlight=False, markup=False, soft_wrap=True)
        if write and rebuilt.added:
            expansion.write(rebuilt, datetime.now(UTC).date())
            out.print(f"  {len(rebuilt.added)} written: raise the version of the plans, then `legwork lock`")


@app.command()
def topics() -> None:
    """List the topics."""
    for plan in plans():
        file = plan.knowledge.file
        out.print(f"{file.id:22} {file.version:8} {file.status:8} {file.title}", highlight=False)


@app.command("cases")
def run_cases(topic: Annotated[str | None, typer.Argument(help="A topic code; all by default.")] = None) -> None:
    """Run the cases of a topic and say which fail."""
    count = failed = 0
    for plan in [_plan(topic)] if topic else plans():
        for case in cases(plan):
            count += 1
            if slips := failures(case, plan):
                failed += 1
                err.print(f"[red]{plan.topic}[/] {case.name}: {'; '.join(slips)}", highlight=False)
    out.print(f"{count} cases, {failed} failed")
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def lock() -> None:
    """Lock the versions of all knowledge as it stands (after a version was raised)."""
    versions.write(knowledge().root)
    out.print(f"{len(versions.current(knowledge().root))} folders locked")


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("not a day of the form YYYY-MM-DD", param_hint="--today") from error


def _plan(topic: str) -> Plan:
    for plan in plans():
        if topic in {plan.topic, plan.knowledge.folder.name}:
            return plan
    raise typer.BadParameter(f"there are {', '.join(p.topic for p in plans())}", param_hint="TOPIC")


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


def main() -> None:
    """Run the command line; errors of ours are one line and an exit code."""
    try:
        app()
    except LegworkError as error:
        err.print(f"[red]legwork:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
