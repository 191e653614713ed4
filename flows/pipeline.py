"""The stages as Prefect flows: one a stage, and ``pipeline`` for all. Prefect schedules, retries, shows; the work is elsewhere.

A task is a whole stage: Prefect's price is 14 ms to 1 s a task (measured), and each stage already keeps its own account, skips
what is done and goes on after a kill. So a run that dies is mended by running it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import Flow, flow, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from deepsport.errors import UserError
from flows.running import RUNNERS, run_stage
from flows.session import account, open_session
from flows.stage import StageFailed


def _worth_another_try(task: Any, run: TaskRun, state: State[Any]) -> bool:
    """A person's mistake and too many bad items fail the same way again; a fault of disk or network may not."""
    return not isinstance(state.data, UserError | StageFailed)


@task(retries=2, retry_delay_seconds=[10, 60], retry_condition_fn=_worth_another_try, task_run_name="{stage}")
def stage_task(stage: str, workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> tuple[str, int]:
    """Runs a stage; gives its account in a line, and its exit code."""
    session = open_session(
        workspace=Path(workspace), recipe=recipe, overrides=overrides, workers=workers, needs_workspace=False
    )
    result = run_stage(session, stage, places)
    return account(result), result.exit_code


def _run(stages: Sequence[str], workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    accounts = [stage_task(stage, workspace, recipe, overrides, workers, places) for stage in stages]
    quarantined = sum(code != 0 for _, code in accounts)
    lines = "; ".join(line for line, _ in accounts)
    # A run with quarantined items has done its work: it is completed, under a name that shows in the list of runs.
    return Completed(message=lines, name="Quarantined" if quarantined else "Completed")


@flow
def ingest(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Takes in what is new in the places."""
    return _run(["ingest"], workspace, recipe, overrides, workers, places)


@flow
def annotate(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Asks questions about what was ingested."""
    return _run(["annotate"], workspace, recipe, overrides, workers, places)


@flow
def curriculum(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Grades and orders the questions."""
    return _run(["curriculum"], workspace, recipe, overrides, workers, places)


@flow
def export(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Writes the shards."""
    return _run(["export"], workspace, recipe, overrides, workers, places)


@flow
def train(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Trains the models."""
    return _run(["train"], workspace, recipe, overrides, workers, places)


@flow
def evaluate(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Measures the models."""
    return _run(["evaluate"], workspace, recipe, overrides, workers, places)


@flow
def report(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """Writes the report."""
    return _run(["report"], workspace, recipe, overrides, workers, places)


@flow
def pipeline(workspace: str, recipe: str, overrides: list[str], workers: int, places: list[str]) -> State[Any]:
    """All stages in order."""
    return _run(list(RUNNERS), workspace, recipe, overrides, workers, places)


FLOWS: dict[str, Flow[..., Any]] = {
    found.name: found for found in (pipeline, ingest, annotate, curriculum, export, train, evaluate, report)
}
"""Every flow by name."""
