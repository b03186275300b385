"""How much of this process one client may have, so that no client's flood is felt by another."""

import math
import time
from dataclasses import dataclass, field

from cds.clients import RegisteredClient
from cds.errors import TooManyCalls

_AT_ONCE = 1
"""When to try again after too many calls at once [s]."""


@dataclass(slots=True)
class Allowance:
    """What a client has left: https://en.wikipedia.org/wiki/Token_bucket, and its calls in hand.

    It is counted in each worker process: a deployment of several lets a client have as many times that.
    """

    client: RegisteredClient
    in_hand: int = 0
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with a minute's calls."""
        self._left = self.client.limits.calls_per_minute
        self._at = time.monotonic()

    def check(self) -> None:
        """See that something is left, without using it.

        Raises:
            TooManyCalls: nothing is.
        """
        limits, now = self.client.limits, time.monotonic()
        a_second = limits.calls_per_minute / 60
        self._left = min(limits.calls_per_minute, self._left + (now - self._at) * a_second)
        self._at = now
        if self._left < 1:
            raise TooManyCalls(
                f"more than {limits.calls_per_minute} calls a minute: that is this client's limit",
                math.ceil((1 - self._left) / a_second),
            )
        if self.in_hand >= limits.concurrent:
            raise TooManyCalls(f"more than {limits.concurrent} calls at once: that is this client's limit", _AT_ONCE)

    def enter(self) -> None:
        """Use one call, which is in hand until `leave`.

        Raises:
            TooManyCalls: none is left.
        """
        self.check()
        self._left -= 1
        self.in_hand += 1

    def leave(self) -> None:
        """Say that a call is answered."""
        self.in_hand -= 1
