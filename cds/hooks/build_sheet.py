"""The build sheet: what an EHR analyst types in to connect this service, made of the service itself."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from cds.clients import Dialect
from cds.fhir.prefetch import WHO, Need
from cds.services import SERVICES, Service, knowledge, needs
from cds.settings import Settings

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


@dataclass(frozen=True)
class _Kind:
    """A kind of client: what holds there and nowhere else."""

    title: str
    algorithms: str
    issuer: str
    notes: tuple[str, ...]
    hooks: tuple[str, ...] = ()


@cache
def _kinds() -> dict[Dialect, _Kind]:
    table = tomllib.loads(Path(__file__).with_name("build_sheet.toml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[Dialect, _Kind]).validate_python(table)


def build_sheet(dialect: Dialect, settings: Settings) -> str:
    """Say in Markdown what is typed in at one kind of client."""
    kind = _kinds()[dialect]
    services = [one for one in SERVICES.values() if not kind.hooks or one.hook in kind.hooks]
    asked = (WHO, *needs())
    return "\n".join(
        [
            f"# Build sheet: Legwork for {kind.title}",
            "",
            *(f"- {note}" for note in kind.notes),
            *_section("Services", ("hook", "address", "what it does"), _services(services, settings)),
            *_section("Prefetch, the same for each service", ("key", "query", "needed"), map(_row, asked)),
            *_section("Scopes", ("SMART v2", "SMART v1"), _scopes(asked)),
            *_section("Token of each call (JSON Web Token)", ("claim", "value"), _claims(kind, services, settings)),
            *_section("Override reasons", ("code", "display"), _reasons()),
            "",
            f"System of the codes: `{knowledge().overrides.system}`",
            *_section("Orders that cards suggest", ("order", "code", "system"), _orders()),
            "",
        ]
    )


def _section(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _services(services: Iterable[Service], settings: Settings) -> Iterator[Sequence[str]]:
    yield "discovery", f"`{settings.address}/cds-services`", "the list of the services, for clients that read it"
    for service in services:
        yield service.hook, f"`{settings.address}/cds-services/{service.id}`", service.title


def _row(need: Need) -> Sequence[str]:
    return need.key, f"`{need.template}`", "always" if need.required else "as far as it can be had"


def _scopes(asked: Iterable[Need]) -> Iterator[Sequence[str]]:
    for kind in dict.fromkeys(need.kind for need in asked):
        yield f"`patient/{kind}.rs`", f"`patient/{kind}.read`"


def _claims(kind: _Kind, services: Iterable[Service], settings: Settings) -> Iterator[Sequence[str]]:
    yield "alg", kind.algorithms
    yield "kid, jku", "the key, and the address of the key set, which has to be on this service's list"
    yield "iss", kind.issuer
    yield "aud", ", ".join(f"`{settings.address}/cds-services/{service.id}`" for service in services)
    yield "iat, exp", "exp at most an hour after iat"
    yield "jti", "another one for each call"


def _reasons() -> Iterator[Sequence[str]]:
    yield from ((f"`{code}`", display) for code, display in knowledge().overrides.reasons.items())


def _orders() -> Iterator[Sequence[str]]:
    for order in knowledge().orders.values():
        yield (
            order.text,
            f"`{order.code.code}`" if order.code else "words only",
            order.code.system if order.code else "",
        )
