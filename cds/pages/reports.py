"""The reports: what was advised and what became of it, for who may know. No patient and no free text is on them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from cds.errors import InvalidCall, NotAllowed, NotAvailable, place_of
from cds.hooks.statuses import HEADERS, JSON
from cds.pages.figures import sections
from cds.pages.html import Pages
from cds.services import plans
from cds.store import drift, reports
from cds.store.database import Store
from cds.store.reports import Report, Which

if TYPE_CHECKING:
    from cds.pages.login import Answer, Login  # itsdangerous

_log = logging.getLogger(__name__)

_WEEKS = 12
"""What is shown where no days are asked for."""
_DAYS = (date(2000, 1, 1), date(2199, 12, 31))
"""The days that can be asked for."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be shown: the filters of the page."""

    which: Which
    plan: str | None

    @classmethod
    def by(cls, request: Request, today: date) -> "Asked":
        """Read the filters; what is left empty is not asked for.

        Raises:
            InvalidCall: a day is none, or they are in the wrong order.
        """
        query = request.query_params
        until = _day(query.get("to"), "to")
        since = _day(query.get("from"), "from")
        if since is None:
            last = until or today
            since = last - timedelta(days=last.weekday(), weeks=_WEEKS - 1)
        if until is not None and since > until:
            raise InvalidCall("the first day is after the last one: change From or To")
        client, plan = (query.get(name, "")[:_LONGEST] or None for name in ("client", "plan"))
        return cls(Which(since, until, client), plan)

    @property
    def query(self) -> str:
        """Ask the same again."""
        which = self.which
        said = {"client": which.client, "plan": self.plan, "from": which.since, "to": which.until}
        return urlencode({name: value for name, value in said.items() if value is not None})


def _day(text: str | None, name: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidCall(f"{name}: must be a day such as 2026-03-01") from error
    if not _DAYS[0] <= day <= _DAYS[1]:
        raise InvalidCall(f"{name}: must be a day from {_DAYS[0]} to {_DAYS[1]}")
    return day


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to show."""

    report: Report
    alarms: Sequence[drift.Alarm]
    clients: Sequence[str]


def _find(connection: Connection, asked: Asked, today: date) -> Found:
    """Count; the weeks that rates are held against are looked at, whether or not they are shown."""
    which = asked.which
    found = reports.report(connection, which)
    last = which.until or today
    first = last - timedelta(days=last.weekday(), weeks=drift.WEEKS)
    judged = found
    if which.since is not None and which.since > first:
        judged = reports.report(connection, Which(first, which.until, which.client))
    alarms = [alarm for alarm in drift.alarms(judged.lines) if asked.plan in {None, alarm.plan}]
    return Found(found.of_plan(asked.plan), alarms, reports.clients(connection))


def _of_this_machine(answer: "Answer") -> "Answer":
    """Answer without a login, but no script of a foreign page: some may call this service (LEGWORK_CORS_ORIGINS)."""

    async def checked(request: Request) -> Response:
        if "origin" in request.headers:
            raise NotAllowed("the reports are not for other pages: open them in a window of their own")
        return await answer(request)

    return checked


class Reports:
    """Routes of the reports, behind a login where there is one."""

    def __init__(self, html: Pages, store: Store, login: "Login | None", clock: Callable[[], float]) -> None:
        self._html, self._store, self._login, self._clock = html, store, login, clock
        self._one_counted = asyncio.Semaphore(1)

    def routes(self) -> Sequence[Route]:
        """Route them."""
        answers = {"/reports": self.page, "/reports/figures.csv": self.csv, "/reports/figures.json": self.json}
        if self._login is None:
            return [Route(path, _of_this_machine(answer)) for path, answer in answers.items()]
        guarded = [self._login.guarded(path, answer) for path, answer in answers.items()]
        return [*guarded, *self._login.routes()]

    async def page(self, request: Request) -> Response:
        """Show the figures as drawings and tables, what drifts on top.

        Raises:
            InvalidCall: a filter is wrong (422).
            NotAvailable: the database is not to be had (503).
        """
        asked = Asked.by(request, self._today)
        found = await self._found(asked)
        logout = self._login.form(request) if self._login is not None else None
        return await run_in_threadpool(self._drawn, asked, found, logout)

    def _drawn(self, asked: Asked, found: Found, logout: str | None) -> Response:
        return self._html.page(
            "reports.html",
            "reports",
            asked=asked,
            report=found.report,
            alarms=found.alarms,
            clients=found.clients,
            plans=[(plan.topic, plan.knowledge.file.title) for plan in plans()],
            sections=sections(found.report.lines),
            logout=logout,
        )

    async def csv(self, request: Request) -> Response:
        """Give the figures for spreadsheets.

        Raises:
            InvalidCall, NotAvailable: as the page.
        """
        found = await self._found(Asked.by(request, self._today))
        return self._file(reports.as_csv(found.report), "text/csv; charset=utf-8", "csv")

    async def json(self, request: Request) -> Response:
        """Give the figures for machines.

        Raises:
            InvalidCall, NotAvailable: as the page.
        """
        found = await self._found(Asked.by(request, self._today))
        return self._file(reports.as_json(found.report, [alarm.as_row() for alarm in found.alarms]), JSON, "json")

    def _file(self, content: str, kind: str, ending: str) -> Response:
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="legwork-{self._today}.{ending}"'}
        return Response(content, headers=headers, media_type=kind)

    async def _found(self, asked: Asked) -> Found:
        async with self._one_counted:  # whoever looks at figures must not take the database from calls
            return await run_in_threadpool(self._counted, asked)

    def _counted(self, asked: Asked) -> Found:
        try:
            with self._store.snapshot() as connection:
                return _find(connection, asked, self._today)
        except SQLAlchemyError as error:
            _log.error("no figures for the reports, the database is not to be had: %s", place_of(error))
            raise NotAvailable("the database is not to be had: try again a little later") from error

    @property
    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).date()
