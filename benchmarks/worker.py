"""A process beside ours, for what must not share our heap, our collector or our core's time."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """A fresh process that does what it is given, one thing after the other; leaving the context ends it."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        """Give the worker."""
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """End the process."""
        self._pool.shutdown(cancel_futures=True)

    def begin(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Let it do something, and go on meanwhile."""
        return self._pool.submit(function, *args, **kwargs)

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Let it do something, and wait for the result."""
        return self.begin(function, *args, **kwargs).result()
