"""A minute of every sport that is filmed, through ingest and annotate as anybody's broadcasts go."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepsport.records import Clip, Event, Trajectory, Utterance
from deepsport.settings import Settings
from deepsport.sports import sport_module
from deepsport.taxonomy import Sport, Task
from flows.questions import passed_questions, run_annotate
from flows.recipe import load_recipe
from flows.simulation import make_broadcasts
from flows.stages import run_ingest
from flows.workspace import open_workspace
from ingest.simulator.schedule import FILMED, show_of


@pytest.mark.slow
@pytest.mark.parametrize("sport", FILMED)
def test_a_minute_of_it_becomes_questions_of_every_task(sport: Sport, tmp_path: Path) -> None:
    recipe = load_recipe("tiny")
    manifest = make_broadcasts(tmp_path / "films", {sport: 1}, 60.0, 40, recipe.simulate.simulator)
    workspace = open_workspace(tmp_path / "workspace")
    taken_in = run_ingest(workspace, recipe, [manifest])
    assert (taken_in.exit_code, taken_in.num_bad_items) == (0, 0)
    run_annotate(workspace, recipe, Settings())
    catalog = workspace.catalog
    num_heard, num_clips = len(catalog.read(Utterance)), len(catalog.read(Clip))
    assert num_heard >= 5 and num_clips >= 6

    asked = passed_questions(workspace, recipe)
    assert {question.task for question in asked.questions} == tasks_of(sport)
    played = {trajectory.question_id for trajectory in catalog.read(Trajectory, asked.units)}
    assert sum(question.question_id in played for question in asked.questions) > 0.9 * len(asked.questions)
    events = {event.event_id: event for event in catalog.read(Event)}
    for question in asked.questions:
        if question.task is Task.TACTIC:
            event = events[question.event_ids[0]]
            assert question.answers == (event.tactic or event.zone,)
            assert (event.tactic is None) == (sport in (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL))
    print(f"{sport}: {num_clips} clips, {len(asked.questions)} questions, {num_heard} utterances")


def tasks_of(sport: Sport) -> set[Task]:
    """The tasks that a sport's events allow: nobody counts where always one athlete acts, and dives have no consequence."""
    wanted = set(Task)
    if show_of(sport).players_shown is None:
        wanted.discard(Task.COUNTING)
    module = sport_module(sport)
    teams = ("one", "other")
    event = Event.model_construct(sport=sport, team="one", event_id="e")
    kinds = [event.model_copy(update={"kind": kind}) for kind in module.core_kinds]
    if not any(module.ledger.consequence(each, teams) for each in kinds):
        wanted.discard(Task.RULE_CONSEQUENCE)
    return wanted
