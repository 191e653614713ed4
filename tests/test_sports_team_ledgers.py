"""The team sports as code: games worked out by hand."""

from __future__ import annotations

import pytest

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports.american_football import AMERICAN_FOOTBALL, AmericanFootballLedger
from deepsport.sports.baseball import BASEBALL, BaseballLedger
from deepsport.sports.basketball import BASKETBALL
from deepsport.sports.ice_hockey import ICE_HOCKEY
from deepsport.sports.soccer import SOCCER
from deepsport.timebase import Span

TEAMS = ("blue", "red")
MODULES = [SOCCER, BASKETBALL, ICE_HOCKEY, AMERICAN_FOOTBALL, BASEBALL]


def event(module, kind, team=None, number=0, **fields):
    return Event(event_id=f"event-{number}", broadcast_id="b", sport=module.sport, kind=kind, time_s=float(number),
                 evidence=Span(start_s=number, end_s=number + 0.5), team=team, **fields)


def play(module, state, *steps):
    """Each step is ``kind team`` or ``kind team value-or-outcome`` as words."""
    for number, step in enumerate(steps):
        kind, team, *rest = (*step.split(), None)[: max(len(step.split()), 2)]
        fields = {}
        for word in rest:
            if word.lstrip("-").isdigit():
                fields["value"] = float(word)
            else:
                fields["player" if word.startswith("#") else "outcome"] = word
        state = module.ledger.apply(state, event(module, kind, team, number, **fields))
    return state


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.sport)
def test_every_consequence_cites_rules_and_names_a_team(module):
    for kind in module.kinds:
        consequence = module.ledger.consequence(event(module, kind.kind, "blue"), TEAMS)
        assert kind.kind not in module.core_kinds or module.sport == "ice_hockey" or consequence is not None
        if consequence is not None:
            assert consequence.team in TEAMS and all(module.rule(rule_id).law for rule_id in consequence.rule_ids)
            with pytest.raises(ImpossibleEvent, match="green"):
                module.ledger.consequence(event(module, kind.kind, "green"), TEAMS)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.sport)
def test_rules_are_many_short_and_distinct(module):
    assert 15 <= len(module.rules) <= 40
    assert len({rule.text for rule in module.rules}) == len(module.rules)
    for kind in module.kinds:
        assert kind.kind == kind.kind.lower() and kind.description.endswith(".")


# Soccer

def level_after_90(first="blue"):
    return play(SOCCER, SOCCER.ledger.start(TEAMS, first), "kick_off blue", "half_time", "kick_off red")


def test_an_own_goal_counts_for_the_others_who_do_not_kick_off():
    state = play(SOCCER, SOCCER.ledger.start(TEAMS, "blue"), "kick_off blue", "own_goal blue")
    assert state.score == (0, 1) and SOCCER.ledger.expects(state)[:2] == ("kick off", "blue")


def test_advantage_leaves_the_ball_in_play_and_a_penalty_must_be_one():
    state = play(SOCCER, SOCCER.ledger.start(TEAMS, "blue"), "kick_off blue", "foul red advantage", "goal blue")
    assert state.score == (1, 0)
    back = play(SOCCER, SOCCER.ledger.start(TEAMS, "blue"), "kick_off blue", "foul red advantage", "free_kick blue")
    with pytest.raises(ImpossibleEvent, match="nothing has happened"):  # the advantage is spent
        play(SOCCER, back, "free_kick blue")
    state = play(SOCCER, state, "kick_off red", "foul blue penalty")
    with pytest.raises(ImpossibleEvent, match="the penalty kick is due"):
        play(SOCCER, state, "free_kick red")
    with pytest.raises(ImpossibleEvent, match=r"soccer.penalty_time; .*Law 7"):
        play(SOCCER, state, "half_time")
    assert play(SOCCER, state, "penalty_kick red retaken").restart == "penalty_kick"


def test_extra_time_then_penalties_decide_a_level_match():
    ledger, state = SOCCER.ledger, level_after_90()
    state = play(SOCCER, state, "extra_time")
    assert (state.half, ledger.expects(state)[:2]) == (3, ("kick off", None))  # a new toss
    state = play(SOCCER, state, "kick_off red", "goal red", "kick_off blue", "half_time")
    assert ledger.expects(state)[:2] == ("kick off", "blue")
    with pytest.raises(ImpossibleEvent, match="the score is 0-1"):
        play(SOCCER, state, "kick_off blue", "shootout")
    state = play(SOCCER, state, "kick_off blue", "goal blue", "kick_off red", "shootout")
    with pytest.raises(ImpossibleEvent, match=r"taken in turn.*Law 10.3"):
        play(SOCCER, state, "shootout_goal red", "shootout_goal red")
    state = play(SOCCER, state, *["shootout_goal red", "shootout_miss blue"] * 2, "shootout_goal red")
    assert state.winner is None and state.shootout_score == (0, 3)
    state = play(SOCCER, state, "shootout_miss blue")  # 3-0 with two to take each
    assert (state.winner, state.score, state.over) == (1, (1, 1), True)


def test_sudden_death_needs_equal_kicks():
    state = play(SOCCER, level_after_90(), "shootout", *["shootout_goal red", "shootout_goal blue"] * 5, "shootout_goal red")
    assert state.winner is None
    assert play(SOCCER, state, "shootout_miss blue").winner == 1
    assert play(SOCCER, state, "shootout_goal blue").winner is None


def test_who_was_replaced_takes_no_further_part_and_six_changes_are_one_too_many():
    state = play(SOCCER, SOCCER.ledger.start(TEAMS), "kick_off blue", "substitution blue #9")
    with pytest.raises(ImpossibleEvent, match=r"#9 was replaced .*Law 3"):
        play(SOCCER, state, "goal blue #9")
    state = play(SOCCER, state, *[f"substitution blue #{n}" for n in range(4)])
    with pytest.raises(ImpossibleEvent, match="has made its 5 changes"):
        play(SOCCER, state, "substitution blue #5")
    assert play(SOCCER, level_after_90(), "extra_time", *[f"substitution red #{n}" for n in range(6)]).num_replaced == (0, 6)


def test_a_team_of_six_ends_the_match():
    state = play(SOCCER, SOCCER.ledger.start(TEAMS), "kick_off blue", *[f"red_card blue #{n}" for n in range(4)])
    assert not state.over
    assert play(SOCCER, state, "red_card blue #8").over


# Basketball

def test_baskets_count_two_and_three_and_give_the_ball_away():
    ledger = BASKETBALL.ledger
    state = play(BASKETBALL, ledger.start(TEAMS), "jump_ball blue", "two_pointer blue", "three_pointer red")
    assert (state.score, state.possession, state.arrow) == ((2, 3), 0, 1)
    with pytest.raises(ImpossibleEvent, match=r"blue has the ball .*Art. 17"):
        play(BASKETBALL, state, "two_pointer red")
    with pytest.raises(ImpossibleEvent, match="nobody has the ball"):
        play(BASKETBALL, state, "missed_shot blue", "two_pointer blue")
    assert play(BASKETBALL, state, "missed_shot blue", "rebound blue", "two_pointer blue").score == (4, 3)


def test_the_fifth_team_foul_brings_free_throws_and_a_quarter_forgets():
    state = BASKETBALL.ledger.start(TEAMS, "blue")
    for _ in range(4):
        state = play(BASKETBALL, state, "personal_foul red")
        assert state.pending == () and state.possession == 0
    assert state.bonus == (False, True)
    fouled = play(BASKETBALL, state, "personal_foul red")
    assert BASKETBALL.ledger.expects(fouled)[:2] == ("free throw", "blue") and fouled.pending[0].left == 2
    with pytest.raises(ImpossibleEvent, match="blue has 2 free throws"):
        play(BASKETBALL, fouled, "two_pointer blue")
    after = play(BASKETBALL, fouled, "free_throw_made blue", "free_throw_missed blue")
    assert (after.score, after.loose) == ((1, 0), True)
    assert play(BASKETBALL, state, "personal_foul blue").possession == 1  # a foul in control: no free throws
    assert play(BASKETBALL, state, "quarter_end").team_fouls == (0, 0)


def test_and_one_needs_a_basket_just_made():
    state = play(BASKETBALL, BASKETBALL.ledger.start(TEAMS, "blue"), "three_pointer blue", "personal_foul red and_one",
                 "free_throw_made blue")
    assert (state.score, state.possession) == ((4, 0), 1)
    with pytest.raises(ImpossibleEvent, match="has made no basket just now"):
        play(BASKETBALL, state, "personal_foul red and_one")


def test_a_technical_is_shot_first_and_the_ball_stays():
    state = play(BASKETBALL, BASKETBALL.ledger.start(TEAMS, "blue"), "personal_foul red shooting_2", "technical_foul blue")
    assert [due.team for due in state.pending] == [1, 0]
    state = play(BASKETBALL, state, "free_throw_made red", "free_throw_made blue", "free_throw_made blue")
    assert (state.score, state.possession) == ((2, 1), 1)
    state = play(BASKETBALL, state, "technical_foul blue", "free_throw_missed red")
    assert state.possession == 1 and not state.loose
    state = play(BASKETBALL, state, "unsportsmanlike_foul blue", "free_throw_made red", "free_throw_made red")
    assert (state.score, state.possession) == ((2, 3), 1)


def test_a_player_with_five_fouls_or_two_technicals_is_out():
    state = play(BASKETBALL, BASKETBALL.ledger.start(TEAMS, "blue"), *["personal_foul red #5"] * 4)
    assert state.out == ()
    state = play(BASKETBALL, state, "personal_foul red #5", "free_throw_made blue", "free_throw_made blue")
    assert state.out == ("red/#5",)
    with pytest.raises(ImpossibleEvent, match=r"#5 is out .*Art. 40"):
        play(BASKETBALL, state, "two_pointer red #5")
    state = play(BASKETBALL, state, "technical_foul red #6", "free_throw_made blue", "technical_foul red #6")
    assert state.out == ("red/#5", "red/#6")


def test_level_games_go_on_and_the_arrow_turns():
    state = play(BASKETBALL, BASKETBALL.ledger.start(TEAMS, "blue"), "quarter_end")
    assert (state.possession, state.arrow) == (1, 0)
    state = play(BASKETBALL, state, "held_ball", "quarter_end", *["personal_foul blue"] * 3, "quarter_end", "quarter_end")
    assert (state.quarter, state.over, state.team_fouls) == (5, False, (0, 0))
    state = play(BASKETBALL, state, *["personal_foul red"] * 4, "quarter_end")
    assert (state.quarter, state.team_fouls) == (6, (0, 4))  # overtimes count on
    team = TEAMS[state.possession]
    state = play(BASKETBALL, state, f"two_pointer {team}", "quarter_end")
    assert state.over and TEAMS[state.winner] == team


# Ice hockey

def test_a_power_play_goal_ends_the_first_minor_and_never_a_major():
    state = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), "faceoff blue", "minor_penalty red #4", "minor_penalty red #5")
    assert (state.short, state.power_play) == ((0, 2), 0)
    state = play(ICE_HOCKEY, state, "faceoff blue", "goal blue")
    assert [p.player for p in state.penalties] == ["red/#5"]
    state = play(ICE_HOCKEY, state, "faceoff red", "goal red #6")
    assert len(state.penalties) == 1  # a short-handed goal ends nothing
    state = play(ICE_HOCKEY, state, "penalty_end red", "major_penalty red #6", "faceoff blue", "goal blue")
    assert [p.kind for p in state.penalties] == ["major"] and state.score == (2, 1)
    with pytest.raises(ImpossibleEvent, match="#6 is in the penalty box"):
        play(ICE_HOCKEY, state, "faceoff red #6")
    assert play(ICE_HOCKEY, state, "penalty_end red #6", "faceoff red #6").out == ()  # a major alone sends nobody off


def test_a_dangerous_action_sends_the_player_off_and_a_team_mate_to_the_box():
    state = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), "faceoff blue", "match_penalty red #6", "penalty_end red")
    assert state.short == (0, 0)
    with pytest.raises(ImpossibleEvent, match="#6 is out of the game"):
        play(ICE_HOCKEY, state, "faceoff red #6")


def test_a_double_minor_is_two_minors():
    state = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), "double_minor blue #9", "faceoff red", "goal red")
    assert state.short == (1, 0)
    with pytest.raises(ImpossibleEvent, match="#9 is in the penalty box"):
        play(ICE_HOCKEY, state, "faceoff blue #9")
    assert play(ICE_HOCKEY, state, "penalty_end blue #9").short == (0, 0)


def test_a_short_handed_team_may_ice_the_puck():
    state = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), "minor_penalty red", "faceoff blue")
    with pytest.raises(ImpossibleEvent, match=r"short-handed .*Rule 81"):
        play(ICE_HOCKEY, state, "icing red")
    assert play(ICE_HOCKEY, state, "icing blue").phase == "faceoff"
    even = play(ICE_HOCKEY, state, "minor_penalty blue", "faceoff blue")
    assert even.power_play is None and play(ICE_HOCKEY, even, "icing red").phase == "faceoff"


def test_play_stops_until_the_face_off():
    state = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), "faceoff blue", "offside red")
    for step in ("goal blue", "icing red", "stoppage"):
        with pytest.raises(ImpossibleEvent, match="the face-off has not been taken"):
            play(ICE_HOCKEY, state, step)
    with pytest.raises(ImpossibleEvent, match="play has not been stopped"):
        play(ICE_HOCKEY, state, "faceoff blue", "faceoff blue")


def test_penalty_shots_belong_to_one_team():
    state = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), "faceoff blue", "penalty_shot red")
    with pytest.raises(ImpossibleEvent, match="red takes a penalty shot"):
        play(ICE_HOCKEY, state, "goal blue")
    with pytest.raises(ImpossibleEvent, match="has not been taken"):
        play(ICE_HOCKEY, state, "period_end")
    assert play(ICE_HOCKEY, state, "goal red").score == (0, 1)
    assert play(ICE_HOCKEY, state, "penalty_shot_miss red").phase == "faceoff"


def test_overtime_is_sudden_and_a_shoot_out_adds_one_goal():
    level = play(ICE_HOCKEY, ICE_HOCKEY.ledger.start(TEAMS), *["period_end"] * 3)
    assert level.period == 4
    assert play(ICE_HOCKEY, level, "faceoff red", "goal blue").winner == 0
    state = play(ICE_HOCKEY, level, "period_end")
    assert state.phase == "shootout"
    state = play(ICE_HOCKEY, state, *["shootout_miss red", "shootout_miss blue"] * 5, "shootout_goal red", "shootout_miss blue")
    assert (state.winner, state.score) == (1, (0, 1))


# American football

def first_and_ten(on=25):
    return play(AMERICAN_FOOTBALL, AMERICAN_FOOTBALL.ledger.start(TEAMS, "red"), f"kickoff red {on}")


def test_ten_yards_make_a_first_down_and_four_downs_without_lose_the_ball():
    ledger, state = AMERICAN_FOOTBALL.ledger, first_and_ten()
    assert ledger.expects(state)[:2] == ("first and 10", "blue")
    state = play(AMERICAN_FOOTBALL, state, "run blue 4", "sack blue -6", "pass_complete blue 12")
    assert (state.down, state.to_go, state.ball_on, state.team) == (1, 10, 35, 0)
    state = play(AMERICAN_FOOTBALL, state, "run blue 3", "pass_incomplete blue", "run blue 3", "run blue 3")
    assert (state.down, state.to_go, state.ball_on, state.team) == (1, 10, 56, 1)
    with pytest.raises(ImpossibleEvent, match="red has the ball"):
        play(AMERICAN_FOOTBALL, state, "run blue 3")


def test_scores_are_followed_by_their_kick():
    ledger, state = AMERICAN_FOOTBALL.ledger, first_and_ten()
    state = play(AMERICAN_FOOTBALL, state, "touchdown blue")
    with pytest.raises(ImpossibleEvent, match="the try has not been made"):
        play(AMERICAN_FOOTBALL, state, "kickoff blue")
    assert play(AMERICAN_FOOTBALL, state, "extra_point blue").score == (7, 0)
    state = play(AMERICAN_FOOTBALL, state, "two_point blue")
    assert state.score == (8, 0) and ledger.expects(state)[:2] == ("kickoff", "blue")
    with pytest.raises(ImpossibleEvent, match="blue kicks"):
        play(AMERICAN_FOOTBALL, state, "kickoff red")
    state = play(AMERICAN_FOOTBALL, state, "kickoff blue 25", "safety blue")
    assert state.score == (10, 0) and ledger.expects(state) == ("kickoff", "red", "american_football.safety_kick")
    state = play(AMERICAN_FOOTBALL, state, "kickoff red 30", "interception red 40", "field_goal red")
    assert state.score == (10, 3) and state.team == 1


def test_yards_that_reach_a_goal_line_are_a_score():
    with pytest.raises(ImpossibleEvent, match="which is a touchdown"):
        play(AMERICAN_FOOTBALL, first_and_ten(92), "run blue 8")
    with pytest.raises(ImpossibleEvent, match="which is a safety"):
        play(AMERICAN_FOOTBALL, first_and_ten(5), "sack blue -6")
    assert AMERICAN_FOOTBALL.ledger.expects(first_and_ten(93)).what == "first and goal"


def test_penalties_move_the_ball_and_the_line():
    state = play(AMERICAN_FOOTBALL, first_and_ten(), "penalty blue 5")
    assert (state.down, state.to_go, state.ball_on) == (1, 15, 20)
    assert play(AMERICAN_FOOTBALL, state, "penalty red 15").to_go == 10
    held = play(AMERICAN_FOOTBALL, state, "penalty red 5 automatic_first_down")
    assert (held.down, held.to_go, held.ball_on) == (1, 10, 25)
    assert play(AMERICAN_FOOTBALL, state, "penalty blue 10 loss_of_down").down == 2
    assert play(AMERICAN_FOOTBALL, state, "penalty red 15 declined") == state
    with pytest.raises(ImpossibleEvent, match="only the defence's"):
        play(AMERICAN_FOOTBALL, state, "penalty blue 5 automatic_first_down")
    with pytest.raises(ImpossibleEvent, match=r"Rule 14-2"):
        play(AMERICAN_FOOTBALL, first_and_ten(4), "penalty blue 5")


def overtime(first="red"):
    state = play(AMERICAN_FOOTBALL, AMERICAN_FOOTBALL.ledger.start(TEAMS, "red"), *["quarter_end"] * 4)
    return play(AMERICAN_FOOTBALL, state, f"kickoff {first} 30")


def test_in_overtime_each_team_has_a_chance():
    state = play(AMERICAN_FOOTBALL, overtime(), "touchdown blue", "extra_point blue")
    assert state.winner is None
    assert play(AMERICAN_FOOTBALL, state, "kickoff blue 30", "interception blue 50").winner == 0
    answered = play(AMERICAN_FOOTBALL, state, "kickoff blue 30", "touchdown red")
    assert play(AMERICAN_FOOTBALL, answered, "two_point red").winner == 1
    level = play(AMERICAN_FOOTBALL, answered, "extra_point red")
    assert level.winner is None
    assert play(AMERICAN_FOOTBALL, level, "kickoff red 30", "field_goal blue").winner == 0  # now any score wins
    assert play(AMERICAN_FOOTBALL, overtime(), "safety red").winner == 1
    assert play(AMERICAN_FOOTBALL, overtime(), "touchdown red").winner == 1  # a return: the first team had its chance
    tie = play(AMERICAN_FOOTBALL, overtime(), "quarter_end")
    assert (tie.phase, tie.winner) == ("over", None)
    second = AmericanFootballLedger(ties=False).apply(overtime(), event(AMERICAN_FOOTBALL, "quarter_end"))
    assert (second.phase, second.quarter) == ("scrimmage", 6)


def test_a_fourth_time_out_is_refused_until_the_half():
    state = play(AMERICAN_FOOTBALL, first_and_ten(), *["timeout blue"] * 3)
    with pytest.raises(ImpossibleEvent, match="has taken its 3"):
        play(AMERICAN_FOOTBALL, state, "timeout blue")
    assert play(AMERICAN_FOOTBALL, state, "quarter_end", "quarter_end", "timeout blue").timeouts == (1, 0)


# Baseball

def test_four_balls_walk_and_force_only_whom_they_must():
    state = play(BASEBALL, BASEBALL.ledger.start(TEAMS, "blue"), "triple blue", *["ball blue"] * 4)
    assert state.bases == (True, False, True) and (state.balls, state.score) == (0, (0, 0))
    state = play(BASEBALL, state, "hit_by_pitch blue", *["ball blue"] * 4)
    assert state.bases == (True, True, True) and state.score == (1, 0)
    assert play(BASEBALL, state, "home_run blue").score == (5, 0)


def test_fouls_make_no_third_strike_and_a_dropped_one_needs_first_base_free():
    state = play(BASEBALL, BASEBALL.ledger.start(TEAMS, "blue"), *["foul_ball blue"] * 5)
    assert (state.strikes, state.outs) == (2, 0)
    assert play(BASEBALL, state, "strike blue").outs == 1
    assert play(BASEBALL, state, "strike blue dropped").bases == (True, False, False)
    on_first = play(BASEBALL, BASEBALL.ledger.start(TEAMS, "blue"), "single blue", "strike blue", "strike blue")
    with pytest.raises(ImpossibleEvent, match=r"Rule 5.05\(a\)\(2\)"):
        play(BASEBALL, on_first, "strike blue dropped")


def test_three_outs_change_sides():
    state = play(BASEBALL, BASEBALL.ledger.start(TEAMS, "blue"), "single blue", "double_play blue", "fly_out blue")
    assert (state.at_bat, state.bottom, state.outs, state.bases, state.line) == (1, True, 0, (False, False, False), (0,))
    with pytest.raises(ImpossibleEvent, match="red is at bat"):
        play(BASEBALL, state, "single blue")
    with pytest.raises(ImpossibleEvent, match="no runner can"):
        play(BASEBALL, state, "double_play red")


def test_runners_need_a_free_base():
    state = play(BASEBALL, BASEBALL.ledger.start(TEAMS, "blue"), "single blue", "single blue")
    assert state.bases == (True, True, False)
    with pytest.raises(ImpossibleEvent, match="the next base is occupied"):
        play(BASEBALL, state, "stolen_base blue 1")
    state = play(BASEBALL, state, "stolen_base blue 2", "stolen_base blue 1")
    assert state.bases == (False, True, True)
    state = play(BASEBALL, state, "advance blue 3", "ball blue", "runner_out blue 2")
    assert (state.score, state.outs, state.balls, state.bases) == ((1, 0), 1, 1, (False, False, False))
    with pytest.raises(ImpossibleEvent, match="nobody is on base"):
        play(BASEBALL, state, "balk blue")
    with pytest.raises(ImpossibleEvent, match="Infield Fly"):
        play(BASEBALL, state, "infield_fly blue")


def to_the_ninth(visitors_runs, home_runs):
    steps = ["home_run blue"] * visitors_runs + ["fly_out blue"] * 3 + ["home_run red"] * home_runs + ["fly_out red"] * 3
    rest = (["fly_out blue"] * 3 + ["fly_out red"] * 3) * 7
    return play(BASEBALL, BASEBALL.ledger.start(TEAMS, "blue"), *steps, *rest)


def test_the_bottom_of_the_ninth_is_not_played_when_the_home_team_leads():
    state = play(BASEBALL, to_the_ninth(0, 1), *["fly_out blue"] * 3)
    assert (state.winner, state.inning, len(state.line)) == (1, 9, 17)


def test_a_walk_off_ends_with_the_winning_run_but_a_home_run_counts_in_full():
    loaded = play(BASEBALL, to_the_ninth(2, 2), *["fly_out blue"] * 3, *["single red"] * 3)
    assert play(BASEBALL, loaded, "triple red").score == (2, 3)
    assert play(BASEBALL, loaded, "home_run red").score == (2, 6)
    won = play(BASEBALL, loaded, *["ball red"] * 4)
    assert (won.winner, won.score) == (1, (2, 3))
    with pytest.raises(ImpossibleEvent, match="the game is over"):
        play(BASEBALL, won, "ball red")


def test_extra_innings_begin_with_a_runner_on_second():
    state = play(BASEBALL, to_the_ninth(1, 1), *["fly_out blue"] * 3, *["fly_out red"] * 3)
    assert (state.inning, state.bottom, state.bases, state.over) == (10, False, (False, True, False), False)
    state = play(BASEBALL, state, "single blue", "advance blue 2", "advance blue 3", *["fly_out blue"] * 3, *["fly_out red"] * 3)
    assert (state.winner, state.score) == (0, (2, 1))
    classic = BaseballLedger(runner_on_second=False)
    events = [event(BASEBALL, "fly_out", team) for _ in range(9) for team in ("blue",) * 3 + ("red",) * 3]
    assert classic.replay(classic.start(TEAMS, "blue"), events).bases == (False, False, False)
