"""map_items: results in one process and in many, and what becomes of bad, slow and killed items."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from deepsport.engine import FailureKind, Outcome, in_order, map_items
from deepsport.errors import UserError

CHORES = """
import os, signal, time
from pathlib import Path

from deepsport.errors import MediaError


def double(item):
    return 2 * item


def setting(name):
    return os.environ.get(name)


def moody(item):
    if item == "refuse":
        raise MediaError("b17.mp4: no video stream; re-mux with -map 0:v")
    if item == "bug":
        return {}["missing"]
    if item == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "unpicklable":
        return lambda: 0
    if item == "slow":
        time.sleep(600)
    return item.upper()


def killed_once(marker):
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second time"


def with_lock(item):
    import multiprocessing
    global lock  # as tqdm makes one when it is loaded
    lock = multiprocessing.get_context("spawn").RLock()
    return item


def process_and_pause(item):
    time.sleep(0.2)
    return os.getpid()
"""


@pytest.fixture
def chores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of functions that spawned workers can import."""
    (tmp_path / "chores.py").write_text(CHORES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "chores", raising=False)
    import chores  # type: ignore[import-not-found]

    monkeypatch.delitem(sys.modules, "chores")
    sys.modules["chores"] = chores
    return chores


def kinds(outcomes: list[Outcome[Any, Any]]) -> list[Any]:
    return [o.result if o.error is None else o.error.kind for o in outcomes]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_has_one_outcome_in_order(chores: ModuleType, workers: int) -> None:
    outcomes = in_order(map_items(chores.double, range(25), workers=workers, label="double"))
    assert [(o.index, o.item, o.value) for o in outcomes] == [(i, i, 2 * i) for i in range(25)]


def test_workers_share_the_cores_unless_the_user_says_otherwise(chores: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(num_workers: int) -> list[str | None]:
        outcomes = map_items(chores.setting, ["OMP_NUM_THREADS"] * 3, workers=num_workers, label="ask")
        return [outcome.value for outcome in outcomes]

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert told(2) == ["3"] * 3 and told(9) == ["2"] * 3, "no more workers are started than there are items"
    assert told(1) == [None] * 3 and "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert told(2) == ["5"] * 3 and os.environ["OMP_NUM_THREADS"] == "5"


def test_no_items_start_no_worker(chores: ModuleType) -> None:
    assert list(map_items(chores.double, [], workers=3, label="double")) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_refusals_and_bugs_become_outcomes(chores: ModuleType, workers: int) -> None:
    outcomes = in_order(map_items(chores.moody, ["a", "refuse", "bug", "b"], workers=workers, label="moody"))
    assert kinds(outcomes) == ["A", FailureKind.REFUSED, FailureKind.BUG, "B"]
    refused, bug = outcomes[1].error, outcomes[2].error
    assert refused is not None and bug is not None
    assert (refused.error_type, refused.bug, refused.traceback) == ("MediaError", False, "")
    assert refused.message == "b17.mp4: no video stream; re-mux with -map 0:v"
    assert bug.bug and bug.error_type == "KeyError" and 'return {}["missing"]' in bug.traceback
    with pytest.raises(ValueError, match="item 2 has no result: KeyError: 'missing'"):
        _ = outcomes[2].value


def test_killed_worker_loses_only_its_item(chores: ModuleType) -> None:
    items = ["a", "killed", "b", "c", "unpicklable", "d"]
    outcomes = in_order(map_items(chores.moody, items, workers=2, label="moody"))
    assert kinds(outcomes) == ["A", FailureKind.KILLED, "B", "C", FailureKind.BUG, "D"]
    assert outcomes[1].error is not None
    assert outcomes[1].error.message == "the worker died 2 times on this item (SIGKILL)"


def test_item_whose_worker_was_killed_once_is_tried_again(chores: ModuleType, tmp_path: Path) -> None:
    outcomes = list(map_items(chores.killed_once, [str(tmp_path / "m0"), str(tmp_path / "m1")], workers=2, label="once"))
    assert kinds(outcomes) == ["second time", "second time"]


def test_worker_killed_from_outside_loses_nothing(chores: ModuleType) -> None:
    victims: set[int] = set()
    results = []
    for outcome in map_items(chores.process_and_pause, range(6), workers=2, label="pause"):
        results.append(outcome)
        if not victims:
            victims.add(outcome.value)
            os.kill(outcome.value, signal.SIGKILL)  # it is already at its next item
    assert sorted(o.index for o in results) == list(range(6))
    assert all(o.error is None for o in results)


def test_slow_item_is_stopped_and_the_rest_goes_on(chores: ModuleType) -> None:
    outcomes = in_order(map_items(chores.moody, ["slow", "a", "b"], workers=1, label="moody", timeout_s=1.5))
    assert kinds(outcomes) == [FailureKind.TIMEOUT, "A", "B"]
    assert outcomes[0].error is not None and outcomes[0].error.message == "stopped after 1.5 s"


def test_unpicklable_item_is_its_own_failure(chores: ModuleType) -> None:
    outcomes = in_order(map_items(chores.double, [1, lambda: 0, 3], workers=2, label="double"))
    assert kinds(outcomes) == [2, FailureKind.BUG, 6]


def test_progress_hears_of_every_outcome(chores: ModuleType) -> None:
    heard: list[tuple[str, int, int, bool]] = []

    def on_result(label: str, num_done: int, num_items: int, outcome: Outcome[Any, Any]) -> None:
        heard.append((label, num_done, num_items, outcome.error is None))

    list(map_items(chores.moody, ["a", "refuse"], label="ingest", on_result=on_result))
    assert heard == [("ingest", 1, 2, True), ("ingest", 2, 2, False)]


def test_senseless_numbers_are_refused_at_once(chores: ModuleType) -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        map_items(chores.double, [1], workers=0, label="double")
    with pytest.raises(ValueError, match="timeout must be positive"):
        map_items(chores.double, [1], timeout_s=0, label="double")


@pytest.fixture
def joined(chores: ModuleType, ray_cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a cluster that can import chores; this process leaves it after the test."""
    monkeypatch.chdir(tmp_path)  # Ray's workers look for modules where their driver began
    yield ray_cluster
    import ray

    ray.shutdown()


@pytest.mark.slow
def test_a_cluster_gives_the_outcomes_of_processes(chores: ModuleType, joined: str, tmp_path: Path) -> None:
    items = ["a", "refuse", "bug", "b", "killed", "unpicklable", lambda: 0, "c"]
    ours = in_order(map_items(chores.moody, items, workers=2, label="moody"))
    theirs = in_order(map_items(chores.moody, items, cluster=joined, label="moody"))
    assert kinds(theirs) == kinds(ours) and [o.item for o in theirs] == items
    for one, other in zip(ours, theirs, strict=True):
        if one.error is not None and one.error.kind is not FailureKind.KILLED:
            assert other.error is not None and other.error.message == one.error.message
    once = map_items(chores.killed_once, [str(tmp_path / "m0"), str(tmp_path / "m1")], cluster=joined, label="once")
    assert kinds(list(once)) == ["second time", "second time"]


@pytest.mark.slow
def test_a_cluster_stops_what_is_slow_and_what_nobody_waits_for(chores: ModuleType, joined: str, tmp_path: Path) -> None:
    outcomes = in_order(map_items(chores.moody, ["slow", "a"], cluster=joined, label="moody", timeout_s=4))
    assert kinds(outcomes) == [FailureKind.TIMEOUT, "A"]
    stopped = map_items(chores.moody, ["a", *["slow"] * 6], cluster=joined, label="moody")
    assert next(stopped).value == "A"
    stopped.close()  # type: ignore[attr-defined]
    # Both CPUs would be asleep for ten minutes.
    assert kinds(list(map_items(chores.moody, ["b"], cluster=joined, label="moody"))) == ["B"]


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told_with_the_remedy(chores: ModuleType) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=r"cannot be joined .* start it with `ray start --head`"):
        list(map_items(chores.double, [1], cluster="127.0.0.1:9", label="double"))


def test_workers_end_with_the_iterator(chores: ModuleType) -> None:
    outcomes = map_items(chores.process_and_pause, range(100), workers=2, label="pause")
    pid = next(outcomes).value
    outcomes.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_script_without_main_guard_gets_a_plain_error(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import math\nfrom deepsport.engine import map_items\nlist(map_items(math.sqrt, [1, 4], workers=2, label='roots'))\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=600)
    assert run.returncode == 1
    assert "roots: workers die while starting" in run.stderr.splitlines()[-1]


def test_what_workers_asked_the_system_for_is_given_back(chores: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "locks.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path.insert(0, {str(Path(chores.__file__).parent)!r})
            import {chores.__name__} as chores
            from deepsport.engine import map_items
            if __name__ == "__main__":
                print(sorted(o.result for o in map_items(chores.with_lock, [1, 2, 3], workers=2, label="locks")))
            """
        )
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=600)
    assert (run.stdout, run.stderr) == ("[1, 2, 3]\n", "")


def test_ctrl_c_stops_all_workers_promptly(chores: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text(
        textwrap.dedent(
            """
            from chores import process_and_pause, moody
            from deepsport.engine import map_items

            if __name__ == "__main__":
                print(next(map_items(process_and_pause, [1], workers=1, timeout_s=60, label="warm")).value, flush=True)
                list(map_items(moody, ["slow"] * 4, workers=2, label="long"))
            """
        )
    )
    run = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run.stdout is not None
    run.stdout.readline()
    time.sleep(6)  # both workers have to be at their long item, on a busy machine too
    started = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=300)  # the items would have taken ten minutes
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    with pytest.raises(ProcessLookupError):
        while time.monotonic() - started < 300:  # Python's own resource tracker follows its parent a moment later
            os.killpg(run.pid, 0)
            time.sleep(0.05)
