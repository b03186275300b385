"""What texts mean, remembered from call to call within bounds."""

from collections.abc import Callable, Hashable
from typing import TypeVar

V = TypeVar("V")

_LONGEST = 500
"""Characters of a key that is remembered [1]: names and codes are shorter, and callers may send anything."""
_PARTS = 100
"""Parts of a key that is remembered [1]."""


class Remembered(dict[Hashable, V]):
    """The answers of a function by its arguments, `answers[a, b]`; when there are too many, it begins anew.

    Unlike `lru_cache` it keeps nothing that is long: a chart's letters do not stay in memory when its call is over,
    and no caller can fill it with megabytes.
    """

    __slots__ = ("_function", "_most")

    def __init__(self, function: Callable[..., V], most: int) -> None:
        """Take the function, which is given a key as its arguments, and how many answers are kept."""
        super().__init__()
        self._function, self._most = function, most

    def __missing__(self, key: tuple[Hashable, ...]) -> V:
        """Ask the function."""
        answer = self._function(*key)
        if _is_short(key):
            if len(self) >= self._most:
                self.clear()
            self[key] = answer
        return answer


def _is_short(key: tuple[Hashable, ...]) -> bool:
    """Whether a key, parts within parts counted, is one of names and codes."""
    length, left = 0, [*key[:_PARTS]]
    if len(key) > _PARTS:
        return False
    for count, part in enumerate(left):  # grows while it is walked
        if isinstance(part, str):
            length += len(part)
        elif isinstance(part, tuple):
            left += part[:_PARTS]
            length += len(part) * 8
        if length > _LONGEST or count > _PARTS:
            return False
    return True
