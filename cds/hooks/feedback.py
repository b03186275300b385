"""Feedback: what became of cards, read and checked as a whole. https://cds-hooks.hl7.org/2.0/#feedback.

Unknown members are ignored; optional ones that are null count as absent. Epic writes `overrideReasons`, and puts the
words of a reason into an extension. Errors name the member and never repeat what was sent, which may be anything.
"""

import asyncio
import logging
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Raw, Struct

from cds.clients import Client
from cds.errors import InvalidCall, NotJson, TooLarge
from cds.hooks.routes import as_json, client_of, read_body, service_of
from cds.settings import Settings
from cds.store.said import Said
from cds.telemetry.requests import current

if TYPE_CHECKING:
    from cds.hooks.journal import Journal  # SQLAlchemy, which development does without

MOST_ENTRIES = 100_000
"""Entries of one message: the backlog of a large hospital's month."""

_NAMED = 5
"""Faults that an answer names; of the others it says how many there are."""

_LARGE = 64 * 1024
"""From this size on a message is read in a thread, one at a time, so that calls need not wait for it [By]."""

_LONGEST_NAME, _LONGEST_TEXT, _MOST_SUGGESTIONS = 255, 20_000, 100
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d{1,30}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""https://www.rfc-editor.org/rfc/rfc3339#section-5.6."""
_WORDS_OF_REASON = "overrideReason.reasonDisplay"


@dataclass(slots=True)
class FeedbackRoute:
    """Takes feedback: all of a message, or nothing."""

    settings: Settings
    anybody: Client
    """The terms of whoever calls where callers prove nothing."""
    journal: "Journal | None"
    """Where it is kept; None in development without a database, where it is only checked."""
    _one_large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    @property
    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        router.add_route("/cds-services/{service_id}/feedback", self.take, methods=["POST"])
        return router

    async def take(self, request: Request) -> Response:
        """Take a message.

        Raises:
            UnknownService: no such service (404).
            HTTPException: the body is compressed (415).
            TooLarge: the body is over a limit (413).
            TooSlow: the body does not come (408).
            NotJson: the body is not JSON (400).
            InvalidCall: an entry is not as it should be (422).
            NotKept: the database is not to be had (503).
        """
        service, client = service_of(request), client_of(request, self.anybody)
        body = await read_body(request, self.settings.max_body_bytes)
        if len(body) < _LARGE:
            return await self._keep(client, service.id, read_feedback(body))
        async with self._one_large:
            return await self._keep(client, service.id, await asyncio.to_thread(read_feedback, body))

    async def _keep(self, client: Client, service: str, said: list[Said]) -> Response:
        current().feedback = len(said)
        if self.journal is None:
            _log.info(
                "feedback on %d cards is as it should be; it is not kept, for want of LEGWORK_DATABASE", len(said)
            )
            return as_json({"received": len(said), "kept": 0})
        await self.journal.keep_feedback(client, service, said)
        return as_json({"received": len(said), "kept": len(said)})


class _Accepted(Struct, gc=False):
    id: str


class _Reason(Struct, gc=False):
    code: str
    system: str | None = None
    display: str | None = None


class _Override(Struct, gc=False, rename="camel"):
    reason: _Reason | None = None
    user_comment: str | None = None
    extension: dict[str, Any] | None = None


class _Entry(Struct, gc=False, rename="camel"):
    card: str
    outcome: str
    outcome_timestamp: str
    accepted_suggestions: list[_Accepted] | None = None
    override_reason: _Override | None = None
    override_reasons: _Override | list[_Override] | None = None


class _Message(Struct, gc=False):
    feedback: list[Raw]


_message = msgspec.json.Decoder(_Message)
_entry = msgspec.json.Decoder(_Entry)
_anything = msgspec.json.Decoder(Raw)


_log = logging.getLogger(__name__)


class _Fault(ValueError):
    """An entry is not as it should be; the message says in what."""


def read_feedback(body: bytes) -> list[Said]:
    """Read a message.

    Raises:
        NotJson: the body is not JSON, or not UTF-8.
        InvalidCall: an entry lacks something, or contradicts itself; then none counts.
        TooLarge: there are too many entries.
    """
    try:
        body.decode()
        entries = _message.decode(body).feedback
    except msgspec.ValidationError as error:
        raise InvalidCall('the body must be {"feedback": [...]}, with an object for each card') from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson("the body is not JSON in UTF-8; send one JSON object as application/json") from error
    if len(entries) > MOST_ENTRIES:
        raise TooLarge(f"more than {MOST_ENTRIES} entries: send them in several messages")
    read: list[Said] = []
    faults: list[str] = []
    for place, entry in enumerate(entries):
        try:
            read.append(_said(entry))
        except _Fault as fault:
            faults.append(f"feedback[{place}]{fault}")
    if faults:
        more = f"; and {len(faults) - _NAMED} entries more" if len(faults) > _NAMED else ""
        raise InvalidCall("; ".join(faults[:_NAMED]) + more + "; nothing of the message was kept")
    return read


def _said(raw: Raw) -> Said:
    try:
        entry = _entry.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        words, _, place = str(error).partition(" - at `$")
        raise _Fault(f"{place.rstrip('`')}: {words}" if place else f": {words}") from error
    if entry.outcome not in {"accepted", "overridden"}:
        raise _Fault(".outcome: must be accepted or overridden; a card that was ignored is not reported")
    suggestions = [accepted.id for accepted in entry.accepted_suggestions or ()]
    if entry.outcome == "accepted" and not suggestions:
        raise _Fault(".acceptedSuggestions: must name what was accepted, by the uuids of the suggestions")
    if len(suggestions) > _MOST_SUGGESTIONS or not all(0 < len(one) <= _LONGEST_NAME for one in suggestions):
        raise _Fault(".acceptedSuggestions: each must be the uuid of a suggestion")
    reasons = list(_reasons(entry))
    reason = next((one.reason for one in reasons if one.reason), None)
    comments = [one.user_comment for one in reasons if one.user_comment]
    if reason is not None and not 0 < len(reason.code) <= _LONGEST_NAME:
        raise _Fault(".overrideReason.reason.code: must be a code")
    return Said(
        card=_card(entry.card),
        outcome=entry.outcome,
        at=_moment(entry.outcome_timestamp),
        suggestions=[_fit(one, _LONGEST_NAME) or "" for one in suggestions],
        reason=_fit(reason.code, _LONGEST_NAME) if reason else None,
        reason_system=_fit(reason.system, _LONGEST_NAME) if reason else None,
        reason_display=_fit((reason.display if reason else None) or _words(reasons), _LONGEST_TEXT),
        comment=_fit("\n".join(comments), _LONGEST_TEXT),
    )


def _reasons(entry: _Entry) -> Iterator[_Override]:
    """Give the reasons in either spelling."""
    many = entry.override_reasons
    listed = many if isinstance(many, list) else [many] if many else []
    for one in ([entry.override_reason] if entry.override_reason else []) + listed:
        if one.reason is None and not one.user_comment and not one.extension:
            raise _Fault(".overrideReason: must hold a reason, a userComment or both; leave it out where there is none")
        yield one


def _words(reasons: list[_Override]) -> str | None:
    for one in reasons:
        for name, value in (one.extension or {}).items():
            if name.endswith(_WORDS_OF_REASON) and isinstance(value, str):
                return value
    return None


def _card(card: str) -> str:
    if not card.strip() or len(card) > _LONGEST_NAME:
        raise _Fault(".card: must be the uuid of a card")
    try:
        return str(uuid.UUID(card))
    except ValueError:  # no card of ours; it is kept as it is
        return _fit(card, _LONGEST_NAME) or ""


def _fit(text: str | None, longest: int) -> str | None:
    """Make a text fit for every database; None where there is none."""
    return text[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}") if text else None


def _moment(text: str) -> int:
    """Read a moment [ms since 1970], of any zone and precision."""
    match = _MOMENT.fullmatch(text) if len(text) <= _LONGEST_NAME else None
    if match is not None:
        day, minute, second, fraction, zone = match.groups()
        second = "59" if second == "60" else second  # a leap second has no name in most clocks
        try:
            moment = datetime.fromisoformat(f"{day}T{minute}{second}{'+00:00' if zone in 'Zz' else zone}")
            return int(moment.astimezone(UTC).timestamp()) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
        except (ValueError, OverflowError):
            pass
    raise _Fault(".outcomeTimestamp: must be a moment such as 2026-03-01T12:00:00Z")
