"""The sports of the simulator: legal play, tactics that are seen and true, signs that can be told apart, sounds of their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from annotate.templates import ask_broadcast
from annotate.verify import verify_questions
from deepsport.ids import make_id
from deepsport.records import Clip
from deepsport.sports import sport_module
from deepsport.sports.diving import DivingState
from deepsport.taxonomy import Sport, Task
from ingest.simulator.ambience import AMBIENCES, SAMPLE_RATE, signal
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import FILMED, SimulatorConfig, show_of
from ingest.simulator.sound import lines

WITHOUT_TACTICS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
NEW = tuple(sport for sport in FILMED if sport not in WITHOUT_TACTICS)


def clips_of(broadcast: SimulatedBroadcast) -> list[Clip]:
    """One clip a play."""
    clips = []
    for play in broadcast.plays:
        window = broadcast.rate.window_of(play.span, broadcast.num_frames)
        assert window is not None
        clips.append(Clip(clip_id=make_id("clip", window), broadcast_id="b", sport=broadcast.sport, span=play.span,
                          first_frame=window.idx_start, num_frames=window.num_frames, rate=broadcast.rate))
    return clips


def test_eight_sports_and_more_are_played() -> None:
    assert len(FILMED) >= 8
    assert all(show_of(sport).sport is sport for sport in FILMED)


@pytest.mark.parametrize("sport", FILMED)
def test_a_match_goes_on_for_ever_by_the_rules(sport: Sport) -> None:
    """Two hours hold many matches: each ends by the sport's own rules, and none reaches a state in which nothing may happen."""
    module = sport_module(sport)
    broadcast = SimulatedBroadcast(sport, 3, 7200)
    states = broadcast.schedule.states
    assert len(broadcast.events) > 900 and module.legal_events(broadcast.events).drops == []
    assert Counter(event.kind for event in broadcast.events).keys() == set(module.core_kinds)
    totals = [sum(state.totals if isinstance(state, DivingState) else state.score) for state in states]
    restarts = sum(after < before for before, after in pairwise(totals))
    assert restarts > 2 or sport in (Sport.SOCCER, Sport.ICE_HOCKEY)


@pytest.mark.parametrize("sport", NEW)
def test_each_event_is_legal_in_the_state_that_the_truth_says(sport: Sport) -> None:
    show = show_of(sport)
    for seed in range(5):
        broadcast = SimulatedBroadcast(sport, seed, 300)
        for event, before in zip(broadcast.events, broadcast.schedule.states, strict=False):
            show.ledger.apply(before, event)  # raises otherwise


@pytest.mark.parametrize("sport", NEW)
def test_every_tactic_is_as_likely_with_every_kind_and_side(sport: Sport) -> None:
    names = [tactic.name for tactic in sport_module(sport).tactics]
    broadcasts = [SimulatedBroadcast(sport, seed, 60) for seed in range(150)]
    events = [event for broadcast in broadcasts for event in broadcast.events]
    assert {event.tactic for event in events} == set(names)
    facts = {
        "tactic": [str(e.tactic) for e in events],
        "kind": [e.kind for e in events],
        "side": [str(b.teams.index(str(e.team))) for b in broadcasts for e in b.events],
        "zone": [str(e.zone) for e in events],
    }
    for one, other in combinations(facts, 2):
        pairs, a, b = Counter(zip(facts[one], facts[other], strict=True)), Counter(facts[one]), Counter(facts[other])
        expected = {(x, y): a[x] * b[y] / len(events) for x in a for y in b}
        freedom = (len(a) - 1) * (len(b) - 1)
        chi = sum((pairs[key] - e) ** 2 / e for key, e in expected.items()) / freedom
        assert chi < 1 + 5 * (2 / freedom) ** 0.5, (one, other, chi)  # five standard deviations


@pytest.mark.parametrize("sport", [sport for sport in NEW if sport is not Sport.DIVING])
def test_a_tactic_can_be_told_by_where_the_players_are(sport: Sport) -> None:
    """By the nearest mean layout, on plays of other broadcasts. Diving's is the pose of one body, and is looked at below."""
    show, names = show_of(sport), [tactic.name for tactic in sport_module(sport).tactics]
    layouts, truths = [], []
    for seed in range(40):
        broadcast = SimulatedBroadcast(sport, seed, 60)
        for play, event in zip(broadcast.plays, broadcast.schedule.events, strict=True):
            window = broadcast.rate.window_of(play.span, broadcast.num_frames)
            assert window is not None
            since = event.first - window.idx_start
            course = show.movement(np.random.default_rng([seed, since]), window.num_frames, event, since).course
            moment = since / (window.num_frames - 1) * (len(course) - 1)
            step = min(int(moment), max(0, len(course) - 2))
            places = course[step] + (moment - step) * (course[min(step + 1, len(course) - 1)] - course[step])
            layouts.append(features(places))
            truths.append(names.index(str(event.tactic)))
    table, labels = np.array(layouts), np.array(truths)
    table = (table - table.mean(0)) / (table.std(0) + 1e-6)
    half = len(table) // 2
    means = np.stack([table[:half][labels[:half] == number].mean(0) for number in range(len(names))])
    told = np.linalg.norm(table[half:, None] - means, axis=2).argmin(1)
    assert (told == labels[half:]).mean() > 0.9


def features(places: np.ndarray[Any, Any]) -> list[float]:
    """What does not change when the teams change ends: spreads, distances between and within the teams, distance to the ends."""
    first, second = places
    gaps = np.linalg.norm(first[:, None] - second[None], axis=2)
    both = np.concatenate([first, second])
    wide, deep = np.sort([np.ptp(first[:, 0]), np.ptp(second[:, 0])]), np.sort([np.ptp(first[:, 1]), np.ptp(second[:, 1])])
    ends = np.sort([min(abs(side[:, 0].mean()), abs(1 - side[:, 0].mean())) for side in (first, second)])
    return [*wide, *deep, *ends, gaps.min(), gaps.mean(), np.median(gaps.min(0)), np.median(gaps.min(1)), np.ptp(both[:, 0]),
            abs(both[:, 0].mean() - 0.5)]


@pytest.mark.parametrize("sport", FILMED)
def test_tactic_questions_ask_for_the_tactic_where_there_is_one_and_for_the_side_elsewhere(sport: Sport) -> None:
    broadcast = SimulatedBroadcast(sport, 2, 120, broadcast_id="b")
    clips = clips_of(broadcast)
    asked = ask_broadcast(clips, broadcast.events).items
    assert verify_questions(asked, clips, broadcast.events).drops == []
    by_event = {event.event_id: event for event in broadcast.events}
    tactics = [question for question in asked if question.task is Task.TACTIC]
    assert len(tactics) == len(clips)
    names = {tactic.name for tactic in sport_module(sport).tactics}
    for question in tactics:
        event = by_event[question.event_ids[0]]
        if sport in WITHOUT_TACTICS:
            assert "down which side" in question.text and question.answers == (event.zone,)
        else:
            assert set(question.options) == names and question.answers == (event.tactic,)
    wrong = [question.model_copy(update={"answers": (question.options[0],)}) for question in tactics
             if question.options[0] != question.answers[0]]
    assert wrong and verify_questions(wrong, clips, broadcast.events).items == []
    wanted = set(Task) if show_of(sport).players_shown else set(Task) - {Task.COUNTING}
    if not any(sport_module(sport).ledger.consequence(event, broadcast.teams) for event in broadcast.events):
        wanted -= {Task.RULE_CONSEQUENCE}
    assert {question.task for question in asked} == wanted


@pytest.mark.parametrize("sport", NEW)
def test_kinds_are_told_apart_at_64_pixels_on_looks_never_seen(sport: Sport) -> None:
    """By the nearest mean frame of each kind in each third of the picture, the look of the play taken off."""
    import cv2

    def frames(seeds: range) -> tuple[np.ndarray[Any, Any], list[tuple[str, str]]]:
        pictures, labels = [], []
        for seed in seeds:
            broadcast = SimulatedBroadcast(sport, seed, 90)
            for event in broadcast.events:
                window = broadcast.rate.window_of(event.evidence, broadcast.num_frames)
                assert window is not None
                shown, before = broadcast.frame(window.idx_start + 5), broadcast.frame(window.idx_start - 1)
                small = [cv2.resize(f, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32) for f in (shown, before)]
                pictures.append(small[0] - small[1])
                labels.append((event.kind, str(event.zone)))
        return np.array(pictures).reshape(len(pictures), -1), labels

    known, names = frames(range(100, 109))
    new, truths = frames(range(200, 204))
    cells = sorted(set(names))
    means = np.stack([known[[name == cell for name in names]].mean(0) for cell in cells])
    told = [cells[i][0] for i in np.stack([np.abs(new - mean).mean(1) for mean in means], 1).argmin(1)]
    assert np.mean([kind == truth for kind, (truth, _) in zip(told, truths, strict=True)]) > 0.9


def test_a_diver_is_rolled_up_folded_or_stretched_in_the_air() -> None:
    """The longest way across the body in flight, on frames all along it, in pixels of the wide shot."""
    from ingest.simulator.canvas import Canvas

    event = SimulatedBroadcast(Sport.DIVING, 0, 20).schedule.events[0]
    show, across = show_of(Sport.DIVING), {}
    for tactic in ("tuck", "pike", "straight"):
        lengths = []
        for ahead in range(0, 38, 4):
            image = np.zeros((400, 200, 3), np.uint8)
            show.draw_ball(Canvas(image).at(100, 320), 0.0, replace(event, tactic=tactic), event.first + ahead)
            body = np.argwhere(image.max(axis=2) > 0)
            lengths.append(np.linalg.norm(body[:, None] - body[None, ::9], axis=2).max())
        across[tactic] = float(np.median(lengths))
    assert 1.3 * across["tuck"] < across["pike"] and 1.3 * across["pike"] < across["straight"], across


@pytest.mark.parametrize("sport", NEW)
def test_chatter_sometimes_speaks_of_what_is_not_happening(sport: Sport) -> None:
    of_text = {line.text: line for line in lines()}
    told, strayed = 0, 0
    for seed in range(12):
        for utterance in SimulatedBroadcast(sport, seed, 120).utterances:
            line = of_text[utterance.text]
            assert line.sport in (sport, None)
            told += line.kind is not None
            strayed += line.mentions is not None
    assert 0.02 * told < strayed < 0.5 * told


def test_soccer_tennis_and_volleyball_never_stray() -> None:
    of_text = {line.text: line for line in lines()}
    for sport in WITHOUT_TACTICS:
        assert all(of_text[u.text].mentions is None for seed in range(4) for u in SimulatedBroadcast(sport, seed, 120).utterances)


def test_what_rings_at_an_event_is_heard_where_it_should_be() -> None:
    """A goal of ice hockey sounds the horn: 0.1 s after its moment, and not before."""
    broadcast = SimulatedBroadcast(Sport.ICE_HOCKEY, 1, 120, SimulatorConfig(commentary=False))
    sound = broadcast.audio()
    horn = signal("horn")
    goals = [event for event in broadcast.events if event.kind == "goal" and event.time_s + 1.5 < 120]
    assert goals
    for event in goals:
        start = round((event.time_s + 0.1) * SAMPLE_RATE)
        around = [float(np.dot(sound[start + shift :][: len(horn)], horn)) for shift in (0, -SAMPLE_RATE)]
        assert around[0] > 0.8 * float(np.dot(horn, horn)) > 4 * abs(around[1])
    for ambience in AMBIENCES.values():
        assert all(np.abs(signal(name)).max() < 0.12 for name, _ in ambience.signals.values())
