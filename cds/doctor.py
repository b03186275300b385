"""What stands in the way of a deployment: everything that it rests on, looked at once, before the first call."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy.exc import SQLAlchemyError

from cds.clients import DEVELOPMENT, SANDBOX_ISSUER, Client, RegisteredClient, read_clients
from cds.errors import LegworkError, place_of
from cds.hooks.keys import Keys
from cds.hooks.tokens import SKEW
from cds.outbound import REACH, Outbound
from cds.passwords import Password
from cds.reasoning import versions
from cds.services import check_signed, check_topics, knowledge, plans
from cds.settings import Settings, load_settings
from cds.store.database import Store
from cds.store.patients import PatientKey
from cds.telemetry import tracing

LONGEST = 10.0
"""How long a server is waited for [s]."""


class Mark(Enum):
    """How a thing stands."""

    GOOD = "good"
    NOTE = "note"
    """It works, and somebody should know."""
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        mark: how it stands.
        what: what it is.
        words: what was found, and what to do about it.
    """

    mark: Mark
    what: str
    words: str


async def examine() -> AsyncIterator[Finding]:
    """Look at everything, one thing after the other; where settings are wrong, at nothing else."""
    try:
        settings = load_settings()
    except LegworkError as error:
        for line in str(error).splitlines():
            yield _bad("settings", line)
        return
    yield _good("settings", f"{settings.address}, log as {settings.log}")
    for finding in (*_of_knowledge(settings), *_of_state(settings), *_of_telemetry(settings), *_of_reports(settings)):
        yield finding
    clients: dict[str, RegisteredClient] = {}
    if settings.clients is None:
        yield _note("clients", "none: whoever is on this machine may call, and nobody else; LEGWORK_CLIENTS names some")
    else:
        try:
            clients = dict(read_clients(settings.clients))
            check_topics(clients.values())
        except LegworkError as error:
            for line in str(error).splitlines():
                yield _bad("clients", line)
        else:
            yield _good("clients", f"{len(clients)} in {settings.clients.name}")
    async for finding in _of_others(settings, clients):
        yield finding


def _good(what: str, words: str) -> Finding:
    return Finding(Mark.GOOD, what, words)


def _note(what: str, words: str) -> Finding:
    return Finding(Mark.NOTE, what, words)


def _bad(what: str, words: str) -> Finding:
    return Finding(Mark.BAD, what, words)


def _of_knowledge(settings: Settings) -> Iterator[Finding]:
    try:
        loaded = plans()
    except LegworkError as error:
        yield _bad("knowledge", str(error))
        return
    yield _good("knowledge", f"{len(loaded)} plans")
    if slips := versions.slips(knowledge().root):
        for slip in slips:
            yield _bad("versions of the knowledge", slip)
    else:
        yield _good("versions of the knowledge", "as they were locked")
    drafts = sum(plan.knowledge.file.status == "draft" for plan in loaded)
    if not drafts:
        yield _good("signatures", "every plan is signed")
    elif settings.refuses_drafts:
        try:
            check_signed()
        except LegworkError as error:
            yield _bad("signatures", str(error))
    else:
        yield _note(
            "signatures", f"{drafts} plans are drafts that no clinician has signed, and are served all the same"
        )


def _of_state(settings: Settings) -> Iterator[Finding]:
    if not settings.keeps_state:
        yield _note("database", "none: nothing is kept; LEGWORK_DATABASE names one")
        return
    path = settings.patient_key
    if not path.exists():
        yield _note("patient key", f"{path} is made at the first start, if its folder may be written")
    elif path.stat().st_mode & 0o077:
        yield _bad("patient key", f"{path} may be read by others: chmod 600 it")
    else:
        yield _good("patient key", f"{path}; keep a copy of it apart from those of the database")
    is_sqlite, file = (settings.database.startswith("sqlite"), Path(settings.database.removeprefix("sqlite:///")))
    if is_sqlite and not file.exists():
        folder = file.absolute().parent
        may = folder.is_dir() and os.access(folder, os.W_OK)
        yield (
            _note("database", "is made at the first start") if may else _bad("database", f"{folder} cannot be written")
        )
        return
    store = Store(settings.database)
    try:
        if store.is_current():
            yield _good("database", "its tables are of this version")
        elif is_sqlite:
            yield _note("database", "its tables are of another version, to which the next start brings them")
            return
        else:
            yield _bad("database", "its tables are not of this version: run `legwork migrate`")
            return
        if path.exists():
            with store.begin() as connection:
                PatientKey.at(path).check(connection)
            yield _good("patients of the database", "hashed by this key")
    except LegworkError as error:
        yield _bad("database", str(error))
    except SQLAlchemyError as error:  # whose words hold the address, and with it a password
        yield _bad("database", f"cannot be reached ({place_of(error)}): see LEGWORK_DATABASE")
    finally:
        store.close()


def _of_telemetry(settings: Settings) -> Iterator[Finding]:
    try:
        if settings.secret("metrics_token") is not None:
            yield _good("figures", "/metrics, with the token of LEGWORK_METRICS_TOKEN")
        elif settings.clients is None:
            yield _good("figures", "/metrics, for whoever is on this machine")
        else:
            yield _note("figures", "none: LEGWORK_METRICS_TOKEN names the file with the token that Prometheus brings")
    except LegworkError as error:
        yield _bad("figures", str(error).partition(": ")[2])
    if tracing.wanted():
        installed = tracing.is_installed()
        yield (
            _good("traces", "sent") if installed else _bad("traces", "asked for, but not installed: the extra `otel`")
        )


def _of_reports(settings: Settings) -> Iterator[Finding]:
    try:
        settings.secret("oidc_client_secret")
        if (kept := settings.secret("reports_password")) is not None:
            Password(kept)
    except LegworkError as error:
        yield _bad("reports", str(error))
        return
    if settings.has_reports:
        who = "who logs in" if settings.has_login else "whoever is on this machine"
        yield _good("reports", f"/reports, for {who}")
    else:
        yield _note("reports", "none: they take a database and a login, see docs/reports.md")


async def _of_others(settings: Settings, clients: dict[str, RegisteredClient]) -> AsyncIterator[Finding]:
    """Look at what clients publish, at their FHIR servers, and by what these say of the time at our clock."""
    clocks: list[float] = []
    transport = Outbound()
    keys = Keys(transport)
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=LONGEST) as http:
        await keys.fetch_all(clients.values())
        for client in clients.values():
            if client.issuer == SANDBOX_ISSUER:
                yield _bad(
                    f"client {client.name}", "anybody may call in its name, its key is public: not beside patients"
                )
            if keys.are_at_hand(client):
                yield _good(f"keys of {client.name}", f"{client.jwks or ', '.join(client.jku)}")
            else:
                yield _bad(
                    f"keys of {client.name}", f"cannot be had from {', '.join(client.jku)}, for the reason above"
                )
        asked: list[tuple[str, Client, str]] = [
            (base, client, client.name) for client in clients.values() for base in client.fhir_servers
        ]
        if not clients:
            asked = [(base, DEVELOPMENT, "") for base in settings.fhir_servers]
        for finding in await asyncio.gather(*(_of_server(http, *one, clocks) for one in asked)):
            yield finding
    if not clocks:
        yield _note("clock", "not compared: no FHIR server told the time")
    elif (off := min(clocks, key=abs)) and abs(off) > SKEW:
        yield _bad("clock", f"{abs(off):.0f} seconds off that of the FHIR servers: tokens would be refused")
    else:
        yield _good("clock", "that of the FHIR servers")


async def _of_server(http: httpx.AsyncClient, base: str, client: Client, name: str, clocks: list[float]) -> Finding:
    what = f"FHIR server of {name}" if name else "FHIR server"
    try:
        async with asyncio.timeout(LONGEST), http.stream(
            "GET", f"{base}/metadata?_summary=true", headers={"Accept": "application/fhir+json"},
            extensions={REACH: client.reach},
        ) as answer:  # fmt: skip
            if date := answer.headers.get("date"):
                clocks.append(time.time() - parsedate_to_datetime(date).timestamp())
            if answer.status_code in {200, 401, 403}:
                return _good(what, f"{base} answers")
            return _bad(what, f"{base}/metadata answers {answer.status_code}")
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        host = urlsplit(base).hostname
        return _bad(
            what, f"{base} cannot be reached ({type(error).__name__}): is {host} known here, and may it be called?"
        )
