"""Map a function over items, in this process, in several, or on a Ray cluster: one bad item never takes the others with it.

    outcomes = in_order(map_items(ingest_one, sources, workers=4, label="ingest"))
    good = [o.result for o in outcomes if o.error is None]

A raised error, a worker killed by the kernel and an item that takes too long all become an Outcome with the kind of the
failure. We do not use concurrent.futures: one killed process breaks its whole pool, and a running item cannot be stopped.
"""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import pickle
import shutil
import signal
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from deepsport.errors import DeepSportError
from deepsport.files import disk_fault

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

MAX_ATTEMPTS = 2
"""How often an item is tried whose worker is killed: once more, for the kernel may have shot the wrong process."""
_THREADS = "OMP_NUM_THREADS"
"""Read by OpenBLAS, OpenMP and what is built with them, once, when they are loaded."""
_MAX_FALSE_STARTS = 3
_PATIENCE_S = 5.0
"""That an idle worker is given to end."""


class FailureKind(StrEnum):
    """Why an item has no result."""

    REFUSED = "refused"
    """The function raised a DeepSportError, or had no room to write: the message says why and what helps."""
    BUG = "bug"
    """Any other exception: a fault in our code, with its traceback."""
    KILLED = "killed"
    """Its worker died (out of memory, a crash in native code) at every attempt."""
    TIMEOUT = "timeout"
    """It ran longer than allowed and was stopped."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with an item; plain strings, so that it crosses processes and can be stored."""

    kind: FailureKind
    error_type: str
    """Name of the exception's class, e.g. ``MediaError``; empty when there was no exception."""
    message: str
    traceback: str = ""
    """For BUG."""

    @property
    def bug(self) -> bool:
        """Whether the fault is in the code and not in the item."""
        return self.kind is FailureKind.BUG


@dataclass(frozen=True, slots=True)
class Outcome(Generic[ItemT, ResultT]):
    """What became of one item: a result, or an error that says why there is none."""

    index: int
    """Position of the item in the input, from 0."""
    item: ItemT
    result: ResultT | None = None
    error: Failure | None = None

    @property
    def value(self) -> ResultT:
        """The result of an item that worked.

        Raises: ValueError when it did not.
        """
        if self.error is not None:
            raise ValueError(f"item {self.index} has no result: {self.error.message}")
        return self.result  # type: ignore[return-value]


Attempt: TypeAlias = tuple[Any, Failure | None]
"""An item's result, or why there is none."""


class OnResult(Protocol):
    """Called in the parent after each item, for a progress bar or a log line."""

    def __call__(self, label: str, num_done: int, num_items: int, outcome: Outcome[Any, Any]) -> None:
        """num_done counts this outcome; label is the map's."""


def map_items(
    function: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    *,
    workers: int = 1,
    cluster: str | None = None,
    label: str,
    on_result: OnResult | None = None,
    timeout_s: float | None = None,
) -> Iterator[Outcome[ItemT, ResultT]]:
    """One Outcome for each item, as they complete; ``in_order`` puts them in the order of the items.

    With one worker and no timeout everything runs in this process. Otherwise function, items and results must pickle, the
    function must live in an importable module, and a script needs ``if __name__ == "__main__":`` (workers are spawned).
    cluster is the address of a Ray cluster, whose machines then do the work, as many items at once as they have CPUs.
    timeout_s is per item, from the moment a worker takes it. Workers die with the iterator: on Ctrl-C, on ``close()``.
    Raises: ValueError for workers < 1 or a timeout <= 0; RuntimeError when workers cannot start; UserError when the cluster
    cannot be joined.
    """
    if workers < 1:
        raise ValueError(f"{label}: at least one worker is needed, got {workers}")
    if timeout_s is not None and timeout_s <= 0:
        raise ValueError(f"{label}: a timeout must be positive, got {timeout_s} s")
    listed = list(items)
    attempts: Generator[tuple[int, Attempt], None, None]
    if cluster is not None:
        from deepsport.cluster import attempts_on_cluster

        attempts = attempts_on_cluster(function, listed, cluster, label, timeout_s)
    elif workers == 1 and timeout_s is None:
        attempts = ((index, _attempt(function, item)) for index, item in enumerate(listed))
    else:
        attempts = _attempts_in_processes(function, listed, min(workers, len(listed)), label, timeout_s)
    return _reported(attempts, listed, label, on_result)


def in_order(outcomes: Iterable[Outcome[ItemT, ResultT]]) -> list[Outcome[ItemT, ResultT]]:
    """The outcomes in the order of their items, whatever order they completed in."""
    return sorted(outcomes, key=lambda outcome: outcome.index)


def _reported(
    attempts: Generator[tuple[int, Attempt], None, None], items: Sequence[ItemT], label: str, on_result: OnResult | None
) -> Iterator[Outcome[ItemT, Any]]:
    with closing(attempts):
        for num_done, (index, attempt) in enumerate(attempts, 1):
            outcome = Outcome(index, items[index], *attempt)
            if on_result is not None:
                on_result(label, num_done, len(items), outcome)
            yield outcome


def _attempt(function: Callable[[ItemT], object], item: ItemT) -> Attempt:
    try:
        return function(item), None
    except Exception as error:
        # The one place that catches everything: a fault in a step costs one item, with its traceback, not a night's run.
        return None, failure_of(error)


def failure_of(error: Exception) -> Failure:
    """An error that was just caught as a failure; with its traceback where it is a bug."""
    name = type(error).__name__
    if isinstance(error, DeepSportError):
        return Failure(FailureKind.REFUSED, name, str(error))
    if no_room := disk_fault(error):
        return Failure(FailureKind.REFUSED, name, no_room)
    return Failure(FailureKind.BUG, name, f"{name}: {error}", traceback.format_exc())


# ---- processes


def _work(connection: Connection, pickled_function: bytes, folder: str) -> None:
    """A worker's life: say that it is there, then one item after the other until the parent hangs up."""
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    try:
        connection.send_bytes(b"")
        while True:
            connection.send_bytes(reply_to(pickled_function, connection.recv_bytes()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        gc.freeze()  # what is loaded need not be looked through once more


def reply_to(pickled_function: bytes, task: bytes) -> bytes:
    """The pickled Attempt at a pickled item."""
    attempt: Attempt = _attempt(call_pickled, (pickled_function, task))
    try:
        return pickle.dumps(attempt)
    except Exception:  # pickling calls code of any class
        failure = Failure(FailureKind.BUG, "PicklingError", "the result cannot be pickled", traceback.format_exc())
        return pickle.dumps((None, failure))


def call_pickled(call: tuple[bytes, bytes]) -> object:
    """The result of a pickled function for a pickled item."""
    function, item = pickle.loads(call[0]), pickle.loads(call[1])
    return function(item)


@contextmanager
def _threads_shared(num_workers: int) -> Iterator[None]:
    """Processes started here have their share of the cores for BLAS and OpenMP, unless the user has said how many threads.

    Otherwise each has a thread for every core, and those wait for one another by counting: two films on two cores took twice the
    CPU, and as long as one after the other.
    """
    if _THREADS in os.environ:
        yield
        return
    os.environ[_THREADS] = str(max(1, (os.cpu_count() or 1) // num_workers))
    try:
        yield
    finally:
        del os.environ[_THREADS]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    folder: str
    """For its temporary files: what a killed worker leaves is gigabytes where items are films."""
    ready: bool = False
    index: int | None = None
    """The item it works on."""
    deadline: float = math.inf

    def dismiss(self) -> None:
        """Let it end by itself if it is idle, and give back what libraries have asked the system for."""
        if self.ready and self.index is None:
            self.connection.close()

    def end(self) -> None:
        if self.connection.closed:
            self.process.join(_PATIENCE_S)
        self.process.kill()
        self.process.join()
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(slots=True)
class _Crew:
    """The workers of one map: who does what, what waits, how often an item was lost."""

    label: str
    pickled_function: bytes
    items: Sequence[object]
    timeout_s: float | None
    waiting: deque[int]
    workers: list[_Worker] = field(default_factory=list)
    lost: dict[int, int] = field(default_factory=dict)
    news: list[tuple[int, Attempt]] = field(default_factory=list)
    """What the caller has not been told yet."""
    false_starts: int = 0

    def hire(self, num_workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        busy = sum(w.index is not None for w in self.workers)
        while len(self.workers) < min(num_workers, busy + len(self.waiting)):
            ours, theirs = context.Pipe()
            folder = tempfile.mkdtemp(prefix="deepsport-worker-")
            work = (theirs, self.pickled_function, folder)
            process = context.Process(target=_work, args=work, name=self.label, daemon=True)
            with _threads_shared(min(num_workers, len(self.items))):
                process.start()
            theirs.close()
            self.workers.append(_Worker(process, ours, folder))

    def give(self, worker: _Worker) -> None:
        """The next item to an idle worker, if there is one."""
        while worker.ready and worker.index is None and self.waiting:
            index = self.waiting.popleft()
            task = pickled_item(self.items[index])
            if isinstance(task, Failure):
                self.news.append((index, (None, task)))
                continue
            worker.index = index
            if self.timeout_s is not None:
                worker.deadline = time.monotonic() + self.timeout_s
            with suppress(BrokenPipeError, ConnectionResetError):  # died while idle: its sentinel tells
                worker.connection.send_bytes(task)

    def listen(self, worker: _Worker) -> None:
        """Take a worker's message: that it is ready, or what became of its item."""
        try:
            reply = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self.bury(worker)
            return
        if not worker.ready:
            worker.ready, self.false_starts = True, 0
            return
        index, worker.index, worker.deadline = worker.index, None, math.inf
        assert index is not None
        attempt, failure = _attempt(pickle.loads, reply)  # a result's class may refuse
        self.news.append((index, (None, failure) if attempt is None else attempt))

    def bury(self, worker: _Worker) -> None:
        """Let go of a dead worker; its item waits for another attempt, or is given up."""
        worker.end()
        self.workers.remove(worker)
        code = worker.process.exitcode
        if not worker.ready:
            self.false_starts += 1
            if self.false_starts >= _MAX_FALSE_STARTS:
                raise RuntimeError(
                    f"{self.label}: workers die while starting (exit code {code}); "
                    'guard the script with if __name__ == "__main__", or use workers=1'
                )
        if worker.index is None:
            return
        attempts = self.lost[worker.index] = self.lost.get(worker.index, 0) + 1
        if attempts < MAX_ATTEMPTS:
            self.waiting.append(worker.index)
            return
        how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        failure = Failure(FailureKind.KILLED, "", f"the worker died {attempts} times on this item ({how})")
        self.news.append((worker.index, (None, failure)))

    def stop_late(self) -> None:
        """Kill workers whose item ran out of time."""
        for worker in [w for w in self.workers if w.deadline <= time.monotonic()]:
            worker.end()
            self.workers.remove(worker)
            assert worker.index is not None
            self.news.append((worker.index, (None, Failure(FailureKind.TIMEOUT, "", f"stopped after {self.timeout_s:g} s"))))

    def wait(self) -> None:
        """Sleep until a worker says something, dies, or is late, and take note of it."""
        patience = min(w.deadline for w in self.workers) - time.monotonic()
        signs = [w.connection for w in self.workers] + [w.process.sentinel for w in self.workers]
        heard = set(wait(signs, None if patience == math.inf else max(0.0, patience)))
        for worker in list(self.workers):
            if worker.connection in heard:
                self.listen(worker)
            elif worker.process.sentinel in heard:
                self.bury(worker)
        self.stop_late()


def pickled_item(item: object) -> bytes | Failure:
    """The item for another process, or why it cannot go there."""
    try:
        return pickle.dumps(item)
    except Exception as error:  # pickling calls code of any class
        return Failure(FailureKind.BUG, type(error).__name__, f"the item cannot be pickled: {error}", traceback.format_exc())


def _attempts_in_processes(
    function: Callable[[Any], Any], items: Sequence[object], num_workers: int, label: str, timeout_s: float | None
) -> Generator[tuple[int, Attempt], None, None]:
    crew = _Crew(label, pickle.dumps(function), items, timeout_s, deque(range(len(items))))
    try:
        while crew.waiting or any(w.index is not None for w in crew.workers):
            crew.hire(num_workers)
            crew.wait()
            for worker in crew.workers:
                crew.give(worker)  # before the caller takes its time over the results
            news, crew.news = crew.news, []
            yield from news
    finally:
        for worker in crew.workers:
            worker.dismiss()
        for worker in crew.workers:
            worker.end()
