"""Feeds of the data companies replay through soccer's ledger, and their scores are the feeds' own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepsport.errors import FeedError, UserError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate
from ingest import feed_kloppy
from ingest.feed_kloppy import VendorRow, companion_of, infer, read_vendor_feed, vendor_of
from ingest.replay import replay_feed

TEAMS = {"A": {"id": "TEAM_A", "name": "Lynx & Co"}, "B": {"id": "TEAM_B", "name": "Otters"}}


@pytest.fixture
def annotations():
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    pytest.importorskip("kloppy", reason="install kloppy to read the vendors' feeds")
    return Path(folder) / "annotations"


def metrica_feed(*steps):
    """A Metrica event feed: each step is ``team TYPE`` with its subtypes behind slashes, ten seconds after the one before."""
    rows, period = [], 1
    for number, step in enumerate(steps):
        if step == "half":
            period += 1
            continue
        team, kind, *parts = step.replace(" ", "/", 1).split("/")
        time = 10.0 * (number + 1)
        moment = {"frame": round(time * 25), "time": time, "x": 0.5, "y": 0.5}
        player = {"id": f"P{team}7", "name": f"Player {team}7"}
        rows.append({"index": number, "team": TEAMS[team], "type": {"name": kind, "id": CODES[kind]}, "period": period,
                     "subtypes": [{"name": p, "id": CODES[p]} for p in parts] or None, "start": moment,
                     "end": moment | {"frame": moment["frame"] + 10, "time": time + 0.4}, "from": player, "to": player})
    return json.dumps({"data": rows}).encode()


CODES = {"SET PIECE": 5, "KICK OFF": 35, "THROW IN": 34, "FREE KICK": 32, "CORNER KICK": 33, "PASS": 1, "SHOT": 2, "GOAL": 30,
         "CHALLENGE": 9, "FAULT": 50, "LOST": 49, "WON": 48, "CARD": 8, "YELLOW": 60, "FAULT RECEIVED": 4, "RETAKEN": 61}
FULL_MATCH = (
    "A SET PIECE/KICK OFF", "A PASS", "B CHALLENGE/FAULT/LOST", "A FAULT RECEIVED", "A SET PIECE/FREE KICK", "A PASS",
    "A SHOT/GOAL", "B SET PIECE/KICK OFF", "B PASS", "half", "B SET PIECE/KICK OFF", "B PASS", "B SET PIECE/CORNER KICK",
    "B PASS", "B SHOT/GOAL", "A SET PIECE/KICK OFF", "A PASS", "A SET PIECE/THROW IN", "A PASS",
)


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_feed_replays_to_its_own_score_without_a_companion(tmp_path):
    pytest.importorskip("kloppy")
    feed = replay_feed(write(tmp_path, "x.json", metrica_feed(*FULL_MATCH))).feeds[0]
    assert (feed.vendor, feed.teams, feed.score, feed.feed_score, feed.score_right) == (
        "metrica", ("Lynx & Co", "Otters"), (1, 1), (1, 1), True)
    assert feed.refused == () and feed.num_replayed == feed.num_known == 12 and feed.share_replayed == 1.0


def test_a_restart_without_cause_is_refused_once_and_the_rest_goes_on(tmp_path):
    pytest.importorskip("kloppy")
    steps = [step for step in FULL_MATCH if "FAULT" not in step]
    report = replay_feed([write(tmp_path, "x.json", metrica_feed(*steps))])
    feed = report.feeds[0]
    assert [(r.kind, r.team) for r in feed.refused] == [("free_kick", "Lynx & Co")]
    assert "nothing has happened that calls for it" in feed.refused[0].why and "Laws 12 and 13" in feed.refused[0].why
    assert feed.score_right and report.num_wrong_scores == 0 and report.share_replayed == 10 / 11


def test_a_goal_taken_out_is_noticed_at_the_kick_off(tmp_path):
    pytest.importorskip("kloppy")
    steps = [step for number, step in enumerate(FULL_MATCH) if number != 6]  # the first goal
    feed = replay_feed(write(tmp_path, "x.json", metrica_feed(*steps))).feeds[0]
    assert [(r.clock[0], r.kind, r.team) for r in feed.refused] == [("1", "kick_off", "Otters")]
    assert (feed.score, feed.feed_score, feed.score_right) == ((0, 1), (1, 1), False)


@pytest.mark.parametrize("error", [UnboundLocalError("period"), AssertionError(), OverflowError("int")])
def test_whatever_a_damaged_feed_does_to_kloppy_is_a_reason(tmp_path, monkeypatch, error):
    pytest.importorskip("kloppy")

    def broken(data, meta):
        raise error

    monkeypatch.setitem(feed_kloppy.LOADERS, "metrica", broken)
    with pytest.raises(FeedError, match=type(error).__name__):
        replay_feed(write(tmp_path, "x.json", metrica_feed(*FULL_MATCH)))


def test_the_same_feed_becomes_events_of_a_broadcast(tmp_path):
    pytest.importorskip("kloppy")
    rate = FrameRate(num=25)
    match = Broadcast(broadcast_id="b", sport=Sport.SOCCER, title="match", source_uri="x.mp4", media_sha256="0", size_bytes=1,
                      duration_s=600, width=640, height=360, source_rate=rate, proxy_key="p", proxy_rate=rate,
                      proxy_num_frames=15_000, has_audio=False)
    from ingest.feeds import FeedConfig, read_feed

    events = read_feed(write(tmp_path, "x.json", metrica_feed(*FULL_MATCH)), broadcast=match, config=FeedConfig())
    assert [e.kind for e in events.items].count("goal") == 2 and not events.drops
    assert events.items[0].kind == "kick_off" and {e.team for e in events.items} >= {"Lynx & Co", "Otters"}


def test_without_kloppy_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_kloppy.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'kloppy>=3\.18'"):
        replay_feed(write(tmp_path, "x.json", metrica_feed(*FULL_MATCH)))


def test_vendors_are_told_by_content_and_companions_by_name(tmp_path):
    contents = {"statsbomb": b'[{"id": "x", "play_pattern": {}}]', "wyscout": b'{"events": [{"matchPeriod": "1H"}]}',
                "datafactory": b'{"incidences": {}, "scoreStatus": {}}', "statsperform": b'{"liveData": {"event": []}}',
                "opta": b"<?xml version='1.0'?><Games><Game/></Games>", "sportec": b"<PutDataRequest><Event/></PutDataRequest>",
                "metrica": metrica_feed(*FULL_MATCH)}
    for vendor, data in contents.items():
        assert vendor_of(Path("x"), data) == vendor
    for other in (b"<PutDataRequest><MatchInformation/></PutDataRequest>", b"<SoccerFeed/>", b"[]", b"[1]", b"3"):
        assert vendor_of(Path("x"), other) is None
    feed, lineup = write(tmp_path, "sb_12_event.json", b"[]"), write(tmp_path, "sb_12_lineup.json", b"[]")
    assert companion_of(feed, "statsbomb") == lineup
    assert companion_of(tmp_path / "elsewhere" / "sb_12_event.json", "statsbomb", [lineup]) == lineup
    assert companion_of(feed, "opta") is None
    named, broken = write(tmp_path, "a.xml", b"<SoccerFeed/>"), write(tmp_path, "b.xml", b"")
    assert companion_of(feed, "opta", [feed, broken, named]) == named
    assert companion_of(feed, "opta", [named, write(tmp_path, "c.xml", b"<SoccerFeed/>")]) is None  # which of them?


def test_what_cannot_be_a_feed_is_a_persons_error(tmp_path):
    pytest.importorskip("kloppy")
    with pytest.raises(FeedError, match="is no event feed"):
        replay_feed(write(tmp_path, "a.json", b'{"a": 1}'))
    with pytest.raises(FeedError, match="put it beside, named with 'lineup' in place of 'event'"):
        replay_feed(write(tmp_path, "b.json", b'[{"play_pattern": {}}]'))
    with pytest.raises(FeedError, match="kloppy cannot read it as wyscout"):
        replay_feed(write(tmp_path, "c.json", b'{"events": [{"matchPeriod": "1H"}]}'))
    write(tmp_path, "d_f7.xml", b"<SoccerFeed/>")
    with pytest.raises(FeedError, match="XML entities"):
        replay_feed(write(tmp_path, "d_f24.xml", b'<!DOCTYPE Games [<!ENTITY a "b">]><Games>&a;</Games>'))
    with pytest.raises(FeedError, match="names 1 teams"):
        replay_feed(write(tmp_path, "e.json", metrica_feed("A PASS", "A PASS")))


def rows(*steps):
    told = []
    for number, step in enumerate(steps):
        period, kind, team, *outcome = step.split()
        told.append(VendorRow(str(number), kind, int(period), float(number), team, None, outcome[0] if outcome else None))
    return told


def test_restarts_that_a_vendor_has_no_word_for_are_inferred_and_counted():
    words = SimpleNamespace(marks_kick_offs=False, marks_free_kicks=False, marks_advantage=False)
    done, inferred = infer(rows("1 touch A", "1 foul A", "1 touch A", "1 yellow_card A", "1 touch B", "1 goal B", "1 touch A",
                                "1 foul B", "1 throw_in A", "2 touch B", "2 offside B", "2 touch A"), words)
    assert [row.kind for row in done] == ["kick_off", "foul", "touch", "yellow_card", "free_kick", "goal", "kick_off", "foul",
                                          "throw_in", "kick_off", "offside", "indirect_free_kick"]
    assert done[7].outcome == "advantage" and sorted(inferred.values()) == [1, 2, 3]


def test_nothing_is_inferred_where_the_vendor_has_the_word():
    words = SimpleNamespace(marks_kick_offs=True, marks_free_kicks=True, marks_advantage=True)
    given = rows("1 touch A", "1 foul A", "1 touch B", "1 throw_in B", "2 touch B")
    assert infer(given, words) == (given, {})


@pytest.mark.parametrize(("name", "score", "least"), [
    ("kloppy__files_statsbomb_15986_event.json", (2, 2), 0.99),
    ("kloppy__files_wyscout_events_v2.json", (3, 2), 0.99),
    ("kloppy__files_metrica_events.json", (0, 2), 0.99),
    ("kloppy__files_datafactory_events.json", (4, 2), 0.99),
])
def test_whole_matches_of_the_vendors_replay_to_their_scores(annotations, name, score, least):
    """Barcelona 2-2 Girona 2018, Leicester 2-3 Liverpool 2017, and two matches without names."""
    feed = replay_feed(annotations / name).feeds[0]
    assert feed.excerpt is None and feed.score == score and feed.score_right
    assert feed.share_replayed >= least, feed.refused


@pytest.mark.parametrize(("name", "teams", "score"), [
    ("statsbomb_3788741_event.json", ("Turkey", "Italy"), (0, 3)),
    ("wyscout_events_v3.json", ("Juventus FC", "UC Sampdoria"), (3, 0)),
    ("statsperform_event_ma3.json", ("Hamburger SV", "Sandhausen"), (2, 1)),
])
def test_matches_that_were_not_looked_at_replay_without_a_refusal(name, teams, score):
    """Files that kloppy's own tests use, as far as its distribution holds them; the results are those of the record books."""
    kloppy = pytest.importorskip("kloppy")
    path = Path(kloppy.__file__).parent / "tests" / "files" / name
    if not path.is_file():
        pytest.skip("this distribution of kloppy comes without its test files")
    feed = replay_feed(path).feeds[0]
    assert (feed.teams, feed.score, feed.score_right, feed.refused, feed.excerpt) == (teams, score, True, (), None)


def test_a_goal_written_into_a_real_feed_is_refused():
    """kloppy's Barcelona-Alaves of 2018 (3-0) carries an own goal that its makers added out of order."""
    kloppy = pytest.importorskip("kloppy")
    path = Path(kloppy.__file__).parent / "tests" / "files" / "statsbomb_event.json"
    if not path.is_file():
        pytest.skip("this distribution of kloppy comes without its test files")
    feed = replay_feed(path).feeds[0]
    assert feed.score == (3, 0) and "own_goal" in {refused.kind for refused in feed.refused}


def test_cut_feeds_are_told_as_excerpts_and_never_as_wrong(annotations):
    report = replay_feed([annotations / f"kloppy__files_{name}" for name in (
        "opta_f24.xml", "opta_f7.xml", "sportec_events.xml", "sportec_meta.xml")])
    assert [feed.vendor for feed in report.feeds] == ["opta", "sportec"]
    assert all(feed.excerpt for feed in report.feeds) and report.num_wrong_scores == 0
    opta, sportec = report.feeds
    assert sportec.refused == () and sportec.score == (3, 3)  # the score that the feed states after goals it does not hold
    assert sportec.inferred["goals that the excerpt leaves out, by the score it states"] == 4
    # Put together by its makers: the same player is sent off, then kicks off twice and takes a penalty.
    assert [refused.why.count("460842 was sent off") for refused in opta.refused] == [0, 1, 1, 1]


def test_a_vendors_feed_without_its_line_ups_says_what_to_do(annotations, tmp_path):
    alone = write(tmp_path, "opta_f24.xml", (annotations / "kloppy__files_opta_f24.xml").read_bytes())
    with pytest.raises(FeedError, match="named with 'f7' in place of 'f24'"):
        read_vendor_feed(alone)


def test_a_soccer_feed_is_refused_for_a_broadcast_of_another_sport(tmp_path):
    tennis = SimpleNamespace(sport=Sport.TENNIS, title="final")
    with pytest.raises(FeedError, match="is a soccer match, the broadcast is tennis"):
        feed_kloppy.parse_kloppy(write(tmp_path, "x.json", metrica_feed(*FULL_MATCH)), tennis)
