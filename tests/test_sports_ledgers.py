"""The rules as code: hand-worked matches, and laws that hold for every legal game."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.errors import ImpossibleEvent, UserError
from deepsport.records import Event
from deepsport.sports import known_sports, sport_module
from deepsport.sports.base import describe, teams_of
from deepsport.sports.soccer import SOCCER, SoccerLedger
from deepsport.sports.tennis import TENNIS, TennisLedger
from deepsport.sports.volleyball import VOLLEYBALL
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import Span

TEAMS = ("blue", "red")
MODULES = [SOCCER, TENNIS, VOLLEYBALL]


def event(sport, kind, team=None, number=0, **fields):
    return Event(event_id=f"event-{number}", broadcast_id="b", sport=sport, kind=kind, time_s=float(number),
                 evidence=Span(start_s=number, end_s=number + 0.5), team=team, **fields)


def play(module, state, *steps):
    events = [event(module.sport, kind, team, i) for i, (kind, team) in enumerate(steps)]
    return module.ledger.replay(state, events)


def random_game(module, seed, length):
    """A legal game: events are drawn until the rules allow one."""
    rng = random.Random(seed)
    state = module.ledger.start(TEAMS, rng.choice((None, *TEAMS)))
    events = []
    for _ in range(8 * length):
        kind = rng.choice(module.kinds)
        drawn = event(module.sport, kind.kind, rng.choice(TEAMS) if "team" in kind.carries else None, len(events))
        try:
            state = module.ledger.apply(state, drawn)
        except ImpossibleEvent:
            continue
        events.append(drawn)
        if len(events) == length:
            break
    return events


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_no_finished_volleyball_set_breaks_the_law_of_two(seed):
    state = VOLLEYBALL.ledger.replay(VOLLEYBALL.ledger.start(TEAMS), random_game(VOLLEYBALL, seed, 260))
    for number, points in enumerate(state.set_scores):
        target = 15 if number == 4 else 25
        assert (max(points) == target and min(points) <= target - 2) or (max(points) > target and abs(points[0] - points[1]) == 2)
    assert max(state.score) <= 3 and (state.winner is not None) == (max(state.score) == 3)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_every_finished_tennis_set_has_a_score_that_exists(seed):
    state = TENNIS.ledger.replay(TENNIS.ledger.start(TEAMS), random_game(TENNIS, seed, 300))
    for games in state.set_scores:
        assert (max(games), min(games)) in {(6, 0), (6, 1), (6, 2), (6, 3), (6, 4), (7, 5), (7, 6)}
    assert sum(state.score) == len(state.set_scores)


def test_deuce_needs_two_points_in_a_row():
    state = play(TENNIS, TENNIS.ledger.start(TEAMS, "red"), *[("ace", "red")] * 3, *[("winner", "blue")] * 3)
    assert state.call == "deuce"
    state = play(TENNIS, state, ("ace", "red"))
    assert state.call == "advantage red"
    state = play(TENNIS, state, ("double_fault", "red"))
    assert (state.call, state.games) == ("deuce", (0, 0))
    state = play(TENNIS, state, ("net_point", "blue"), ("long_out", "red"))
    assert (state.games, state.points, state.server) == ((1, 0), (0, 0), 0)


def test_tennis_calls_the_server_first():
    state = play(TENNIS, TENNIS.ledger.start(TEAMS, "red"), ("ace", "red"), ("long_out", "blue"), ("winner", "blue"))
    assert state.call == "30-15"
    assert play(TENNIS, TENNIS.ledger.start(TEAMS, "blue"), ("winner", "red")).call == "love-15"


def hold(module, state, num_games):
    """Every server wins the game with four aces."""
    for _ in range(num_games):
        team = state.teams[state.server]
        state = play(module, state, *[("ace", team)] * 4)
    return state


def test_tie_break_is_served_one_then_two_and_two():
    state = hold(TENNIS, TENNIS.ledger.start(TEAMS, "red"), 12)
    assert state.games == (6, 6) and state.tie_break
    servers = []
    for number in range(12):  # 6-6, the points shared in turn
        servers.append(state.teams[state.server])
        state = play(TENNIS, state, ("winner", TEAMS[number % 2]))
    assert servers == ["red", "blue", "blue", "red", "red", "blue", "blue", "red", "red", "blue", "blue", "red"]
    assert state.points == (6, 6) and state.call == "6 all"
    state = play(TENNIS, state, ("winner", "blue"))
    assert state.score == (0, 0)  # 7-6 is no lead of two
    state = play(TENNIS, state, ("winner", "blue"))
    assert state.set_scores == ((7, 6),) and state.score == (1, 0)
    assert state.teams[state.server] == "blue"  # red served first in the tie-break, so it receives


def test_a_match_of_three_ends_with_the_second_set():
    ledger = TennisLedger()
    state = ledger.start(TEAMS)
    for _ in range(2 * 6 * 4):
        state = ledger.apply(state, event(Sport.TENNIS, "winner", "blue"))
    assert (state.winner, state.set_scores) == (0, ((6, 0), (6, 0)))
    assert ledger.expects(state).rule_id == "tennis.match"
    with pytest.raises(ImpossibleEvent, match="the match is over"):
        ledger.apply(state, event(Sport.TENNIS, "ace", "blue"))


def test_the_receiver_cannot_serve_an_ace():
    state = TENNIS.ledger.start(TEAMS, "red")
    assert TENNIS.ledger.expects(state)[:2] == ("serve", "red")
    with pytest.raises(ImpossibleEvent, match=r"red serves .*tennis.service_order; ITF Rules of Tennis 2025, Rule 14"):
        TENNIS.ledger.apply(state, event(Sport.TENNIS, "ace", "blue"))


def test_an_ace_tells_who_serves_when_nobody_said():
    state = play(TENNIS, TENNIS.ledger.start(TEAMS), ("winner", "red"), ("ace", "blue"))
    assert state.server == 0


def test_side_out_gives_service_and_rotates_once():
    state = play(VOLLEYBALL, VOLLEYBALL.ledger.start(TEAMS, "blue"), ("kill", "blue"))
    assert (state.points, state.server, state.rotations) == ((1, 0), 0, (0, 0))
    state = play(VOLLEYBALL, state, ("block", "red"))
    assert (state.points, state.server, state.rotations) == ((1, 1), 1, (0, 1))
    state = play(VOLLEYBALL, state, ("service_error", "red"))
    assert (state.points, state.server, state.rotations) == ((2, 1), 0, (1, 1))
    with pytest.raises(ImpossibleEvent, match="blue serves"):
        play(VOLLEYBALL, state, ("service_ace", "red"))


def test_24_all_goes_on_and_the_fifth_set_ends_at_15():
    state = VOLLEYBALL.ledger.start(TEAMS, "blue")
    for _ in range(24):
        state = play(VOLLEYBALL, state, ("kill", "blue"), ("kill", "red"))
    assert play(VOLLEYBALL, state, ("kill", "blue")).set_scores == ()
    state = play(VOLLEYBALL, state, ("kill", "blue"), ("net_touch", "red"))
    assert (state.set_scores, state.score, state.server) == (((26, 24),), (1, 0), 1)  # the other team serves first now
    for winner in ("red", "blue", "red"):
        state = play(VOLLEYBALL, state, *[("kill", winner)] * 25)
    assert (state.score, state.target, state.server) == ((2, 2), 15, None)  # a new toss
    state = play(VOLLEYBALL, state, *[("block", "red")] * 15)
    assert (state.winner, state.set_scores[-1]) == (1, (0, 15))


def test_soccer_restarts_follow_the_law():
    ledger = SoccerLedger()
    state = ledger.start(TEAMS, "blue")
    assert ledger.expects(state) == ("kick off", "blue", "soccer.kick_off")
    state = play(SOCCER, state, ("kick_off", "blue"), ("goal", "red"))
    assert state.score == (0, 1) and ledger.expects(state) == ("kick off", "blue", "soccer.kick_off")
    with pytest.raises(ImpossibleEvent, match="Law 8"):
        play(SOCCER, state, ("corner_kick", "red"))
    with pytest.raises(ImpossibleEvent, match="it is blue's to take"):
        play(SOCCER, state, ("kick_off", "red"))
    state = play(SOCCER, state, ("kick_off", "blue"), ("foul", "blue"))
    assert ledger.expects(state) == ("free kick", "red", "soccer.free_kick")
    state = play(SOCCER, state, ("penalty_kick", "red"), ("goal", "red"), ("kick_off", "blue"), ("offside", "blue"))
    assert ledger.expects(state) == ("indirect free kick", "red", "soccer.offside")
    state = play(SOCCER, state, ("indirect_free_kick", "red"), ("corner_kick", "blue"), ("goal", "blue"), ("half_time", None))
    assert ledger.expects(state).team == "red"  # blue kicked off the first half
    state = play(SOCCER, state, ("kick_off", "red"), ("full_time", None))
    assert (state.score, state.winner, state.over) == ((1, 2), 1, True)
    assert ledger.possible(state) == ()


def test_a_second_caution_sends_off_and_who_is_sent_off_stays_off():
    ledger = SoccerLedger()
    state = ledger.midway(TEAMS)
    for number in range(2):
        state = ledger.apply(state, event(Sport.SOCCER, "yellow_card", "red", number, player="7"))
    assert (state.cautioned, state.sent_off) == (("red/7",), ("red/7",))
    with pytest.raises(ImpossibleEvent, match="7 was sent off"):
        ledger.apply(state, event(Sport.SOCCER, "goal", "red", player="7"))
    assert ledger.apply(state, event(Sport.SOCCER, "goal", "blue", player="7")).score == (1, 0)


@pytest.mark.parametrize(("sport", "kind", "follows"), [
    (Sport.SOCCER, "goal", "red restarts play"), (Sport.SOCCER, "corner_kick", "blue restarts play"),
    (Sport.SOCCER, "foul", "red restarts play"), (Sport.SOCCER, "offside", "red restarts play"),
    (Sport.TENNIS, "ace", "blue wins the point"), (Sport.TENNIS, "double_fault", "red wins the point"),
    (Sport.TENNIS, "net_point", "blue wins the point"), (Sport.TENNIS, "long_out", "red wins the point"),
    (Sport.VOLLEYBALL, "kill", "blue wins the point"), (Sport.VOLLEYBALL, "block", "blue wins the point"),
    (Sport.VOLLEYBALL, "service_ace", "blue wins the point"), (Sport.VOLLEYBALL, "net_touch", "red wins the point"),
])
def test_what_follows_an_event_by_blue(sport, kind, follows):
    module = sport_module(sport)
    consequence = module.ledger.consequence(event(sport, kind, "blue"), TEAMS)
    assert f"{consequence.team} {consequence.what}" == follows
    assert all(module.rule(rule_id).law for rule_id in consequence.rule_ids)


def test_an_excerpt_is_judged_event_by_event_and_a_whole_match_by_its_course():
    steps = [("ace", "red"), ("ace", "blue"), ("home_run", "blue")]
    events = [event(Sport.TENNIS, kind, team, number) for number, (kind, team) in enumerate(steps)]
    excerpt = TENNIS.legal_events(events)
    assert [e.event_id for e in excerpt.items] == ["event-0", "event-1"]
    whole = TENNIS.legal_events(events, complete=True)
    assert [d.item for d in whole.drops] == ["event-1", "event-2"]
    assert {d.reason for d in whole.drops} == {DropReason.IMPOSSIBLE_EVENT}
    assert "Rule 14" in whole.drops[0].detail and "no event 'home_run'" in whole.drops[1].detail


def test_a_real_match_replays_to_its_own_set_scores():
    """Stuttgart - Schwerin 2018: 213 rallies by a scout; the file's own [3SET] section says how the sets ended."""
    from deepsport.records import Broadcast
    from deepsport.timebase import FrameRate
    from ingest.feeds import FeedConfig, read_feed

    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    rate = FrameRate(num=25)
    match = Broadcast(broadcast_id="b", sport=Sport.VOLLEYBALL, title="match", source_uri="x.mp4", media_sha256="0", size_bytes=1,
                      duration_s=20_000, width=640, height=360, source_rate=rate, proxy_key="p", proxy_rate=rate,
                      proxy_num_frames=500_000, has_audio=False)
    path = Path(folder) / "annotations" / "ovdata__scout__stuttgart-schwerin-2018.dvw"
    events = read_feed(path, broadcast=match, config=FeedConfig()).items
    kept = VOLLEYBALL.legal_events(events, complete=True)
    assert (len(kept.items), kept.drops) == (213, [])
    state = VOLLEYBALL.ledger.replay(VOLLEYBALL.ledger.start(teams_of(events)), kept.items)
    assert state.set_scores == ((25, 21), (22, 25), (22, 25), (25, 21), (12, 15))
    assert state.teams[state.winner] == "SSC Palmberg Schwerin"


def test_a_team_that_does_not_play_is_refused():
    with pytest.raises(ImpossibleEvent, match="'green', but the teams are blue and red"):
        VOLLEYBALL.ledger.consequence(event(Sport.VOLLEYBALL, "kill", "green"), TEAMS)


def test_captions_leave_out_what_is_not_known():
    assert describe(event(Sport.TENNIS, "double_fault", "white")) == "double fault, white"
    assert describe(event(Sport.TENNIS, "ace", None, zone="right", num_players=1)) == "ace, right, 1"
    assert teams_of([event(Sport.TENNIS, "ace", t) for t in ("a", "b", "c")]) is None


def test_a_sport_without_a_file_is_a_persons_error():
    with pytest.raises(UserError, match="known are soccer, tennis, volleyball"):
        sport_module(Sport.OTHER)


def test_the_vocabularies_and_rules_are_well_formed():
    for module in map(sport_module, known_sports()):
        kinds = [kind.kind for kind in module.kinds]
        assert len(set(kinds)) == len(kinds) and set(module.core_kinds) <= set(kinds) and len(module.core_kinds) == 4
        assert len(module.rules) >= 6 and len({rule.rule_id for rule in module.rules}) == len(module.rules)
        for rule in module.rules:
            assert rule.rule_id.startswith(f"{module.sport}.") and rule.tags and len(rule.text.split()) < 80
