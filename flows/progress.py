"""Progress that a person sees: one line a stage with rich, or log lines where there is no terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from deepsport.engine import Outcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

log = logging.getLogger(__name__)
_LOG_EVERY_S = 20.0


class Reporter(Protocol):
    """Told how far a step has come; steps work without one."""

    def __call__(self, label: str, num_done: int, num_items: int) -> None:
        """num_items is 0 while nobody knows how many there are."""


def ignore(label: str, num_done: int, num_items: int) -> None:
    """A reporter that says nothing."""


class OnOutcome:
    """A reporter as the engine wants it."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def __call__(self, label: str, num_done: int, num_items: int, outcome: Outcome[Any, Any]) -> None:
        """Passes the count on."""
        self._reporter(label, num_done, num_items)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, label: str, num_done: int, num_items: int) -> None:
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=num_items or None)
        self._progress.update(self._tasks[label], completed=num_done, total=num_items or None)


class _Lines:
    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def __call__(self, label: str, num_done: int, num_items: int) -> None:
        now = time.monotonic()
        if num_done == num_items or now - self._said_at.setdefault(label, now) >= _LOG_EVERY_S:
            self._said_at[label] = now
            log.info("%s: %d of %s", label, num_done, num_items or "?")


@contextmanager
def shown(console: Console) -> Iterator[Reporter]:
    """A reporter for the time of a command: bars on a terminal, a log line now and then elsewhere."""
    if not console.is_terminal:
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description:14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)
