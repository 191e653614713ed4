"""Rules are found by the words that people use."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.sports.rules import find_rules
from deepsport.taxonomy import Sport


@pytest.mark.parametrize(("query", "sport", "rule_id"), [
    ("what happens after a goal", Sport.SOCCER, "soccer.kick_off"),
    ("when does a goal count", Sport.SOCCER, "soccer.goal"),
    ("corner_kick", None, "soccer.corner_kick"),
    ("offside flag", None, "soccer.offside"),
    ("who restarts play after a foul", Sport.SOCCER, "soccer.free_kick"),
    ("double fault", None, "tennis.double_fault"),
    ("deuce and advantage", None, "tennis.game"),
    ("who serves next", Sport.TENNIS, "tennis.service_order"),
    ("ball lands long out", Sport.TENNIS, "tennis.out"),
    ("player touches the net", Sport.VOLLEYBALL, "volleyball.net_touch"),
    ("rotating after side-out", None, "volleyball.rotation"),
    ("spike", None, "volleyball.attack"),
])
def test_the_rule_meant_comes_first(query, sport, rule_id):
    assert find_rules(query, sport)[0].rule_id == rule_id


def test_only_the_sport_asked_for_and_no_more_than_the_limit():
    found = find_rules("net ball point serve set", Sport.TENNIS, limit=2)
    assert len(found) == 2 and {rule.sport for rule in found} == {Sport.TENNIS}


def test_no_word_found_gives_nothing():
    assert find_rules("xylophone") == [] and find_rules(" ?! ") == []


@given(query=st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_text_is_a_valid_query(query):
    assert len(find_rules(query)) <= 3
    assert len(find_rules(f'{query}" OR NEAR( * - : ^')) <= 3


def test_threads_may_ask_at_once():
    found = []
    threads = [threading.Thread(target=lambda: found.append(find_rules("offside")[0].rule_id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    assert found == ["soccer.offside"] * 8
