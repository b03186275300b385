"""`legwork topics`, `review`, `cases` and their like: knowledge read, proven and given to others."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from cds.cases import cases, failures
from cds.chart import units
from cds.cli.terminal import FAILED, err, out
from cds.export import package
from cds.export.pages import page, pages
from cds.reasoning import versions
from cds.reasoning.plans import Plan
from cds.services import knowledge, plans

commands = typer.Typer()


@commands.command("review")
def review_topic(topic: Annotated[str, typer.Argument(help="A topic code, as `legwork topics` lists them.")]) -> None:
    """Print the page that a clinician signs: a plan in sentences, limits filled in, its codes and cases."""
    text = page(_plan(topic))
    if out.is_terminal:
        out.print(Markdown(text))
    else:
        sys.stdout.write(text)


@commands.command("pages")
def write_pages(folder: Annotated[Path, typer.Argument(help="Where they go.", file_okay=False)]) -> None:
    """Write the review pages of all topics."""
    folder.mkdir(parents=True, exist_ok=True)
    written = dict(pages())
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    out.print(f"{len(written)} pages in {folder}")


@commands.command()
def export(folder: Annotated[Path, typer.Argument(help="Where the package goes.", file_okay=False)]) -> None:
    """Write the knowledge as a FHIR package folder."""
    count = package.write(folder)
    out.print(f"{count} resources in {folder / 'package'}")


@commands.command()
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
        out.print(f"[bold]{path.stem}[/] ({include.ecl}): {count} {rebuilt.release}".rstrip())
        for code, display in rebuilt.added:
            others = sorted(knowledge().vocabulary.codes.lookup(expansion.SNOMED, code)[0] - {path.stem})
            beside = f" (now in {', '.join(others)})" if others else ""
            out.print(f"  + {code} {display}{beside}", markup=False, soft_wrap=True)
        for code, display in rebuilt.gone:
            out.print(f"  - {code} {display}", markup=False, soft_wrap=True)
        if write and rebuilt.added:
            expansion.write(rebuilt, datetime.now(UTC).date())
            out.print(f"  {len(rebuilt.added)} written: raise the version of the plans, then `legwork lock`")


@commands.command()
def topics() -> None:
    """List the topics."""
    for plan in plans():
        file = plan.knowledge.file
        out.print(f"{file.id:22} {file.version:8} {file.status:8} {file.title}")


@commands.command("cases")
def run_cases(topic: Annotated[str | None, typer.Argument(help="A topic code; all by default.")] = None) -> None:
    """Run the cases of a topic and say which fail."""
    count = failed = 0
    for plan in [_plan(topic)] if topic else plans():
        for case in cases(plan):
            count += 1
            if slips := failures(case, plan):
                failed += 1
                err.print(f"[red]{plan.topic}[/] {case.name}: {'; '.join(slips)}")
    out.print(f"{count} cases, {failed} failed")
    if failed:
        raise typer.Exit(FAILED)


@commands.command()
def lock() -> None:
    """Lock the versions of all knowledge as it stands (after a version was raised), and the factors of its units."""
    versions.write(knowledge().root)
    units.lock()
    out.print(f"{len(versions.current(knowledge().root))} folders and {len(units.asked)} conversions locked")


def _plan(topic: str) -> Plan:
    for plan in plans():
        if topic in {plan.topic, plan.knowledge.folder.name}:
            return plan
    raise typer.BadParameter(f"there are {', '.join(p.topic for p in plans())}", param_hint="TOPIC")
