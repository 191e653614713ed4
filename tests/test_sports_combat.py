"""Fencing and boxing: hand-worked bouts, laws of every bout, and what can be asked of any ledger."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.boxing import BOXING, BoxingLedger, name_decision
from deepsport.sports.fencing import FENCING, FencingLedger
from deepsport.sports.fencing_rules import TOUCHES
from deepsport.sports.queries import by_the_other, counterfactual, deciding_events, state_at
from deepsport.sports.rules import find_rules
from deepsport.sports.soccer import SoccerLedger
from deepsport.sports.tennis import TennisLedger
from deepsport.sports.volleyball import VolleyballLedger
from deepsport.taxonomy import Sport
from deepsport.timebase import Span

TEAMS = ("green", "red")
EVEN_ROUND = (10, 10) * 3


def event(ledger, kind, team=None, number=0, **fields):
    return Event(event_id=f"event-{number}", broadcast_id="b", sport=ledger.sport, kind=kind, time_s=float(number),
                 evidence=Span(start_s=number, end_s=number + 0.5), team=team, **fields)


def record(ledger, *steps):
    """Events from (kind, team) or (kind, team, fields) or kind."""
    full = [(step,) if isinstance(step, str) else step for step in steps]
    return [event(ledger, step[0], step[1] if len(step) > 1 else None, number, **(step[2] if len(step) > 2 else {}))
            for number, step in enumerate(full)]


def play(ledger, state, *steps):
    return ledger.replay(state, record(ledger, *steps))


def cards(*marks):
    return ("scorecards", None, {"marks": marks})


def random_bout(ledger, seed, length, start=None):
    """Legal events: at each state one of those that the ledger allows."""
    rng = random.Random(seed)
    state = ledger.start(TEAMS) if start is None else start
    events = []
    for number in range(length):
        allowed = ledger.possible(state)
        if not allowed:
            break
        kind, team = rng.choice(allowed)
        made = ledger.probe(state, kind, team).model_copy(update={"event_id": f"event-{number}", "time_s": float(number)})
        if kind == "scorecards":
            rounds = [rng.choice(((10, 9), (9, 10), (10, 8), (10, 10))) for _ in range(len(made.marks) // 2)]
            made = made.model_copy(update={"marks": tuple(float(mark) for card in rounds for mark in card)})
        events.append(made)
        state = ledger.apply(state, made)
    return events


def accepts(ledger, events):
    try:
        ledger.replay(ledger.start(TEAMS), events)
    except ImpossibleEvent:
        return False
    return True


def mutations(ledger, events, rng, count):
    """The record with one event dropped, doubled, swapped with the next, or given to another kind or team."""
    for _ in range(count):
        index = rng.randrange(len(events))
        kind = rng.choice(ledger.kinds)
        changed = event(ledger, kind.kind, rng.choice(TEAMS) if "team" in kind.carries else None, index,
                        marks=tuple(map(float, EVEN_ROUND)) if kind.kind == "scorecards" else ())
        yield rng.choice([
            [*events[:index], *events[index + 1:]],
            [*events[:index], events[index], *events[index:]],
            [*events[:index], *reversed(events[index:index + 2]), *events[index + 2:]],
            [*events[:index], changed, *events[index + 1:]],
        ])


LEDGERS = [FencingLedger(5, "foil"), FencingLedger(5, "epee"), FencingLedger(15, "sabre"), FencingLedger(), BoxingLedger(4)]


@pytest.mark.parametrize("ledger", LEDGERS, ids=["foil", "epee", "sabre", "any weapon", "boxing"])
@given(seed=st.integers(0, 10_000), cut=st.floats(0, 1))
@settings(max_examples=10, deadline=None)
def test_a_bout_can_be_cut_anywhere_and_knows_no_future(ledger, seed, cut):
    events = random_bout(ledger, seed, 40)
    start = ledger.start(TEAMS)
    states = ledger.states(start, events)
    middle = round(cut * len(events))
    assert ledger.replay(ledger.replay(start, events[:middle]), events[middle:]) == states[-1]
    assert ledger.states(start, events[:middle]) == states[:middle]
    for index, now in enumerate(events):
        assert state_at(ledger, start, events, now.time_s).state == states[index]


def foil_oracle(tokens):
    """Whether a five-touch foil bout may have gone so; written from the law, not from the ledger."""
    score, warned, clock = {"g": 0, "r": 0}, set(), "running"
    other = {"g": "r", "r": "g"}
    for kind, team in tokens:
        if clock == "over" or kind == "double_touch":
            return False
        if kind == "yellow_card" and team in warned:
            return False
        if kind in ("yellow_card", "red_card"):
            warned.add(team)
        if (clock == "lots") != (kind == "priority") and kind not in ("yellow_card", "red_card", "black_card"):
            return False
        if kind == "priority" and clock != "lots":
            return False
        gains = team if kind in TOUCHES else other[team] if kind in ("rear_limit", "red_card") else None
        if gains:
            score[gains] += 1
        if kind == "black_card" or 5 in score.values() or (gains and clock in ("minute", "lots")):
            clock = "over"
        elif kind == "priority":
            clock = "minute"
        elif kind == "period_end":
            clock = "lots" if clock == "running" and score["g"] == score["r"] else "over"
    return True


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_no_wrong_foil_bout_goes_unnoticed_and_no_right_one_is_refused(seed):
    ledger, rng = LEDGERS[0], random.Random(seed)
    events = random_bout(ledger, seed, 30)
    for changed in mutations(ledger, events, rng, 12):
        tokens = [(e.kind, e.team and e.team[0]) for e in changed]
        assert accepts(ledger, changed) == foil_oracle(tokens), tokens
    assert foil_oracle([(e.kind, e.team and e.team[0]) for e in events])


BOXING_LETTERS = {"knockdown": "k", "point_deduction": "k", "round_end": "e", "scorecards": "s", "knockout": "K",
                  "technical_knockout": "K", "disqualification": "K", "retirement": "R", "foul_stoppage": "F"}


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_no_wrong_order_of_a_bout_goes_unnoticed_and_no_right_one_is_refused(seed):
    ledger, rng = BoxingLedger(6), random.Random(seed)
    # A round is fought, ended and scored. It may break off: in the ring, at the bell, on the stool, or by a foul, which after
    # four rounds needs cards. The sixth round ends the bout.
    ends = r"k*K|k*e[KR]|R"
    law = re.compile(rf"(k*es){{0,5}}(k*e?)|(k*es){{0,5}}({ends})|(k*es){{6}}|(k*es){{0,3}}k*F|(k*es){{4,5}}k*Fs?")
    events = random_bout(ledger, seed, 40)
    for changed in (events, *mutations(ledger, events, rng, 12)):
        word = "".join(BOXING_LETTERS[e.kind] for e in changed)
        right = law.fullmatch(word) is not None and not word.startswith("R")
        assert accepts(ledger, changed) == right, word


def test_fifteen_touches_win_and_a_penalty_touch_may_be_the_last():
    ledger = FencingLedger()
    state = play(ledger, ledger.start(TEAMS), *[("attack", "red")] * 14, *[("riposte", "green")] * 9)
    assert (state.score, state.winner) == ((9, 14), None)
    assert play(ledger, state, ("rear_limit", "green")).winner == 1
    state = play(ledger, state, ("yellow_card", "green"), ("red_card", "green"))
    assert (state.score, state.winner) == ((9, 15), 1)
    with pytest.raises(ImpossibleEvent, match=r"the bout is over \(fencing.bout"):
        play(ledger, state, ("attack", "green"))


def test_level_at_the_end_of_time_goes_to_lots_and_a_minute():
    ledger = FencingLedger(5)
    level = play(ledger, ledger.start(TEAMS), ("attack", "red"), ("remise", "green"), "period_end")
    assert ledger.expects(level) == ("the draw for priority", None, "fencing.level")
    with pytest.raises(ImpossibleEvent, match="the draw for priority is due"):
        play(ledger, level, ("attack", "red"))
    minute = play(ledger, level, ("priority", "green"))
    assert play(ledger, minute, "period_end").winner == 0
    assert play(ledger, minute, ("counter_attack", "red")).winner == 1
    assert play(ledger, minute, ("red_card", "red")).winner == 0
    ahead = play(ledger, ledger.start(TEAMS), ("attack", "red"), "period_end")
    assert ahead.winner == 1  # no lots without need
    with pytest.raises(ImpossibleEvent, match="only when the scores are level"):
        play(ledger, ledger.start(TEAMS), ("priority", "red"))


def test_double_touches_count_for_both_but_not_at_the_last():
    ledger = FencingLedger(5, "epee")
    state = play(ledger, ledger.start(TEAMS), *["double_touch"] * 4)
    assert state.score == (4, 4)
    assert play(ledger, state, "double_touch") == state
    state = play(ledger, ledger.start(TEAMS), *[("attack", "red")] * 4, "double_touch")
    assert (state.score, state.winner) == ((1, 5), 1)
    with pytest.raises(ImpossibleEvent, match="no such thing at epee"):
        play(ledger, ledger.start(TEAMS), "simultaneous")


def test_the_weapon_shows_itself():
    ledger = FencingLedger()
    assert play(ledger, ledger.start(TEAMS), "simultaneous").weapons == ("foil", "sabre")
    state = play(ledger, ledger.start(TEAMS), ("off_target", "red"))
    assert (state.weapons, state.score) == (("foil",), (0, 0))
    with pytest.raises(ImpossibleEvent, match="no such thing at foil"):
        play(ledger, state, "double_touch")


def test_sabre_breaks_at_eight():
    ledger = FencingLedger(15, "sabre")
    state = play(ledger, ledger.start(TEAMS), *[("attack", "red")] * 8)
    assert ledger.expects(state).rule_id == "fencing.sabre_break"
    with pytest.raises(ImpossibleEvent, match="the break at eight is due"):
        play(ledger, state, ("attack", "green"))
    state = play(ledger, state, "period_end", *[("attack", "green")] * 8)
    assert (state.score, state.period, state.phase) == ((8, 8), 2, "fencing")


def test_nobody_is_warned_twice():
    ledger = FencingLedger()
    state = play(ledger, ledger.start(TEAMS), ("yellow_card", "red"), ("yellow_card", "green"))
    for first in (state, play(ledger, ledger.start(TEAMS), ("red_card", "red"))):
        with pytest.raises(ImpossibleEvent, match="not warned again"):
            play(ledger, first, ("yellow_card", "red"))
    assert play(ledger, state, ("black_card", "red")).winner == 0


@pytest.mark.parametrize(("module", "kind", "follows"), [
    (FENCING, "attack", "red scores the touch"), (FENCING, "riposte", "red scores the touch"),
    (FENCING, "rear_limit", "green scores the touch"), (FENCING, "red_card", "green scores the touch"),
    (BOXING, "knockdown", "green must take a count of eight"), (BOXING, "knockout", "red wins the bout"),
    (BOXING, "technical_knockout", "red wins the bout"), (BOXING, "retirement", "green wins the bout"),
    (BOXING, "disqualification", "green wins the bout"), (BOXING, "point_deduction", "red loses points"),
])
def test_what_follows_an_event_by_red(module, kind, follows):
    consequence = module.ledger.consequence(event(module.ledger, kind, "red"), TEAMS)
    assert f"{consequence.team} {consequence.what}" == follows
    assert all(module.rule(rule_id).law for rule_id in consequence.rule_ids)
    assert module.ledger.consequence(event(module.ledger, "period_end" if module is FENCING else "round_end"), TEAMS) is None


@pytest.mark.parametrize(("totals", "winner", "name"), [
    (((115, 113), (116, 112), (115, 113)), 0, "unanimous decision"),
    (((115, 113), (113, 115), (114, 115)), 1, "split decision"),
    (((115, 113), (114, 114), (115, 113)), 0, "majority decision"),
    (((114, 114), (114, 114), (114, 114)), None, "unanimous draw"),
    (((115, 113), (114, 114), (114, 114)), None, "majority draw"),
    (((115, 113), (113, 115), (114, 114)), None, "split draw"),
])
def test_decisions_have_their_names(totals, winner, name):
    assert name_decision(totals) == (winner, name)


def test_a_fight_on_points_with_a_knockdown_and_a_deduction():
    """Four rounds by hand: red is down in the second and loses a point in the third, green is down in the fourth."""
    ledger = BoxingLedger(4)
    state = play(ledger, ledger.start(TEAMS), "round_end", cards(9, 10, 10, 9, 9, 10), ("knockdown", "green"), "round_end")
    assert ledger.expects(state) == ("the judges' cards", None, "boxing.ten_point_must")
    state = play(ledger, state, cards(10, 8, 10, 8, 10, 8))
    assert (state.cards, state.score, state.round) == (((19, 18), (20, 17), (19, 18)), (3, 0), 3)
    state = play(ledger, state, ("point_deduction", "red"), "round_end", cards(9, 10, 10, 10, 9, 10))
    assert state.cards == ((28, 27), (30, 26), (28, 27))  # 10 - 1 for red on every card
    state = play(ledger, state, ("knockdown", "red"), "round_end", cards(8, 10, 9, 10, 8, 10))
    assert (state.cards, state.winner, state.result) == (((36, 37), (39, 36), (36, 37)), 1, "split decision")
    assert ledger.possible(state) == ()


@pytest.mark.parametrize(("marks", "why"), [
    ((9, 9, 10, 9, 10, 9), "one to nine"), ((10, 9.5, 10, 9, 10, 9), "fraction"), ((11, 9, 10, 9, 10, 9), "one to nine"),
    ((10, 0, 10, 9, 10, 9), "one to nine"), ((10, 9, 10, 9), "3 judges give two each"),
])
def test_cards_that_break_ten_point_must_are_refused(marks, why):
    ledger = BoxingLedger()
    with pytest.raises(ImpossibleEvent, match=why):
        play(ledger, ledger.start(TEAMS), "round_end", cards(*marks))


def test_an_accidental_foul_goes_to_the_cards_only_after_four_rounds():
    ledger = BoxingLedger()
    one_round = ("round_end", cards(10, 9, 10, 9, 9, 10))
    early = play(ledger, ledger.start(TEAMS), *one_round * 3, "foul_stoppage")
    assert (early.result, early.winner, early.phase) == ("no decision", None, "over")
    late = play(ledger, ledger.start(TEAMS), *one_round * 4, "foul_stoppage")
    assert ledger.expects(late).rule_id == "boxing.accidental_foul"
    late = play(ledger, late, cards(10, 10, 10, 10, 10, 10))
    assert (late.result, late.winner) == ("technical decision", 0)


def test_a_corner_retires_between_rounds_and_a_count_outlasts_the_bell():
    ledger = BoxingLedger()
    with pytest.raises(ImpossibleEvent, match="a corner retires between rounds"):
        play(ledger, ledger.start(TEAMS), ("knockdown", "red"), ("retirement", "green"))
    state = play(ledger, ledger.start(TEAMS), ("knockdown", "red"), "round_end")
    assert play(ledger, state, ("retirement", "green")).result == "RTD"
    assert play(ledger, state, ("knockout", "red")).winner == 1


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_points_never_fall_but_by_deduction_and_a_winner_ends_the_bout(seed):
    ledger = BoxingLedger(6)
    events = random_bout(ledger, seed, 60)
    states = ledger.states(ledger.start(TEAMS), events)
    for before, after in pairwise(states):
        assert before.winner is None and after.round - before.round in (0, 1)
        assert (after.cards == before.cards) or after.phase in ("rest", "over")
    last = states[-1]
    if last.result.endswith("decision") and last.result != "no decision":
        assert last.score[last.winner] > last.score[1 - last.winner]


# What can be asked of any ledger


def test_the_state_at_a_time_looks_at_no_later_event():
    ledger = TennisLedger()
    events = record(ledger, ("ace", "red"), ("winner", "green"), ("ace", "green"))  # the third is impossible: red serves
    now = state_at(ledger, ledger.start(TEAMS), events, 1.0)
    assert (now.state.call, now.num_events, now.expected) == ("15 all", 2, ("serve", "red", "tennis.service_order"))
    assert state_at(ledger, ledger.start(TEAMS), events, -1).num_events == 0
    with pytest.raises(ImpossibleEvent, match="red serves"):
        state_at(ledger, ledger.start(TEAMS), events, 2.0)


def test_had_the_double_fault_been_an_ace():
    ledger = TennisLedger()
    start = ledger.start(TEAMS, "red")
    events = record(ledger, *[("ace", "red")] * 3, *[("winner", "green")] * 3, ("double_fault", "red"), ("winner", "green"))
    ace = event(ledger, "ace", "red", 6)
    what_if = counterfactual(ledger, start, events, 6, ace)
    assert (what_if.actual.games, what_if.actual.server) == ((1, 0), 0)
    assert (what_if.altered.games, what_if.altered.call, what_if.broken_at) == ((0, 0), "deuce", None)
    with pytest.raises(ImpossibleEvent, match="red serves"):
        counterfactual(ledger, start, events, 6, event(ledger, "ace", "green", 6))
    with pytest.raises(IndexError):
        counterfactual(ledger, start, events, 8, None)


def test_a_record_that_could_not_go_on_says_where_and_why():
    ledger = TennisLedger()
    events = record(ledger, *[("ace", "red")] * 4, ("ace", "green"))
    what_if = counterfactual(ledger, ledger.start(TEAMS), events, 0, event(ledger, "double_fault", "red"))
    assert (what_if.broken_at, what_if.altered.points) == (4, (1, 3)) and "red serves" in what_if.why
    assert counterfactual(ledger, ledger.start(TEAMS), events, 0, None, may_fall_away=1).fell_away == (4,)


def test_the_tie_break_points_that_decided_a_tennis_match():
    """6-0, 0-6 and then 6-6 (7-5): were a point of the last game the other's, the match would stand or go the other way."""
    ledger, winner = TennisLedger(), lambda team, games: [("winner", team)] * 4 * games
    steps = [*winner("red", 6), *winner("green", 6)]
    for _ in range(6):
        steps += [*winner("red", 1), *winner("green", 1)]
    tie_break = ["red", "green"] * 5 + ["red", "red"]
    events = record(ledger, *steps, *[("winner", team) for team in tie_break])
    decision = deciding_events(ledger, ledger.start(TEAMS), events, by_the_other)
    assert decision.winner == 1
    first = len(steps)
    last_point = next(a for a in decision.decisive if a.position == first + 11)
    assert last_point.winner is None  # 6-6 in points: it would go on
    red_points = {first + i for i, team in enumerate(tie_break) if team == "red"}
    assert red_points <= {a.position for a in decision.decisive} | set(decision.open)
    assert not {first + 1, first + 3} & {a.position for a in decision.decisive if a.winner == 0}


def test_the_goals_that_decided_a_soccer_match():
    ledger = SoccerLedger()
    events = record(ledger, ("kick_off", "green"), ("goal", "red"), ("kick_off", "green"), ("goal", "green"), ("kick_off", "red"),
                    ("corner_kick", "red"), "half_time", ("kick_off", "red"), ("goal", "red"), ("kick_off", "green"), "full_time")
    decision = deciding_events(ledger, ledger.start(TEAMS), events)
    assert decision.winner == 1
    assert [(a.position, a.winner) for a in decision.decisive if events[a.position].kind == "goal"] == [(1, None), (8, None)]
    assert events[5].kind == "corner_kick" and 5 not in {a.position for a in decision.decisive}


def test_the_last_touch_decides_a_bout_and_the_round_of_the_knockdown_a_fight():
    fencing = FencingLedger(5, "foil")
    events = record(fencing, *[("attack", "red"), ("riposte", "green")] * 4, "simultaneous", ("attack", "red"))
    decided = {a.position: a.winner for a in deciding_events(fencing, fencing.start(TEAMS), events, by_the_other).decisive}
    # Any touch of red given to green ends the bout for green a touch earlier; a touch of green given to red only ends it sooner.
    assert decided == {0: 0, 2: 0, 4: 0, 6: 0, 9: 0}
    boxing = BoxingLedger(1)
    fight = record(boxing, ("point_deduction", "green"), "round_end", cards(*EVEN_ROUND))
    decision = deciding_events(boxing, boxing.start(TEAMS), fight)
    assert (decision.winner, decision.decisive[0]) == (1, (0, None))


def test_a_volleyball_point_given_to_the_other_side_changes_who_serves():
    ledger = VolleyballLedger()
    start = ledger.start(TEAMS, "red")
    events = record(ledger, ("kill", "red"), ("kill", "red"))
    what_if = counterfactual(ledger, start, events, 1, by_the_other(start, events[1]))
    assert (what_if.actual.server, what_if.altered.server, what_if.altered.points) == (1, 0, (1, 1))


@pytest.mark.parametrize(("query", "sport", "rule_id"), [
    ("parry and riposte", Sport.FENCING, "fencing.riposte"), ("both lamps in epee", Sport.FENCING, "fencing.double_touch"),
    ("scores level at the end of time", Sport.FENCING, "fencing.level"), ("red card", Sport.FENCING, "fencing.red_card"),
    ("ten point must", None, "boxing.ten_point_must"), ("split decision", None, "boxing.decision_names"),
    ("saved by the bell", None, "boxing.saved_by_the_bell"), ("accidental head clash stops the bout", Sport.BOXING,
                                                             "boxing.accidental_foul"),
])
def test_the_rule_meant_comes_first(query, sport, rule_id):
    assert find_rules(query, sport)[0].rule_id == rule_id


def test_bells_cards_and_double_touches_count_in_a_whole_bout():
    box = BOXING.ledger
    events = record(box, ("knockdown", "red"), "round_end", ("knockdown", "green"), cards(*EVEN_ROUND), ("knockdown", "green"))
    assert [d.item for d in BOXING.legal_events(events, complete=True).drops] == ["event-2"]
    fence = FENCING.ledger
    events = record(fence, ("off_target", "red"), ("attack", "green"), "double_touch")  # off the target: it is foil
    assert [d.item for d in FENCING.legal_events(events, complete=True).drops] == ["event-2"]


def test_rules_say_when_they_were_compared_with_the_official_text():
    for module in (FENCING, BOXING):
        assert 15 <= len(module.rules) <= 40 and {rule.verified is None for rule in module.rules} == {True, False}
