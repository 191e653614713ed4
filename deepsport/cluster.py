"""The engine on a Ray cluster that is there already: a task of one CPU for each item. `deepsport.engine.map_items` is the way in.

What becomes of bad, slow and killed items is as in processes of one's own; a task's time runs from when a machine begins it. All
machines need DeepSport, and the workspace and films under the same paths.
"""

from __future__ import annotations

import logging
import pickle
import socket
from collections.abc import Callable, Generator, Sequence
from typing import Any

from deepsport.engine import (
    MAX_ATTEMPTS,
    Attempt,
    Failure,
    FailureKind,
    call_pickled,
    failure_of,
    map_items,
    pickled_item,
    reply_to,
)
from deepsport.errors import UserError


def attempts_on_cluster(
    function: Callable[[Any], Any], items: Sequence[object], address: str, label: str, timeout_s: float | None
) -> Generator[tuple[int, Attempt], None, None]:
    """Index, and result or failure, of each item as they complete. address: ``auto``, or ``host:port`` of the cluster's head.

    Raises: UserError when Ray is not installed or no cluster answers.
    """
    ray = _joined(address)
    work = ray.remote(num_cpus=1, max_retries=0)(_work).options(name=label)
    pickled_function = pickle.dumps(function)
    running: dict[Any, int] = {}
    lost: dict[int, int] = {}

    def begin(index: int, task: bytes) -> None:
        running[work.remote(pickled_function, task, label, timeout_s)] = index

    tasks = [pickled_item(item) for item in items]
    try:
        for index, task in enumerate(tasks):
            if isinstance(task, Failure):
                yield index, (None, task)
            else:
                begin(index, task)
        while running:
            (ref,), _ = ray.wait(list(running))
            index, task = running[ref], tasks[running.pop(ref)]
            assert isinstance(task, bytes)
            try:
                yield index, pickle.loads(ray.get(ref))
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError) as error:
                lost[index] = lost.get(index, 0) + 1
                if lost[index] < MAX_ATTEMPTS:
                    begin(index, task)
                    continue
                message = f"the worker died {lost[index]} times on this item ({type(error).__name__})"
                yield index, (None, Failure(FailureKind.KILLED, "", message))
            except Exception as error:  # a machine without our code, a result whose class refuses
                yield index, (None, failure_of(error))
    finally:
        for ref in running:
            ray.cancel(ref, force=True)


def _joined(address: str) -> Any:
    """The module ``ray``, connected to the cluster."""
    try:
        import ray
    except ImportError as error:
        raise UserError(f"the Ray cluster {address}: needs Ray ({error}); pip install 'deepsport[ray]'") from error
    if not ray.is_initialized():
        host, _, port = address.rpartition(":")
        try:
            if host:  # Ray itself would try for minutes where nobody is
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            detail = str(error).splitlines()[0]
            raise UserError(
                f"the Ray cluster {address}: cannot be joined ({detail}); start it with `ray start --head`, or unset "
                "DEEPSPORT_RAY_ADDRESS"
            ) from error
    return ray


def _work(pickled_function: bytes, task: bytes, label: str, timeout_s: float | None) -> bytes:
    """What runs on a machine of the cluster; an item with a limit of time in a process of its own, which can be stopped."""
    if timeout_s is None:
        return reply_to(pickled_function, task)
    (outcome,) = map_items(call_pickled, [(pickled_function, task)], label=label, timeout_s=timeout_s)
    return pickle.dumps((outcome.result, outcome.error))
