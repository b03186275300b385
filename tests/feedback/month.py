"""A month of a service, simulated: calls about made-up patients, clinicians who answer, and a count of its own.

    python -m tests.feedback.month --calls 20000            SQLite, and PostgreSQL where it is installed
    python -m tests.feedback.month --calls 20000 --drift    with a last week in which one plan is set aside more often

Two worker processes share one database; each runs the service as it is, but for the clock and the socket. The
simulation counts what it sees in the answers and what its clinicians do, and works out for itself what must have been
held back; the report has to say the same to the last row.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import re
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, bindparam, text

from cds.app import create_app, warm_up
from cds.clients import Client
from cds.hooks import journal
from cds.hooks.answering import answer
from cds.services import REVIEW
from cds.settings import Settings
from cds.store import drift, reports
from cds.store.database import Store
from cds.store.tables import metadata
from tests import postgresql
from tests.contract.calls import TYPES
from tests.patients.reading import FIXTURES, day_of

MONDAY = date(2026, 3, 2)
DAYS = 28
CLIENTS = {
    client.name: client
    for client in (
        Client(name="plain"),
        Client(name="calm", snooze_days=7, max_cards=2, plans_off=frozenset({"vitamind"})),
        Client(name="once", once_per_encounter=True),
        Client(name="watching", silent=True),
    )
}
DRIFTING = "pad"
"""Of the plans it is one whose cards bear suggestions, so that not nearly all of them are set aside as it is."""
COMPARED = ("fired", "shown", "folded", "snoozed", "repeated", "off", "accepted", "overridden", "unanswered")
REASONS = ("already-evaluated", "patient-declined", "will-do-later", "not-clinically-relevant", None)
_DATE = re.compile(rb'"(\d{4}-\d\d-\d\d)')
_PATIENT = b"the-patient"
_TODAY = (MONDAY - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Call:
    client: str
    patient: str
    fixture: int
    encounter: str
    at: float


@dataclass(frozen=True)
class Message:
    client: str
    body: bytes
    at: float
    status: int = 200


@dataclass
class Seen:
    """A card that was shown: its plan, what it rested on, and what was said of it."""

    call: Call
    plan: str
    facts: frozenset[Any]
    indicator: int
    week: date
    said: list[tuple[tuple[int, int, int], str, str | None]] = field(default_factory=list)

    def last(self) -> tuple[int, str, str | None] | None:
        if not self.said:
            return None
        order, outcome, reason = max(self.said, key=lambda one: one[0])
        return order[0], outcome, reason


# --- a worker: the service in a process of its own ---


def work(pipe: Connection, database: str, key: Path) -> None:
    asyncio.run(_work(pipe, Settings(database=database, patient_key=key)))


async def _work(pipe: Connection, settings: Settings) -> None:
    now = [0.0]
    journal.LONGEST_LOOK = 10.0  # whether the figures are right is asked here, not whether this machine is fast
    outer: Any = create_app(settings, clock=lambda: now[0])
    inner = outer
    while not hasattr(inner, "router"):
        inner = inner.app
    async with inner.router.lifespan_context(inner):
        pipe.send("ready")
        while (batch := pipe.recv()) is not None:
            answers = []
            for item in batch:
                now[0] = item.at
                feedback = isinstance(item, Message)
                path = f"/cds-services/{REVIEW.id}" + ("/feedback" if feedback else "")
                body = item.body if feedback else body_of(item)
                answers.append(await _post(outer, path, body, CLIENTS[item.client]))
            inner.state.journal.recorder.flush(30)
            pipe.send(answers)
        spent = time.process_time()
    pipe.send((spent, inner.state.journal.recorder.lost, inner.state.journal.unlooked))


async def _post(app: Any, path: str, body: bytes, client: Client) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": [], "asgi": {}}
    scope |= {"query_string": b"", "scheme": "http", "server": ("127.0.0.1", 8000), "http_version": "1.1"}
    await app({**scope, "state": {"client": client}}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


# --- patients ---


@cache
def template(number: int) -> bytes:
    """Make the call of a fixture, its dates moved so that its day is the first of the month."""
    fixture = FIXTURES[number]
    moved = timedelta(days=_TODAY - (day_of(fixture) - date(1970, 1, 1)).days)

    def move(match: re.Match[bytes]) -> bytes:
        return f'"{date.fromisoformat(match[1].decode()) + moved}'.encode()

    bundle = json.loads(_DATE.sub(move, (fixture / "bundle.json").read_bytes()))
    resources = [entry["resource"] for entry in bundle["entry"]]
    patient = next(one for one in resources if one["resourceType"] == "Patient")
    keys = {kind: key for key, kind in TYPES.items() if kind != "Observation"} | {"Observation": "observations"}
    prefetch: dict[str, Any] = {"patient": patient, **dict.fromkeys(TYPES)}
    for resource in resources:
        if (key := keys.get(resource["resourceType"])) is not None:
            prefetch[key] = prefetch[key] or {"resourceType": "Bundle", "type": "searchset", "entry": []}
            prefetch[key]["entry"].append({"resource": resource})
    context = {"userId": "Practitioner/1", "patientId": patient["id"], "encounterId": "the-encounter"}
    call = {"hook": REVIEW.hook, "hookInstance": "the-instance", "context": context, "prefetch": prefetch}
    return (
        json.dumps(call)
        .encode()
        .replace(f'"{patient["id"]}"'.encode(), b'"' + _PATIENT + b'"')
        .replace(f'Patient/{patient["id"]}"'.encode(), b"Patient/" + _PATIENT + b'"')
    )


@cache
def usable() -> list[int]:
    """List the fixtures whose patient has an id: without one no hook call is about them."""
    return [
        n for n, path in enumerate(FIXTURES) if re.search(rb'"Patient",\s*"id"', (path / "bundle.json").read_bytes())
    ]


def body_of(call: Call) -> bytes:
    return (
        template(call.fixture)
        .replace(_PATIENT, call.patient.encode())
        .replace(b"the-encounter", call.encounter.encode())
        .replace(b"the-instance", str(uuid.uuid4()).encode())
    )


Advised = dict[str, tuple[frozenset[Any], int]]
"""Plan -> what its advice rests on, and its indicator."""
_INDICATORS = {"info": 1, "warning": 2, "critical": 3}


@cache
def reference(fixture: int, day: date, max_cards: int) -> tuple[Advised, frozenset[str], bool]:
    """Give what is advised without restraint, which plans have cards of their own, and whether one is shared."""
    call = Call("plain", "p", fixture, "e", 0)
    cards = answer(REVIEW, body_of(call), day, Settings(max_cards=max_cards)).cards
    listed = [json.loads(_json(card)) for card in cards]
    return advised(listed), frozenset(own(listed)), any(_topic(card) == "differential" for card in listed)


def _json(card: Any) -> bytes:
    import msgspec  # noqa: PLC0415 - as the service writes

    return msgspec.json.encode(card)


def _topic(card: Any) -> str:
    return str(card["source"]["topic"]["code"])


def own(cards: Sequence[Any]) -> Iterator[str]:
    return (_topic(card) for card in cards if _topic(card) != "differential")


def advised(cards: Sequence[Any]) -> Advised:
    found: dict[str, tuple[set[Any], int]] = {}
    for one in (a for card in cards for a in card.get("extension", {}).get("org.legwork.advice", ())):
        facts, indicator = found.get(one["plan"], (set(), 0))
        facts |= {one["recommendation"]} | {
            (b["fact"], b.get("value"), b.get("unit"), b.get("on") or b.get("reference"))
            for b in one.get("basis", ())
            if not str(b.get("reference")).startswith("Patient/")
        }
        found[one["plan"]] = (facts, max(indicator, _INDICATORS[one["indicator"]]))
    return {plan: (frozenset(facts), indicator) for plan, (facts, indicator) in found.items()}


# --- the month ---


class Month:
    """What happens, and the simulation's own count of it."""

    def __init__(self, calls: int, seed: int, *, drifting: bool = False) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.calls, self.drifting = calls, drifting
        self.lines: dict[tuple[date, str, str], Counter[str]] = defaultdict(Counter)
        self.cards: dict[str, Seen] = {}
        self.by_patient: dict[tuple[str, str], list[Seen]] = defaultdict(list)
        self.in_encounter: dict[tuple[str, str], Advised] = {}
        self.due: dict[int, list[tuple[Message, list[tuple[str, int, str, str | None]]]]] = defaultdict(list)
        self.unknown = self.slips = 0
        patients = max(40, calls // 12)
        self.patients = [
            (f"sim-{n}", self.random.choice(usable()), self.random.choice(list(CLIENTS))) for n in range(patients)
        ]

    def calls_of(self, day: int) -> list[Call]:
        count = self.calls // DAYS + (day < self.calls % DAYS)
        chosen = self.random.sample(self.patients, min(count, len(self.patients)))
        start = midnight(day) + 8 * 3600
        return [
            Call(client, patient, fixture, f"enc-{patient}-{day // 3}", start + n * 30000 / max(1, count))
            for n, (patient, fixture, client) in enumerate(chosen)
        ]

    def take(self, call: Call, status: int, body: bytes) -> None:
        """Count an answer, and hold it against what must have been held back."""
        assert status == 200, (status, body)
        cards = json.loads(body)["cards"]
        client, day = CLIENTS[call.client], datetime.fromtimestamp(call.at, UTC).date()
        week = day - timedelta(days=day.weekday())
        everything, own_cards, shared = reference(call.fixture, day, client.max_cards or 3)
        whole = self.lines[week, call.client, reports.ALL]
        whole["calls"] += 1
        if client.silent:
            assert not cards
            for plan in everything:
                self.lines[week, call.client, plan] += Counter(
                    fired=1, **{"shown" if plan in own_cards else "folded": 1}
                )
            self.lines[week, call.client, "differential"]["shown"] += shared
            return
        shown, on_cards = set(own(cards)), advised(cards)
        for plan, (facts, indicator) in everything.items():
            fate = self.held(client, call, plan, facts, indicator) or ("shown" if plan in shown else "folded")
            if (fate in {"shown", "folded"}) is not (plan in on_cards):
                self.slips += 1
            self.lines[week, call.client, plan] += Counter({"fired": 1, fate: 1})
        self.lines[week, call.client, "differential"]["shown"] += any(_topic(card) == "differential" for card in cards)
        known = self.in_encounter.setdefault((call.client, call.encounter), {})
        for plan, (facts, indicator) in on_cards.items():
            known[plan] = (facts, indicator)
        for card in cards:
            if _topic(card) in on_cards:
                self.respond(card, Seen(call, _topic(card), *on_cards[_topic(card)], week))

    def held(self, client: Client, call: Call, plan: str, facts: frozenset[Any], indicator: int) -> str | None:
        if plan in client.plans_off:
            return "off"
        if indicator == 3:
            return None
        if client.snooze_days:
            for seen in self.by_patient[call.client, call.patient]:
                last = seen.last()
                recent = last is not None and last[0] >= int((call.at - client.snooze_days * 86400) * 1000)
                aside = last is not None and last[1] == "overridden" and last[2] != "will-do-later"
                if seen.plan == plan and recent and aside and facts <= seen.facts and indicator <= seen.indicator:
                    return "snoozed"
        if client.once_per_encounter:
            before = self.in_encounter.get((call.client, call.encounter), {}).get(plan)
            if before is not None and facts <= before[0] and indicator <= before[1]:
                return "repeated"
        return None

    def respond(self, card: Any, seen: Seen) -> None:
        """Let a clinician answer, or not; soon or late; sometimes twice, in contradiction, or with a wrong clock."""
        self.cards[card["uuid"]] = seen
        self.by_patient[seen.call.client, seen.call.patient].append(seen)
        day = int((seen.call.at - midnight(0)) // 86400)
        if self.random.random() < 0.5:
            return
        aside = 0.98 if self.drifting and day >= DAYS - 7 and seen.plan == DRIFTING else 0.6
        outcome = "overridden" if self.random.random() < aside or not card.get("suggestions") else "accepted"
        self.say(card, seen, outcome, day + self.random.randrange(1, 5))
        if self.random.random() < 0.05 and card.get("suggestions"):
            self.say(
                card, seen, "accepted" if outcome == "overridden" else "overridden", day + self.random.randrange(1, 7)
            )

    def say(self, card: Any, seen: Seen, outcome: str, on: int) -> None:
        received = midnight(on) + 6 * 3600 + self.random.random() * 3600
        said = (
            received + 86400
            if self.random.random() < 0.02
            else seen.call.at + self.random.random() * (received - seen.call.at)
        )
        moment = datetime.fromtimestamp(said, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry: dict[str, Any] = {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": moment}
        reason = None
        if outcome == "accepted":
            entry["acceptedSuggestions"] = [{"id": card["suggestions"][0]["uuid"]}]
        elif (reason := self.random.choice(REASONS)) is not None:
            spelling = self.random.choice(("overrideReason", "overrideReasons"))
            entry[spelling] = {"reason": {"code": reason}, "userComment": "Mrs Nachtwander said so"}
        exact = int(datetime.fromisoformat(moment).timestamp() * 1000 + 0.5)
        entries, heard = [entry], [(card["uuid"], exact, outcome, reason)]
        if self.random.random() < 0.01:
            entries.append({**entry, "card": str(uuid.UUID(int=self.random.getrandbits(128)))})
            self.unknown += on < DAYS
        body = json.dumps({"feedback": entries}).encode()
        client = seen.call.client
        for _ in range(2 if self.random.random() < 0.1 else 1):
            self.due[on].append((Message(client, body, received), heard))
        if self.random.random() < 0.02:  # half of it is no feedback: nothing of it may count
            bad = [{**entry, "outcomeTimestamp": moment.replace("Z", "1Z")}, {**entry, "outcome": "ignored"}]
            self.due[on].append((Message(client, json.dumps({"feedback": bad}).encode(), received, 422), []))

    def heard(self, message: Message, entries: Sequence[tuple[str, int, str, str | None]], status: int) -> None:
        assert status == message.status, status
        received = int(message.at * 1000)
        for card, said, outcome, reason in entries:
            self.cards[card].said.append(((min(said, received), received, 0), outcome, reason))

    def expected(self) -> dict[tuple[date, str, str], Counter[str]]:
        """Give the count with what was said last of each card."""
        for seen in self.cards.values():
            line = self.lines[seen.week, seen.call.client, seen.plan]
            last = seen.last()
            line[last[1] if last else "unanswered"] += 1
            if last and last[1] == "overridden":
                line[f"because {last[2] or reports.NO_REASON}"] += 1
        return self.lines


def midnight(day: int) -> float:
    return float((_TODAY + day) * 86400)


def simulate(database: str, folder: Path, calls: int, seed: int, *, drifting: bool = False) -> tuple[Month, list[Any]]:
    """Let a month pass; give its count, and what the workers say of themselves."""
    store = Store(database)
    store.migrate()
    store.close()
    warm_up(Settings())
    month = Month(calls, seed, drifting=drifting)
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(2):
        here, there = context.Pipe()
        process = context.Process(target=work, args=(there, database, folder / "patient.key"), daemon=True)
        process.start()
        there.close()  # so that its end is heard here
        pipes.append(here)
        processes.append(process)
    for pipe in pipes:
        assert pipe.recv() == "ready"
    for day in range(DAYS):
        said = month.due.pop(day, [])
        for (message, entries), (status, _) in zip(
            said, _shared(month, pipes, [message for message, _ in said]), strict=True
        ):
            month.heard(message, entries, status)
        made = month.calls_of(day)
        for call, (status, body) in zip(made, _shared(month, pipes, made), strict=True):
            month.take(call, status, body)
    told = []
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(None)
        told.append(pipe.recv())
        process.join(30)
    return month, told


def _shared(month: Month, pipes: Sequence[Connection], items: Sequence[Any]) -> list[tuple[int, bytes]]:
    """Let the workers share some work, and give the answers in order."""
    whose = [month.random.randrange(len(pipes)) for _ in items]
    for number, pipe in enumerate(pipes):
        pipe.send([item for item, worker in zip(items, whose, strict=True) if worker == number])
    answers = [iter(pipe.recv()) for pipe in pipes]
    return [next(answers[worker]) for worker in whose]


def differences(month: Month, found: reports.Report) -> list[str]:
    """Say in what a report differs from the simulation's own count."""
    slips = [] if not month.slips else [f"{month.slips} cards came, or stayed away, against expectation"]
    expected = month.expected()
    lines = {(line.week, line.client, line.plan): line for line in found.lines}
    for key in sorted({*expected, *lines}):
        line, count = lines.get(key), expected.get(key, Counter())
        if key[2] == reports.ALL:
            names = ["calls"]
        elif key[2] == "differential":
            names = ["shown"]
        else:
            names = list(COMPARED)
        for name in names:
            if (has := getattr(line, name, 0)) != count[name]:
                slips.append(f"{key[0]} {key[1]} {key[2]}: {name} {has}, not {count[name]}")
        if names != ["calls"] and line is not None:
            reasons = {name.removeprefix("because "): n for name, n in count.items() if name.startswith("because ")}
            if dict(line.reasons) != reasons:
                slips.append(f"{key}: reasons {dict(line.reasons)}, not {reasons}")
    if found.unknown_cards != month.unknown:
        slips.append(f"feedback on unknown cards: {found.unknown_cards}, not {month.unknown}")
    return slips


def main() -> int:
    """Simulate, compare, and say what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.feedback.month", description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drift", action="store_true", help=f"{DRIFTING} is set aside far more often in the last week")
    options = parser.parse_args()
    failed = _run("sqlite", options)
    try:
        failed |= _run("postgresql", options)
    except postgresql.NotInstalled as error:
        sys.stderr.write(f"{error}\n")
        failed = 1
    return failed


def _run(kind: str, options: argparse.Namespace) -> int:
    out = sys.stdout
    with tempfile.TemporaryDirectory() as name:
        if kind == "sqlite":
            return _compare(f"sqlite:///{name}/legwork.db", Path(name), options, out)
        with postgresql.running() as url:
            return _compare(url, Path(name), options, out)


def _compare(url: str, folder: Path, options: argparse.Namespace, out: Any) -> int:
    start = time.perf_counter()
    month, told = simulate(url, folder, options.calls, options.seed, drifting=options.drift)
    store = Store(url)
    begun = time.perf_counter()
    with store.snapshot() as connection:
        found = reports.report(connection, reports.Which())
    counting = time.perf_counter() - begun
    slips = differences(month, found)
    out.write(f"{url.partition(':')[0]}: {options.calls} calls and {len(month.cards)} cards of interest in ")
    out.write(f"{begun - start:.0f} s; report of {len(found.lines)} lines in {counting:.2f} s\n")
    out.write(f"  {_size(store, url) / options.calls / 1.024:.0f} KiB for 1,000 calls; ")
    out.write(f"lost {sum(one[1] for one in told)}, unlooked {sum(one[2] for one in told)}\n")
    out.write(f"  {len(slips)} differences\n" + "".join(f"    {slip}\n" for slip in slips[:20]))
    alarms = list(drift.alarms(found.lines))
    out.write(f"  {len(alarms)} alarms\n" + "".join(f"    {alarm}\n" for alarm in alarms[:20]))
    store.close()
    return int(bool(slips))


def _size(store: Store, url: str) -> int:
    with store.begin() as connection:
        if url.startswith("sqlite"):
            pages = connection.scalar(text("PRAGMA page_count")) or 0
            return int(pages) * int(connection.scalar(text("PRAGMA page_size")) or 0)
        query = text("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN :tables")
        named: BindParameter[Any] = bindparam("tables", [str(name) for name in metadata.tables], expanding=True)
        return int(connection.scalar(query.bindparams(named)) or 0)


if __name__ == "__main__":
    sys.exit(main())
