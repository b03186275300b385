"""What is told of one request, in the log and in the figures; filled in on its way, by whoever knows."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spoke:
    """What became of a plan's advice.

    Attributes:
        plan: its topic.
        version: its version.
        fate: a word of `cards.account.Fate`.
    """

    plan: str
    version: str
    fate: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was asked of a FHIR server.

    Attributes:
        seconds: how long all of it took [s].
        size: of the answers [B].
        keys: prefetch key -> why it is not wholly known; empty when it is.
    """

    seconds: float
    size: int
    keys: Mapping[str, str]


@dataclass(slots=True)
class Handled:
    """One request.

    Attributes:
        id: by which the answer, the log and the audit know it; made here, whatever the client sends.
        started: by the clock of `time.perf_counter` [s].
        service: the id of the service; empty for other addresses.
        instance: the hookInstance of a call, if it is the UUID that it must be; anything else might name somebody.
        client: who called, by the name in the clients' file.
        status: of the answer.
        seconds: how long it took [s].
        code: of an error's issue; of a token, the claim that was wrong.
        reason: of an error, in words for the log.
        size: of the body [B].
        cards: shown.
        feedback: cards that feedback was on.
        spoke: what became of each plan's advice.
        failed: plans that broke down.
        unknown: areas of the chart that were not to be had.
        left_out: why resources were left out -> how many.
        fetched: what was asked of a FHIR server.
        obstacle: why nothing was asked there.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.perf_counter)
    service: str = ""
    instance: str = ""
    client: str = ""
    status: int = 0
    seconds: float = 0.0
    code: str = ""
    reason: str = ""
    size: int = 0
    cards: int = 0
    feedback: int = 0
    spoke: Sequence[Spoke] = ()
    failed: Sequence[str] = ()
    unknown: Sequence[str] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    fetched: Fetched | None = None
    obstacle: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        reason = f": {self.reason}" if self.reason else ""
        return "; ".join((f"{self.id} answered {self.status} in {self.seconds * 1e3:.1f} ms{reason}", *self._more()))

    def _more(self) -> Iterator[str]:
        if self.service:
            yield f"{self.service} for {self.client or 'nobody'}, {self.size} bytes, {self.cards} cards"
        if self.feedback:
            yield f"feedback on {self.feedback} cards"
        if self.spoke:
            yield "plans: " + ", ".join(f"{one.plan} {one.version} {one.fate}" for one in self.spoke)
        if self.failed:
            yield f"failed: {', '.join(self.failed)}"
        if self.unknown:
            yield f"unknown: {', '.join(self.unknown)}"
        if self.left_out:
            yield "left out: " + ", ".join(f"{count} × {reason}" for reason, count in self.left_out.items())
        if self.obstacle:
            yield f"nothing fetched: {self.obstacle}"
        if fetched := self.fetched:
            lost = "".join(f", {key}: {reason}" for key, reason in fetched.keys.items() if reason)
            yield f"fetched {len(fetched.keys)} keys in {fetched.seconds * 1e3:.0f} ms, {fetched.size} bytes{lost}"


_current: ContextVar[Handled | None] = ContextVar("request", default=None)


def begin() -> Handled:
    """Begin a request; from now on it is this task's."""
    handled = Handled()
    _current.set(handled)
    return handled


def current() -> Handled:
    """Give the request that is being handled; outside of any, one that nobody is told of."""
    return _current.get() or Handled()


def correlation() -> str:
    """Give the id of the request that is being handled; empty outside of any."""
    handled = _current.get()
    return handled.id if handled is not None else ""
