"""Replay: a recorded call answered anew, and what has changed where the answer is another."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import msgspec

from cards.account import Fate, Known, Restraint
from cds.chart.facts import Indicator
from cds.clients import Client
from cds.errors import MissingData
from cds.export.elements import RELEASE
from cds.fhir import prefetch
from cds.fhir.fetching import Question
from cds.hooks.answered import AsAnswered
from cds.hooks.answering import answer_again
from cds.reasoning import versions
from cds.services import SERVICES, knowledge, needs
from cds.settings import Settings
from cds.store.requests import Page, Recording, Seen

_UUID = re.compile(rb'"uuid":"[0-9a-f-]{36}"')
_TERMS = set(Client.model_fields)


@cache
def knowledge_now() -> dict[str, tuple[str, str]]:
    """Give version and fingerprint of all knowledge, as it was when first asked for: at the start."""
    return versions.current(knowledge().root)


def record(service: str, client: Client, settings: Settings, made: AsAnswered) -> Recording:
    """Put down all on which an answer rests."""
    seen = [Seen(plan, one.fate, one.indicator, sorted(one.facts), one.card) for plan, one in _known(made.restraint)]
    return Recording(
        service=service,
        day=made.day.isoformat(),
        body=without_token(made.body),
        fetched=[Page(a.need.key, a.reason, a.continues, [bytes(page) for page in a.pages]) for a in made.asked],
        obstacle=made.obstacle,
        terms=client.model_dump_json(include=_TERMS).encode(),
        address=settings.address,
        max_cards=settings.max_cards,
        seen=seen,
        release=RELEASE,
        knowledge=knowledge_now(),
        answer=msgspec.json.encode(made.answer) if made.answer is not None else b"",
        reason=made.reason,
    )


def _known(restraint: Restraint) -> Iterator[tuple[str, Known]]:
    return ((plan, one) for plan, listed in restraint.known.items() for one in listed)


def without_token(body: bytes) -> bytes:
    """Give a body without the token of its fhirAuthorization; all other members stay as they came, byte for byte."""
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if (authorization := members.get("fhirAuthorization")) is None:
        return body
    given = msgspec.json.decode(authorization)
    if not isinstance(given, dict):
        return body
    return msgspec.json.encode({**members, "fhirAuthorization": {**given, "access_token": "removed"}})


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    Attributes:
        equal: whether the answer is equal, byte for byte but for its uuids, which are made anew.
        knowledge: folders of knowledge that are others than then, and how.
        release: that of then and that of now, where they differ.
        difference: of the answers, line by line.
    """

    equal: bool
    knowledge: tuple[str, ...]
    release: str
    difference: tuple[str, ...]


def replay(recording: Recording, settings: Settings, hashed: Callable[[Iterable[str]], frozenset[str]]) -> Replayed:
    """Answer a recorded call anew, by the knowledge of now.

    Args:
        recording: the call.
        settings: how to run, but for what was recorded.
        hashed: gives facts the form in which what was seen was recorded.
    """
    client = Client.model_validate_json(recording.terms)
    settings = settings.model_copy(update={"public_url": recording.address, "max_cards": recording.max_cards})
    known: dict[str, list[Known]] = {}
    for one in recording.seen:
        fate = Known(Fate(one.fate), Indicator(one.indicator), frozenset(one.facts), one.card)
        known.setdefault(one.plan, []).append(fate)
    made = AsAnswered(
        body=recording.body,
        day=date.fromisoformat(recording.day),
        restraint=Restraint(client.plans_off, known, hashed),
        asked=[_question(page) for page in recording.fetched],
        obstacle=recording.obstacle,
    )
    try:
        answer = answer_again(SERVICES[recording.service], made, settings, client)
        now, reason = msgspec.json.encode(answer), ""
    except MissingData as error:
        now, reason = b"", str(error)
    before, after = _nameless(recording.answer) or recording.reason.encode(), _nameless(now) or reason.encode()
    return Replayed(
        equal=before == after,
        knowledge=tuple(_changes(recording.knowledge)),
        release=f"{recording.release}, now {RELEASE}" if recording.release != RELEASE else "",
        difference=tuple(_difference(before, after)),
    )


def _question(page: Page) -> Question:
    need = next(need for need in (prefetch.WHO, *needs()) if need.key == page.key)
    return Question(need, "", page.continues, list(map(msgspec.Raw, page.pages)), page.reason)


def _nameless(answer: bytes) -> bytes:
    """Give an answer without its uuids, which are made for each."""
    return _UUID.sub(b'"uuid":""', answer)


def _changes(then: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    now = knowledge_now()
    for folder in sorted({*then, *now}):
        old, new = then.get(folder), now.get(folder)
        if old is None or new is None:
            yield f"{folder}: {'came' if old is None else 'went'}"
        elif tuple(old) != new:
            yield f"{folder}: {old[0]}, now {new[0]}" if old[0] != new[0] else f"{folder}: {old[0]}, changed"


def _difference(before: bytes, after: bytes) -> Iterator[str]:
    lines = (_lines(before), _lines(after))
    return (line for line in difflib.unified_diff(*lines, "then", "now", lineterm="", n=1))


def _lines(answer: bytes) -> list[str]:
    try:
        return msgspec.json.format(answer, indent=1).decode().splitlines()
    except msgspec.DecodeError:  # no answer but the reason why there is none
        return [answer.decode()]
