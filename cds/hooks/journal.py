"""What the service writes down of its answers, and remembers of a patient; answers wait for neither."""

import asyncio
import logging
import time
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from cards.account import VIEW, Fate, Known, Restraint, Told
from cards.models import Card
from cards.rendering import DIFFERENTIAL
from cds.chart.facts import Indicator
from cds.clients import Client
from cds.errors import NotKept, StoreError, place_of
from cds.hooks import replaying
from cds.hooks.answered import Answered, AsAnswered
from cds.services import differential, knowledge
from cds.settings import Settings
from cds.store import audit, feedback, memory, retention
from cds.store.database import Store
from cds.store.patients import PatientKey
from cds.store.recording import Record, Recorder, Rows
from cds.store.requests import packed
from cds.store.said import Said
from cds.store.tables import advice, calls, requests
from cds.store.tables import audit as trail

LONGEST_LOOK = 0.1
"""How long a call waits to learn what the patient's clinicians have seen [s]: usually a few thousandths."""

PAUSE = 1.0
"""After a look that took longer, nobody looks for this long [s]."""

LONGEST_KEEPING = 20.0
"""How long feedback may take to be kept [s]: a month's backlog in one message."""

MOST_WAITING_WHOLE = 100
"""Records that may wait for the database before requests are no longer kept as they came; the calls themselves are."""

_DAY = 86_400
_PURGE_EVERY = 3600.0
_log = logging.getLogger(__name__)


class Journal:
    """Writes down answers behind them, keeps feedback, and says what need not be said again."""

    def __init__(
        self, store: Store, key: PatientKey, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        """Take the database, the key of patients, what is to be kept and how long, and the clock [s since 1970]."""
        self._store, self._key, self._settings, self._clock = store, key, settings, clock
        self._retention = settings.retention_days * _DAY
        if settings.record:
            replaying.knowledge_now()
        self._purged = -_PURGE_EVERY
        self._no_look_until = 0.0
        self.recorder = Recorder(store, key.link, self._keep_up)
        self.unlooked = 0
        """Calls whose cards came without a look at what was seen, since it took too long."""

    @property
    def records(self) -> bool:
        """Whether requests are to be kept as they came; not while many wait, since each may be large."""
        return self._settings.record and self.recorder.waiting < MOST_WAITING_WHOLE

    def start(self) -> None:
        """See that patients are hashed as they always were, and begin to write.

        Raises:
            StoreError: the database was written with another key.
        """
        try:
            with self._store.begin() as connection:
                self._key.check(connection)
                memory.seen(connection, memory.Look("", "", since=0, again=("",), encounter=""))  # the first is slow
        except SQLAlchemyError as error:
            _log.error("the database is not to be had, and cards come without it: %s", place_of(error))
        self.recorder.start()

    def close(self) -> None:
        """Write what is waiting, within a bounded time."""
        self.recorder.close()

    def _keep_up(self) -> None:
        if time.monotonic() - self._purged > _PURGE_EVERY:
            self._purged = time.monotonic()
            retention.purge(self._store, int((self._clock() - self._retention) * 1000))

    async def restraint(self, client: Client, patient: str, encounter: str | None) -> Restraint:
        """Say what need not be said to a client of a patient; nothing is held back if that takes too long to learn."""
        by_encounter = encounter if client.once_per_encounter else None
        if not client.snooze_days and by_encounter is None:
            return Restraint(client.plans_off)
        found = await self._look(client, patient, by_encounter)
        known: dict[str, list[Known]] = {}
        for one in found:
            fate = Fate.SNOOZED if one.set_aside else Fate.REPEATED
            known.setdefault(one.plan, []).append(Known(fate, Indicator(one.indicator), one.facts, one.card))
        return Restraint(client.plans_off, known, self._key.facts)

    async def _look(self, client: Client, patient: str, encounter: str | None) -> Sequence[memory.Seen]:
        look = memory.Look(
            client=client.name,
            patient=self._key.patient(client.name, patient),
            since=int((self._clock() - client.snooze_days * _DAY) * 1000) if client.snooze_days else None,
            again=knowledge().overrides.again,
            encounter=self._key.encounter(client.name, encounter) if encounter else None,
        )
        try:
            if time.monotonic() < self._no_look_until:
                raise StoreError("the last look took too long")
            async with asyncio.timeout(LONGEST_LOOK):
                return await self._store.run(lambda connection: memory.seen(connection, look))
        except (StoreError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                self._no_look_until = time.monotonic() + PAUSE
            self.unlooked += 1
            if self.unlooked % 1000 == 1:
                _log.error("cards came %d times without a look at what was seen: %s", self.unlooked, place_of(error))
            return ()

    async def keep_feedback(self, client: Client, service: str, said: Sequence[Said]) -> None:
        """Keep all of a message.

        Raises:
            NotKept: the database is not to be had.
        """
        now = int(self._clock() * 1000)
        try:
            async with asyncio.timeout(LONGEST_KEEPING):
                await asyncio.to_thread(self._keep, client.name, service, said, now)
        except (SQLAlchemyError, TimeoutError) as error:
            _log.error("feedback on %d cards was not kept, and its sender told so: %s", len(said), place_of(error))
            raise NotKept("the feedback cannot be kept at the moment: send it again, nothing counts twice") from error

    def _keep(self, client: str, service: str, said: Sequence[Said], now: int) -> None:
        feedback.keep(self._store, feedback.rows_of(client, service, said, now, self._key), self._key.link)

    def note(self, answered: Answered) -> None:
        """Have an answer written down."""
        self.recorder.put(self._record(answered, int(self._clock() * 1000)))

    def _record(self, answered: Answered, at: int) -> Record:
        return lambda: self._rows(answered, at)

    def _rows(self, answered: Answered, at: int) -> Rows:
        client, id_ = answered.client, uuid.UUID(answered.id)
        patient, encounter = answered.patient, answered.encounter
        call = {
            "id": id_,
            "at": at,
            "client": client.name,
            "service": answered.service,
            "patient": self._key.patient(client.name, patient) if patient else None,
            "encounter": self._key.encounter(client.name, encounter) if encounter else None,
            "silent": client.silent,
            "evaluated": answered.evaluated,
            "duration": int(answered.duration * 1_000_000),
            "unknown": "; ".join(answered.unknown),
            "cards": self._sealed(answered.cards),
        }
        rows = [row for told in answered.told for row in self._rows_of(told)]
        user = self._key.user(client.name, answered.user) if answered.user else None
        whole = [] if answered.made is None else [self._whole(answered, answered.made)]
        return {
            calls: [call],
            advice: [{"call": id_, "number": number, **row} for number, row in enumerate(rows)],
            requests: whole,
            trail: [audit.of_call(call, user, rows)],
        }

    def _sealed(self, cards: Sequence[Card]) -> bytes | None:
        return self._key.seal(zlib.compress(msgspec.json.encode([_kept(c) for c in cards]), 1)) if cards else None

    def _whole(self, answered: Answered, made: AsAnswered) -> dict[str, Any]:
        recording = replaying.record(answered.service, answered.client, self._settings, made)
        return {"call": uuid.UUID(answered.id), "content": packed(recording, self._key)}

    def _rows_of(self, told: Told) -> list[dict[str, Any]]:
        about = {"plan": told.plan, "fate": told.fate, "card": told.card or None, "because": told.because or None}
        facts = " ".join(sorted(self._key.facts(told.facts())))
        if not told.advice:
            version = differential().knowledge.file.version if told.plan == DIFFERENTIAL else ""
            one = {"recommendation": VIEW, "version": version, "indicator": int(told.indicator), "unknown": False}
            return [{**about, **one, "leads": True, "facts": facts}]
        return [
            {
                **about,
                "recommendation": one.name,
                "version": one.plan.knowledge.file.version,
                "indicator": int(one.indicator),
                "leads": place == 0,
                "unknown": bool(one.unknown),
                "facts": facts if place == 0 else "",
            }
            for place, one in enumerate(told.advice)
        ]


def _kept(card: Card) -> Mapping[str, Any]:
    """Give what is kept of a card: what it says and why, and no reference to a patient's record."""
    advised = card.extension.advice if card.extension else ()
    return {
        "uuid": card.uuid,
        "summary": card.summary,
        "indicator": card.indicator,
        "source": card.source.label,
        "detail": card.detail,
        "suggestions": [{"uuid": one.uuid, "label": one.label} for one in card.suggestions],
        "advice": [
            {
                "plan": one.plan,
                "recommendation": one.recommendation,
                "indicator": one.indicator,
                "version": one.version,
                "status": one.status,
                "basis": [[basis.fact, basis.value, basis.unit, basis.on] for basis in one.basis],
                "unknown": one.unknown,
            }
            for one in advised
        ],
    }
