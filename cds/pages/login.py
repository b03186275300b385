"""Who may read the reports: a login, and the signed cookie by which it is remembered.

A session is a cookie that says until when it holds; nothing is kept of it here. Another password, another secret or
other values of the claim sign with another key, so that they end all sessions.
"""

import asyncio
import hmac
import logging
import secrets
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qs, urlsplit

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Route

from cds.errors import NotAllowed, TooManyCalls
from cds.hooks.routes import read_body
from cds.hooks.statuses import HEADERS
from cds.pages.html import Pages
from cds.passwords import LONGEST, Password

Answer = Callable[[Request], Awaitable[Response]]

HOURS = 8
"""How long a login holds: a working day."""

TRIES, TRIES_OF_ALL, PERIOD = 5, 50, 300.0
"""Wrong passwords from one address, and from all of them, within so many seconds; then nobody's are looked at."""

_LONGEST_QUERY = 500
_LONGEST_FORM = LONGEST * 12 + 1000
"""Bytes of the form: every character may take twelve of them, escaped."""

_log = logging.getLogger(__name__)


class Login(ABC):
    """A way to log in."""

    def __init__(self, html: Pages, key: str, clock: Callable[[], float]) -> None:
        """Take what draws pages, what signs sessions, and what tells the time."""
        self._html, self._clock = html, clock
        self._sessions = Middleware(
            SessionMiddleware,
            secret_key=key,
            session_cookie="legwork-reports",
            max_age=HOURS * 3600,
            path=f"{html.root}/reports",
            same_site="lax",
            https_only=urlsplit(html.address).scheme == "https",
        )

    @abstractmethod
    async def begin(self, request: Request) -> Response:
        """Ask who it is."""

    @abstractmethod
    def more(self) -> Sequence[Route]:
        """Route what else this way takes."""

    def routes(self) -> Sequence[Route]:
        """Route the login and the logout."""
        return [
            self._route("/reports/login", self.begin),
            self._route("/reports/logout", self.logout, "POST"),
            *self.more(),
        ]

    def guarded(self, path: str, answer: Answer) -> Route:
        """Route what is for those who are logged in; others log in first, and then come to what they asked for."""

        async def checked(request: Request) -> Response:
            if self._is_in(request):
                return await answer(request)
            query = request.url.query
            request.session["back"] = path + (f"?{query}" if 0 < len(query) <= _LONGEST_QUERY else "")
            return self._to("/reports/login")

        return self._route(path, checked)

    def _route(self, path: str, answer: Answer, method: str = "GET") -> Route:
        return Route(path, answer, methods=[method], middleware=[self._sessions])

    def _is_in(self, request: Request) -> bool:
        until = request.session.get("until")
        return isinstance(until, int | float) and self._clock() < until

    def _let_in(self, request: Request) -> Response:
        """Begin a session, and lead to what was asked for at first."""
        back = request.session.get("back", "/reports")
        request.session.clear()
        request.session["until"] = self._clock() + HOURS * 3600
        _log.info("somebody logged in to the reports")
        return self._to(back)

    async def logout(self, request: Request) -> Response:
        """End a session.

        Raises:
            NotAllowed: the form is not ours (403).
        """
        await self._read(request)
        request.session.clear()
        return self._html.page("logged_out.html", "reports")

    def form(self, request: Request) -> str:
        """Give what a form of ours must bring back, and no other page can know."""
        token: str = request.session.setdefault("form", secrets.token_urlsafe(16))
        return token

    async def _read(self, request: Request) -> dict[str, str]:
        """Read a form of ours.

        Raises:
            NotAllowed: another page sent it, or it was opened before the session ended.
        """
        body = await read_body(request, _LONGEST_FORM)
        sent = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        token = request.session.get("form", "")
        if not token or not hmac.compare_digest(token.encode(), sent.get("form", "").encode()):
            raise NotAllowed("this form has run out, or did not come from this service: open the reports anew")
        return sent

    def _to(self, path: str) -> Response:
        return RedirectResponse(self._html.root + path, status_code=303, headers=HEADERS)


class PasswordLogin(Login):
    """One password, for a small site."""

    def __init__(self, html: Pages, key: str, clock: Callable[[], float], password: Password) -> None:
        """Take the password beside what every way takes."""
        super().__init__(html, key, clock)
        self._password = password
        self._tries = Tries()
        self._one_tried = asyncio.Semaphore(1)

    def more(self) -> Sequence[Route]:
        """Route the form."""
        return [self._route("/reports/login", self.finish, "POST")]

    async def begin(self, request: Request) -> Response:
        """Show the form."""
        return self._asked(request)

    async def finish(self, request: Request) -> Response:
        """Look at a password.

        Raises:
            NotAllowed: the form is not ours (403).
            TooManyCalls: too many wrong passwords came (429).
        """
        sent = await self._read(request)
        who = request.client.host if request.client else ""
        async with self._one_tried:  # a try takes time and memory, on purpose
            self._tries.check(who)
            if await run_in_threadpool(self._password.is_it, sent.get("password", "")):
                return self._let_in(request)
            self._tries.failed(who)
        _log.warning("a wrong password for the reports")
        return self._asked(request, "This is not the password.", 403)

    def _asked(self, request: Request, problem: str = "", status: int = 200) -> Response:
        return self._html.page("login.html", "reports", status=status, form=self.form(request), problem=problem)


class Tries:
    """Wrong passwords of late, counted in each worker: by address, and all of them for those who come from many."""

    def __init__(self) -> None:
        self._failed: deque[tuple[float, str]] = deque(maxlen=TRIES_OF_ALL)

    def check(self, who: str) -> None:
        """See whether one may try.

        Raises:
            TooManyCalls: not now.
        """
        now = time.monotonic()
        while self._failed and self._failed[0][0] <= now - PERIOD:
            self._failed.popleft()
        mine = [moment for moment, other in self._failed if other == who]
        counted = [moment for moment, _ in self._failed] if len(self._failed) >= TRIES_OF_ALL else mine
        if len(counted) >= TRIES:
            wait = int(counted[0] + PERIOD - now) + 1
            raise TooManyCalls(f"too many wrong passwords: try again in {wait // 60 + 1} minutes", wait)

    def failed(self, who: str) -> None:
        """Count a wrong password."""
        self._failed.append((time.monotonic(), who))
