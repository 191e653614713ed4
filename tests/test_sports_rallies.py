"""The sports of rallies as code: games worked out by hand, and laws checked against another way of computing them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.badminton import BADMINTON, BadmintonLedger
from deepsport.sports.table_tennis import TABLE_TENNIS, TableTennisLedger
from deepsport.sports.tennis import TENNIS, TennisLedger
from deepsport.sports.volleyball import VOLLEYBALL
from deepsport.timebase import Span

TEAMS = ("blue", "red")
SEEDS = st.integers(0, 10_000)


def event(module, kind, team=None, number=0, **fields):
    return Event(event_id=f"event-{number}", broadcast_id="b", sport=module.sport, kind=kind, time_s=float(number),
                 evidence=Span(start_s=number, end_s=number + 0.5), team=team, **fields)


def play(module, state, *steps, ledger=None):
    """Each step is ``kind``, or ``kind team``, or ``kind team outcome`` as words."""
    ledger = ledger or module.ledger
    for number, step in enumerate(steps):
        kind, team, outcome = (*step.split(), None, None)[:3]
        state = ledger.apply(state, event(module, kind, team if team in TEAMS else None, number, outcome=outcome))
    return state


def points(module, state, *winners, ledger=None):
    """Rallies won by these teams, with a stroke that tells nothing of who served."""
    return play(module, state, *(f"smash {winner}" for winner in winners), ledger=ledger)


def test_service_in_table_tennis_changes_every_two_points_and_at_ten_all_every_point():
    state, servers = TABLE_TENNIS.ledger.start(TEAMS, "red"), []
    for number in range(24):
        servers.append(TEAMS[state.server])
        state = points(TABLE_TENNIS, state, TEAMS[number % 2])
    pairs = ["red", "red", "blue", "blue"] * 5
    assert servers == [*pairs, "red", "blue", "red", "blue"] and state.points == (12, 12)
    assert points(TABLE_TENNIS, state, "blue").score == (0, 0)
    over = points(TABLE_TENNIS, state, "blue", "blue")
    assert (over.game_scores, over.score, over.server) == (((14, 12),), (1, 0), 0)  # red served first, so blue does now
    assert TABLE_TENNIS.ledger.expects(over) == ("serve", "blue", "table_tennis.next_game")


def test_ends_in_table_tennis_change_after_games_and_at_five_in_the_last():
    ledger = TableTennisLedger(games_to_win=2)
    state = points(TABLE_TENNIS, ledger.start(TEAMS, "blue"), *["blue"] * 11, ledger=ledger)
    assert state.ends_changed
    state = points(TABLE_TENNIS, state, *["red"] * 11, ledger=ledger)
    assert not state.ends_changed and state.score == (1, 1)
    state = points(TABLE_TENNIS, state, *["blue", "red"] * 4, ledger=ledger)
    assert not state.ends_changed
    state = points(TABLE_TENNIS, state, "red", ledger=ledger)
    assert state.ends_changed and state.points == (4, 5)
    state = points(TABLE_TENNIS, state, "blue", ledger=ledger)
    assert state.ends_changed and state.winner is None  # the second to reach five changes nothing
    assert points(TABLE_TENNIS, state, *["blue"] * 6, ledger=ledger).winner == 0


def test_expedite_gives_one_service_each_and_the_thirteenth_return_the_point():
    state = points(TABLE_TENNIS, TABLE_TENNIS.ledger.start(TEAMS, "blue"), "blue")  # blue has served once
    with pytest.raises(ImpossibleEvent, match=r"not in operation .*Law 2\.15\.4"):
        play(TABLE_TENNIS, state, "receiver_return red")
    stopped = play(TABLE_TENNIS, state, "expedite - in_play")
    assert TEAMS[stopped.server] == "blue"
    between = play(TABLE_TENNIS, state, "expedite")
    assert TEAMS[between.server] == "red"  # who received last
    with pytest.raises(ImpossibleEvent, match="red serves"):
        play(TABLE_TENNIS, between, "receiver_return red")
    state = play(TABLE_TENNIS, between, "receiver_return blue")
    assert (state.points, TEAMS[state.server]) == ((2, 0), "blue")
    assert TEAMS[points(TABLE_TENNIS, state, "red").server] == "red"
    nearly = points(TABLE_TENNIS, TABLE_TENNIS.ledger.start(TEAMS), *["blue", "red"] * 9)
    with pytest.raises(ImpossibleEvent, match="18 points have been scored"):
        play(TABLE_TENNIS, nearly, "expedite")


def test_penalty_points_in_table_tennis_come_after_a_warning_and_grow():
    state = TABLE_TENNIS.ledger.start(TEAMS, "blue")
    with pytest.raises(ImpossibleEvent, match="a warning comes first"):
        play(TABLE_TENNIS, state, "red_card blue")
    state = play(TABLE_TENNIS, state, "yellow_card blue", "red_card blue", "red_card blue")
    assert state.points == (0, 3) and TEAMS[state.server] == "red"  # three points, so the second turn has begun
    with pytest.raises(ImpossibleEvent, match="for the referee"):
        play(TABLE_TENNIS, state, "red_card blue")
    with pytest.raises(ImpossibleEvent, match="no time-out is left"):
        play(TABLE_TENNIS, state, "time_out red", "time_out red")
    late = points(TABLE_TENNIS, play(TABLE_TENNIS, TABLE_TENNIS.ledger.start(TEAMS), "yellow_card blue", "red_card blue"),
                  *["red"] * 9)
    late = play(TABLE_TENNIS, late, "red_card blue")  # two points, of which the game needs one
    assert (late.game_scores, late.points) == (((0, 11),), (0, 1))


def test_a_let_changes_nothing_but_tells_who_serves():
    state = play(TABLE_TENNIS, TABLE_TENNIS.ledger.start(TEAMS), "let red")
    assert (state.points, state.server) == ((0, 0), 1)
    for module in (TABLE_TENNIS, BADMINTON):
        state = module.ledger.start(TEAMS, "red")
        assert play(module, state, "let red") == state
        with pytest.raises(ImpossibleEvent, match="red serves"):
            play(module, state, "let blue")


def test_the_winner_of_a_badminton_rally_serves_from_the_court_of_the_score():
    state = play(BADMINTON, BADMINTON.ledger.start(TEAMS, "blue"), "service_ace blue")
    assert (state.points, state.server, state.service_court) == ((1, 0), 0, "left")
    state = play(BADMINTON, state, "service_fault blue")
    assert (state.points, state.server, state.service_court) == ((1, 1), 1, "left")
    state = play(BADMINTON, state, "shuttle_out blue")
    assert (state.points, state.service_court) == ((1, 2), "right")
    with pytest.raises(ImpossibleEvent, match=r"red serves .*badminton.service_order; .*Laws 10\.3 and 11\.3"):
        play(BADMINTON, state, "service_ace blue")


def test_twenty_all_needs_two_and_twenty_nine_all_one():
    state = points(BADMINTON, BADMINTON.ledger.start(TEAMS), *["blue", "red"] * 20)
    assert points(BADMINTON, state, "red").score == (0, 0)
    assert points(BADMINTON, state, "red", "red").game_scores == ((20, 22),)
    state = points(BADMINTON, state, *["blue", "red"] * 9)
    assert state.points == (29, 29)
    state = points(BADMINTON, state, "blue")
    assert (state.game_scores, state.score, state.server) == (((30, 29),), (1, 0), 0)
    assert BADMINTON.ledger.expects(state) == ("serve", "blue", "badminton.next_game")
    assert points(BADMINTON, state, *["blue"] * 21).winner == 0


def test_badminton_from_2027_on_is_played_to_fifteen():
    ledger = BadmintonLedger(points_to_win=15, most_points=21)
    state = points(BADMINTON, ledger.start(TEAMS), *["blue"] * 15, ledger=ledger)
    assert state.game_scores == ((15, 0),)
    state = points(BADMINTON, ledger.start(TEAMS), *["blue", "red"] * 20, "red", ledger=ledger)
    assert state.game_scores == ((20, 21),)


def test_the_interval_comes_at_eleven_and_ends_change_there_in_the_third_game():
    state = points(BADMINTON, BADMINTON.ledger.start(TEAMS), *["blue"] * 10)
    with pytest.raises(ImpossibleEvent, match="has not just reached 11"):
        play(BADMINTON, state, "interval")
    state = points(BADMINTON, state, "blue")
    assert state.interval_open and not state.ends_changed
    state = play(BADMINTON, state, "interval")
    with pytest.raises(ImpossibleEvent):
        play(BADMINTON, state, "interval")
    state = points(BADMINTON, state, *["red"] * 11)
    assert not state.interval_open  # red is the second to reach eleven
    state = points(BADMINTON, BADMINTON.ledger.start(TEAMS), *["blue"] * 21, *["red"] * 21)
    assert (state.score, state.ends_changed) == ((1, 1), False)
    assert points(BADMINTON, state, *["red"] * 11).ends_changed


def test_misconduct_and_challenges_in_badminton():
    state = play(BADMINTON, BADMINTON.ledger.start(TEAMS), "yellow_card red", "red_card red")
    assert (state.points, state.server, state.cards) == ((1, 0), 0, (0, 2))
    with pytest.raises(ImpossibleEvent, match="not warned again"):
        play(BADMINTON, state, "yellow_card red")
    assert play(BADMINTON, state, "black_card red").winner == 0
    state = play(BADMINTON, state, "challenge blue unsuccessful", "challenge blue successful", "challenge blue unsuccessful")
    with pytest.raises(ImpossibleEvent, match="2 challenges of blue have failed"):
        play(BADMINTON, state, "challenge blue")


def test_tennis_knows_first_and_second_services():
    state = play(TENNIS, TENNIS.ledger.start(TEAMS), "fault red")
    assert (state.server, state.fault, state.points) == (1, True, (0, 0))
    with pytest.raises(ImpossibleEvent, match=r"a second fault in a row is a double fault .*Rule 24a"):
        play(TENNIS, state, "fault red")
    assert play(TENNIS, state, "service_let red").fault and not play(TENNIS, state, "let red").fault
    state = play(TENNIS, state, "double_fault red")
    assert (state.fault, state.points, state.service_court) == (False, (1, 0), "left")


def test_tennis_ends_change_after_odd_games_and_every_six_points_of_a_tie_break():
    state, changes = TENNIS.ledger.start(TEAMS, "blue"), []
    for number in range(12):
        state = points_of_tennis(state, *[TEAMS[number % 2]] * 4)
        changes.append(state.ends_changed)
    assert changes == [True, True, False, False] * 3 and state.tie_break
    sides = []
    for winner in ["blue", "red"] * 6:
        state = points_of_tennis(state, winner)
        sides.append(state.ends_changed)
    assert sides == [False] * 5 + [True] * 6 + [False]
    state = points_of_tennis(state, "red", "red")  # 6-8, so the set's thirteenth game is over
    assert (state.set_scores, state.ends_changed) == (((6, 7),), True)


def test_a_tie_break_of_the_final_set_may_go_to_ten():
    ledger = TennisLedger(final_tie_break=10)
    state = ledger.start(TEAMS).model_copy(update={"score": (1, 1), "games": (6, 6), "points": (9, 7)})
    assert TennisLedger().apply(state, event(TENNIS, "winner", "blue")).winner == 0
    state = ledger.apply(state.model_copy(update={"points": (8, 7)}), event(TENNIS, "winner", "blue"))
    assert state.winner is None
    assert ledger.apply(state, event(TENNIS, "winner", "blue")).winner == 0


def points_of_tennis(state, *winners):
    return play(TENNIS, state, *(f"winner {winner}" for winner in winners))


def test_volleyball_counts_time_outs_and_substitutions_by_the_set():
    state = play(VOLLEYBALL, VOLLEYBALL.ledger.start(TEAMS, "blue"), "time_out red", "time_out red", *["substitution blue"] * 6)
    with pytest.raises(ImpossibleEvent, match=r"no time-out is left, 2 were .*Rules 15\.1 and 15\.4"):
        play(VOLLEYBALL, state, "time_out red")
    with pytest.raises(ImpossibleEvent, match="6 substitutions have been made"):
        play(VOLLEYBALL, state, "substitution blue")
    state = play(VOLLEYBALL, state, *["kill red"] * 25)
    assert state.score == (0, 1) and play(VOLLEYBALL, state, "time_out red", "substitution blue").time_outs == (0, 1)


def test_a_penalty_in_volleyball_gives_point_and_service():
    state = play(VOLLEYBALL, VOLLEYBALL.ledger.start(TEAMS, "blue"), "yellow_card blue", "red_card blue")
    assert (state.points, state.server, state.rotations, state.cards) == ((0, 1), 1, (0, 1), (2, 0))
    assert play(VOLLEYBALL, state, "replay") == state
    assert play(VOLLEYBALL, state, "position_fault red").points == (1, 1)


def random_game(module, seed, length):
    """A legal game: events are drawn until the rules allow one."""
    rng = random.Random(seed)
    state = start = module.ledger.start(TEAMS, rng.choice((None, *TEAMS)))
    events, states = [], []
    kinds = [kind for kind in module.kinds if kind.kind != "black_card"]
    while len(events) < length and state.winner is None:
        kind = rng.choice(kinds)
        outcome = rng.choice((None, "in_play", "unsuccessful")) if kind.kind in ("expedite", "challenge") else None
        team = rng.choice(TEAMS) if "team" in kind.carries else None
        try:
            state = module.ledger.apply(state, drawn := event(module, kind.kind, team, len(events), outcome=outcome))
        except ImpossibleEvent:
            continue
        events.append(drawn)
        states.append(state)
    return start, events, states


def finished(points, target, most):
    high, low = max(points), min(points)
    return (high == target and low <= target - 2) or (target < high < most and high - low == 2) or (
        high == most and low in (most - 2, most - 1))


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_every_finished_game_has_a_score_that_exists(seed):
    for module, target, most in ((TABLE_TENNIS, 11, 10_000), (BADMINTON, 21, 30)):
        _, _, states = random_game(module, seed, 250)
        for game in states[-1].game_scores:
            assert finished(game, target, most), game
        assert sum(states[-1].score) == len(states[-1].game_scores)


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_the_server_is_that_of_the_formula(seed):
    """The ledgers count turns; without expedite the server follows from the points alone."""
    rng = random.Random(seed)
    state, game, total = TABLE_TENNIS.ledger.start(TEAMS, "blue"), 0, 0
    other, last = BADMINTON.ledger.start(TEAMS, "blue"), 0
    for _ in range(120):
        turn = total // 2 if total < 20 else total
        assert state.server == (turn + game) % 2
        assert other.server == last
        side = rng.randrange(2)
        state, other, last = points(TABLE_TENNIS, state, TEAMS[side]), points(BADMINTON, other, TEAMS[side]), side
        if state.winner is not None or other.winner is not None:
            break
        game, total = sum(state.score), sum(state.points)


@pytest.mark.parametrize(("module", "kind", "follows"), [
    (TABLE_TENNIS, "smash", "blue wins the point"), (TABLE_TENNIS, "service_ace", "blue wins the point"),
    (TABLE_TENNIS, "netted", "red wins the point"), (TABLE_TENNIS, "long_out", "red wins the point"),
    (TABLE_TENNIS, "let", "blue serves again"), (BADMINTON, "smash", "blue wins the point"),
    (BADMINTON, "drop_shot", "blue wins the point"), (BADMINTON, "netted", "red wins the point"),
    (BADMINTON, "shuttle_out", "red wins the point"), (BADMINTON, "black_card", "red wins the match"),
])
def test_what_follows_an_event_by_blue(module, kind, follows):
    consequence = module.ledger.consequence(event(module, kind, "blue"), TEAMS)
    assert f"{consequence.team} {consequence.what}" == follows
    assert all(module.rule(rule_id).law for rule_id in consequence.rule_ids)
    assert module.ledger.consequence(event(module, "yellow_card", "blue"), TEAMS) is None
