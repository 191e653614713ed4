"""Laws that hold in every sport: for legal random games, for what the rules forbid, and for what can be asked of a record."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.errors import ImpossibleEvent
from deepsport.records import Event
from deepsport.sports import known_sports, sport_module
from deepsport.sports.queries import by_the_other, counterfactual, deciding_events, state_at
from deepsport.taxonomy import Sport
from deepsport.timebase import Span

TEAMS = ("blue", "red")
SPORTS = known_sports()
OUTCOMES = {
    "foul": (None, "advantage", "penalty", "indirect"), "free_kick": (None, "retaken"), "minor_penalty": (None, "coincidental"),
    "personal_foul": (None, "shooting_2", "shooting_3", "and_one"), "strike": (None, "dropped"), "run": (None, "first_down"),
    "penalty": (None, "automatic_first_down", "loss_of_down", "declined"), "kickoff": (None, "recovered"),
    "challenge": (None, "unsuccessful"), "expedite": (None, "in_play"),
}
VALUES = {"kickoff": (25, 35), "run": (-2, 3, 12), "pass_complete": (7, 20), "sack": (-6,), "punt": (20,), "penalty": (5, 15),
          "interception": (30,), "fumble_recovery": (45,), "field_goal_missed": (30,), "stolen_base": (1, 2, 3),
          "advance": (1, 2, 3), "runner_out": (1, 2, 3), "double_play": (1, 2, 3), "fielders_choice": (1, 2, 3)}
RARE = {"quarter_end", "period_end", "half_time", "full_time", "extra_time", "shootout", "black_card", "disqualification",
        "knockout", "technical_knockout", "retirement", "foul_stoppage", "round_end"}
"""Kinds that end things, drawn seldom so that games get somewhere."""


def event(sport, kind, team=None, number=0, **fields):
    return Event(event_id=f"event-{number}", broadcast_id="b", sport=sport, kind=kind, time_s=float(number),
                 evidence=Span(start_s=number, end_s=number + 0.5), team=team, **fields)


def drawn_event(rng, module, state, number):
    """An event that may well be impossible."""
    kind = rng.choice(module.kinds)
    if kind.kind in RARE and rng.random() < 0.7:
        kind = rng.choice(module.kinds)
    made = module.ledger.probe(state, kind.kind, rng.choice(TEAMS) if "team" in kind.carries else None)
    fields = {"event_id": f"event-{number}", "time_s": float(number), "evidence": Span(start_s=number, end_s=number + 0.5)}
    if kind.kind in OUTCOMES:
        fields["outcome"] = rng.choice(OUTCOMES[kind.kind])
    if kind.kind in VALUES and rng.random() < 0.8:
        fields["value"] = float(rng.choice(VALUES[kind.kind]))
    if "player" in kind.carries:
        fields["player"] = rng.choice((None, "4", "7"))
    return made.model_copy(update=fields)


def random_game(sport, seed, length, firsts=(None, *TEAMS)):
    """A legal game: its first state, events, and the state after each."""
    module, rng = sport_module(sport), random.Random(f"{sport}/{seed}")
    start = state = module.ledger.start(TEAMS, rng.choice(firsts))
    events, states = [], []
    for _ in range(15 * length):
        drawn = drawn_event(rng, module, state, len(events))
        try:
            state = module.ledger.apply(state, drawn)
        except ImpossibleEvent:
            continue
        events.append(drawn)
        states.append(state)
        if len(events) == length:
            break
    return start, events, states


@pytest.mark.parametrize("sport", SPORTS)
@given(seed=st.integers(0, 10_000), cut=st.floats(0, 1))
@settings(max_examples=6, deadline=None)
def test_a_legal_game_replays_from_anywhere_and_no_state_knows_the_future(sport, seed, cut):
    start, events, states = random_game(sport, seed, 40)
    ledger = sport_module(sport).ledger
    assert ledger.states(start, events) == states and events
    middle = round(cut * len(events))
    a, b = events[:middle], events[middle:]
    assert ledger.states(start, a) == states[:middle]
    assert ledger.replay(ledger.replay(start, a), b) == states[-1]


@pytest.mark.parametrize("sport", SPORTS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=4, deadline=None)
def test_a_whole_legal_game_loses_no_event(sport, seed):
    _, events, _ = random_game(sport, seed, 30, firsts=(None,))
    module = sport_module(sport)
    if module.ledger.competitors(events) == TEAMS and events:
        assert module.legal_events(events, complete=True).drops == []


@pytest.mark.parametrize("sport", SPORTS)
@given(seed=st.integers(0, 10_000), where=st.floats(0, 0.999))
@settings(max_examples=6, deadline=None)
def test_what_is_not_possible_is_refused_with_its_rule_and_what_is_leads_to_a_sound_state(sport, seed, where):
    states = random_game(sport, seed, 30)[2]
    module = sport_module(sport)
    rule_ids = {rule.rule_id for rule in module.rules}
    state = states[int(where * len(states))]
    possible = set(module.ledger.possible(state))
    for kind in module.kinds:
        for team in TEAMS if "team" in kind.carries else (None,):
            tried = module.ledger.probe(state, kind.kind, team)
            if (kind.kind, team) not in possible:
                with pytest.raises(ImpossibleEvent, match=rf"\({sport}\.\w+; .*\)"):
                    module.ledger.apply(state, tried)
            else:
                after = module.ledger.apply(state, tried)
                if sport != Sport.BOXING:  # where the score is how many judges have each boxer ahead
                    assert all(new >= old for new, old in zip(after.score, state.score, strict=True))
                assert module.ledger.expects(after).rule_id in rule_ids
                assert module.ledger.expects(after).team in (None, *TEAMS)
    for stranger in (event(sport, module.core_kinds[0], "green"), event(sport, "somersault_of_joy", "blue")):
        with pytest.raises(ImpossibleEvent):
            module.ledger.apply(state, stranger)


@pytest.mark.parametrize("sport", [Sport.TENNIS, Sport.BADMINTON])
def test_an_excerpt_of_a_legal_game_is_refused_nothing(sport):
    module = sport_module(sport)
    for seed in range(4):
        _, events, _ = random_game(sport, seed, 50)
        openings = module.ledger.openings(TEAMS)
        assert openings and not module.course(openings, events[7 + 3 * seed:]).events.drops


@pytest.mark.parametrize("sport", SPORTS)
def test_the_end_is_the_end(sport):
    """However a contest is won, nothing may follow, and the ledger says why."""
    module = sport_module(sport)
    won = 0
    for seed in range(5):
        _, _, states = random_game(sport, seed, 350 if sport not in (Sport.DIVING, Sport.GYMNASTICS) else 10)
        if states[-1].winner is not None:
            won += 1
            assert not module.ledger.possible(states[-1])
            assert "over" in module.ledger.expects(states[-1]).what
    assert won or sport in (Sport.DIVING, Sport.GYMNASTICS)  # of which nobody says how many rounds there are


@pytest.mark.parametrize("sport", SPORTS)
@given(seed=st.integers(0, 10_000), time_s=st.floats(-1, 35))
@settings(max_examples=6, deadline=None)
def test_the_state_at_a_time_is_that_after_the_events_up_to_it(sport, seed, time_s):
    start, events, states = random_game(sport, seed, 30)
    module = sport_module(sport)
    found = state_at(module.ledger, start, events, time_s)
    so_far = sum(event.time_s <= time_s for event in events)
    assert found.num_events == so_far and found.state == ([start, *states])[so_far]
    assert module.rule(found.expected.rule_id).text and found.expected == module.ledger.expects(found.state)
    assert (found.period is None) == (found.period_s is None) == (module.ledger.period_field is None)
    assert found.period_s is None or 0 <= found.period_s <= max(0.0, time_s)


@pytest.mark.parametrize("sport", SPORTS)
@given(seed=st.integers(0, 10_000), where=st.floats(0, 0.999))
@settings(max_examples=5, deadline=None)
def test_a_counterfactual_changes_nothing_before_and_says_what_could_not_follow(sport, seed, where):
    start, events, states = random_game(sport, seed, 20)
    ledger = sport_module(sport).ledger
    index = int(where * len(events))
    same = counterfactual(ledger, start, events, index, events[index])
    assert same.actual == same.altered == states[-1] and same.broken_at is None and same.fell_away == ()
    for replacement in (None, by_the_other(start, events[index])):
        try:
            other = counterfactual(ledger, start, events, index, replacement, may_fall_away=3)
        except ImpossibleEvent:
            continue
        assert other.actual == states[-1]
        left = [e for i, e in enumerate(events[:other.broken_at]) if i not in (index, *other.fell_away)]
        if replacement is not None:
            left.insert(index, replacement)
        assert ledger.replay(start, left) == other.altered
        assert (other.broken_at is None) == (other.why == "")


@pytest.mark.parametrize("sport", SPORTS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=3, deadline=None)
def test_deciding_events_are_those_with_whose_alternative_another_wins(sport, seed):
    start, events, states = random_game(sport, seed, 14)
    ledger = sport_module(sport).ledger
    decision = deciding_events(ledger, start, events)
    assert decision.winner == states[-1].winner
    assert all(alternative.winner != decision.winner for alternative in decision.decisive)
    assert not {alternative.position for alternative in decision.decisive} & set(decision.open)


def play(sport, steps):
    """``kind team outcome`` in words; a number is a value, ``#7`` a player, ``9,8.5`` marks."""
    module = sport_module(sport)
    state = module.ledger.start(TEAMS)
    for number, step in enumerate(steps):
        kind, *words = step.split()
        fields = {}
        for word in words:
            if word in (*TEAMS, "-"):
                fields["team"] = None if word == "-" else word
            elif word.startswith("#"):
                fields["player"] = word
            elif "," in word:
                fields["marks"] = tuple(map(float, word.split(",")))
            elif word.lstrip("-").replace(".", "").isdigit():
                fields["value"] = float(word)
            else:
                fields["outcome"] = word
        state = module.ledger.apply(state, event(sport, kind, number=number, **fields))
    return state


MARKS, CARDS = "8,8,8,8,8,8,8", "10,9,10,9,10,9"
FORBIDDEN = [
    (Sport.SOCCER, ["kick_off red", "goal red"], "goal red", "kick_off"),
    (Sport.SOCCER, ["kick_off red", "offside red"], "free_kick red", "offside"),
    (Sport.SOCCER, ["kick_off red", "foul red"], "corner_kick blue", "free_kick"),
    (Sport.SOCCER, ["kick_off red", "red_card red #7"], "goal red #7", "cards"),
    (Sport.SOCCER, ["kick_off red"], "shootout_goal red", "shootout"),
    (Sport.BASKETBALL, [], "two_pointer red", None),
    (Sport.BASKETBALL, ["jump_ball red"], "free_throw_made red", None),
    (Sport.BASKETBALL, ["jump_ball red", "two_pointer red"], "two_pointer red", None),
    (Sport.BASKETBALL, ["jump_ball red", "missed_shot red"], "two_pointer red", None),
    (Sport.ICE_HOCKEY, ["faceoff red", "icing red"], "goal red", None),
    (Sport.ICE_HOCKEY, ["faceoff red"], "penalty_shot_miss red", None),
    (Sport.ICE_HOCKEY, ["faceoff red"], "shootout_goal red", None),
    (Sport.ICE_HOCKEY, ["faceoff red", "minor_penalty red #7", "faceoff blue"], "icing red", None),
    (Sport.AMERICAN_FOOTBALL, ["kickoff red 25"], "run red 3", None),
    (Sport.AMERICAN_FOOTBALL, ["kickoff red 25"], "extra_point blue", None),
    (Sport.AMERICAN_FOOTBALL, ["kickoff red 25", "touchdown blue"], "run blue 3", None),
    (Sport.AMERICAN_FOOTBALL, ["kickoff red 25", "field_goal blue"], "kickoff red 25", None),
    (Sport.BASEBALL, ["ball blue"], "ball red", None),
    (Sport.BASEBALL, ["single blue"], "stolen_base blue 2", None),
    (Sport.BASEBALL, [], "double_play blue 1", None),
    (Sport.BASEBALL, ["fly_out blue", "fly_out blue", "fly_out blue"], "single blue", None),
    (Sport.TENNIS, ["ace red"], "ace blue", "service_order"),
    (Sport.TENNIS, ["fault red"], "fault red", "double_fault"),
    (Sport.TENNIS, ["winner red"] * 48, "winner red", "match"),
    (Sport.VOLLEYBALL, ["service_ace red"], "service_error blue", "service"),
    (Sport.VOLLEYBALL, ["service_ace red", "time_out red", "time_out red"], "time_out red", "time_out"),
    (Sport.VOLLEYBALL, ["kill red"] * 75, "kill red", "match"),
    (Sport.BADMINTON, ["smash red"], "service_fault blue", "service_order"),
    (Sport.BADMINTON, ["smash red"] * 9, "interval", "interval"),
    (Sport.BADMINTON, ["yellow_card red"], "yellow_card red", "yellow_card"),
    (Sport.TABLE_TENNIS, ["service_ace red", "service_ace red"], "service_ace red", "service_order"),
    (Sport.TABLE_TENNIS, ["smash red"], "receiver_return red", "thirteen_returns"),
    (Sport.TABLE_TENNIS, ["time_out red"], "time_out red", "time_out"),
    (Sport.FENCING, ["yellow_card red"], "yellow_card red", "yellow_card"),
    (Sport.FENCING, ["double_touch"], "off_target red", "off_target"),
    (Sport.FENCING, ["attack red"], "priority red", "level"),
    (Sport.FENCING, ["attack red"] * 15, "attack blue", "bout"),
    (Sport.BOXING, [], f"scorecards {CARDS}", None),
    (Sport.BOXING, ["round_end"], "knockdown red", None),
    (Sport.BOXING, ["round_end"], "scorecards 9,9,10,9,10,9", None),
    (Sport.BOXING, ["knockout red"], "round_end", None),
    (Sport.DIVING, ["forward_dive red 103b 1.6"], "forward_dive blue 103b 1.6", "marks"),
    (Sport.DIVING, [], f"award {MARKS}", "marks"),
    (Sport.DIVING, ["forward_dive red 103b 1.6"], "award red 8,8,8,8,8,8.3,8", "marks"),
    (Sport.DIVING, [], "back_dive red 103b 1.6", "number"),
    (Sport.GYMNASTICS, [], "award red 5.0 8,8,8,8,8", None),
    (Sport.GYMNASTICS, ["uneven_bars red", "award red 5.0 8,8,8,8,8"], "still_rings red", None),
    (Sport.GYMNASTICS, ["vault red"], "vault blue", None),
    (Sport.GYMNASTICS, ["balance_beam red", "fall red"], "award red 5.0 10,10,10,10,10", None),
]


@pytest.mark.parametrize(("sport", "steps", "forbidden", "rule"), FORBIDDEN, ids=[f"{case[0]}: {case[2]}" for case in FORBIDDEN])
def test_what_the_rules_forbid_does_not_go_unnoticed(sport, steps, forbidden, rule):
    play(sport, steps)
    with pytest.raises(ImpossibleEvent) as refused:
        play(sport, [*steps, forbidden])
    assert f"({sport}.{rule or ''}" in str(refused.value)


def test_every_sport_has_things_that_it_forbids():
    assert {sport for sport, *_ in FORBIDDEN} == set(SPORTS)
    assert all(sum(found[0] is sport for found in FORBIDDEN) >= 3 for sport in SPORTS)


def test_the_period_and_how_long_it_runs_can_be_asked():
    ledger = sport_module(Sport.SOCCER).ledger
    steps = [("kick_off", "red", 10), ("goal", "red", 700), ("kick_off", "blue", 760), ("half_time", None, 2800),
             ("kick_off", "blue", 3700)]
    events = [event(Sport.SOCCER, kind, team, seconds) for kind, team, seconds in steps]
    told = [state_at(ledger, ledger.start(TEAMS), events, at)[3:] for at in (0, 130, 2799, 2900, 3760)]
    assert told == [(1, 0.0), (1, 120.0), (1, 2789.0), (2, 0.0), (2, 60.0)]
    assert sport_module(Sport.SOCCER).legal_events(events, complete=True).drops == []  # a whistle names no team and counts
