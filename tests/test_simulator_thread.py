"""A minute of every sport that is filmed, through ingest and annotate as anybody's broadcasts go."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from deepsport.records import Broadcast, Clip, Event, Trajectory, Utterance
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
def test_a_minute_of_every_sport_becomes_questions_of_every_task(tmp_path: Path) -> None:
    recipe = load_recipe("tiny")
    manifest = make_broadcasts(tmp_path / "films", dict.fromkeys(FILMED, 1), 60.0, 40, recipe.simulate.simulator)
    workspace = open_workspace(tmp_path / "workspace")
    taken_in = run_ingest(workspace, recipe, [manifest])
    assert (taken_in.exit_code, taken_in.num_bad_items) == (0, 0)
    run_annotate(workspace, recipe, Settings())
    catalog = workspace.catalog
    sport_of = {broadcast.broadcast_id: broadcast.sport for broadcast in catalog.read(Broadcast)}
    assert sorted(sport_of.values()) == sorted(FILMED)
    heard = Counter(sport_of[utterance.broadcast_id] for utterance in catalog.read(Utterance))
    clips = Counter(clip.sport for clip in catalog.read(Clip))
    assert all(heard[sport] >= 5 and clips[sport] >= 6 for sport in FILMED), (heard, clips)

    asked = passed_questions(workspace, recipe)
    played = Counter(question_id for t in catalog.read(Trajectory, asked.units) for question_id in [t.question_id])
    events = {event.event_id: event for event in catalog.read(Event)}
    for sport in FILMED:
        questions = [question for question in asked.questions if question.sport is sport]
        assert {question.task for question in questions} == tasks_of(sport), sport
        assert sum(played[question.question_id] > 0 for question in questions) > 0.9 * len(questions), sport
        tactics = [question for question in questions if question.task is Task.TACTIC]
        for question in tactics:
            event = events[question.event_ids[0]]
            assert question.answers == (event.tactic or event.zone,)
        print(f"{sport:13} {clips[sport]:3} clips {len(questions):4} questions {heard[sport]:3} utterances")


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
