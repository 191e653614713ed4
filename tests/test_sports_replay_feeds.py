"""Rally records, dives and skating protocols replay to the scores that they state; what cannot be replayed is said in a line."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.sports import known_sports, sport_module
from deepsport.sports.badminton import BADMINTON
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate
from flows.cli import main
from ingest.feed_coachai import read_coachai
from ingest.feeds import FeedConfig, read_feed
from ingest.replay import replay_feed

COLUMNS = ("rally", "ball_round", "time", "frame_num", "roundscore_A", "roundscore_B", "player", "type", "lose_reason",
           "win_reason", "getpoint_player", "set")


@pytest.fixture
def annotations():
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    return Path(folder) / "annotations"


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def coachai(*rallies, header=COLUMNS):
    """Each rally is (server, hitter, stroke, reason, winner, score A, score B); a rally that is None is left out of the file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for number, rally in enumerate(rallies, start=1):
        if rally is None:
            continue
        server, hitter, stroke, reason, winner, a, b = rally
        second = 10 * number % 60
        base = {"rally": number, "roundscore_A": f"{a}.0", "roundscore_B": f"{b}.0", "set": 1, "time": f"0:00:{second:02d}",
                "frame_num": 25.0 * second + 5}
        writer.writerow(base | {"ball_round": 1, "player": server, "type": "發短球"})
        writer.writerow(base | {"ball_round": 2, "player": hitter, "type": stroke, "lose_reason": reason,
                                "getpoint_player": winner})
        writer.writerow(base | {"ball_round": 3, "player": server, "type": "接不到"})
    return out.getvalue()


RALLIES = (("Momo", "Momo", "殺球", "對手落地致勝", "A", 1, 0), ("Momo", "Tien", "切球", "出界", "A", 2, 0),
           ("Momo", "Momo", "網前球", "掛網", "B", 2, 1), ("Tien", "Tien", "平球", "落點判斷失誤", "B", 2, 2))


def badminton(tmp_path, *rallies):
    return replay_feed(write(tmp_path, "match.csv", coachai(*rallies))).feeds[0]


def film(sport, duration_s=600.0):
    rate = FrameRate(num=25)
    return Broadcast(broadcast_id="b", sport=sport, title="match", source_uri="x.mp4", media_sha256="0", size_bytes=1,
                     duration_s=duration_s, width=640, height=360, source_rate=rate, proxy_key="p", proxy_rate=rate,
                     proxy_num_frames=15_000, has_audio=False)


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Of a command it matters what it says; what a test before this one had logged to the screen does not."""
    caplog.set_level(logging.WARNING)


def test_badminton_rallies_replay_to_the_score_after_each(tmp_path):
    feed = badminton(tmp_path, *RALLIES)
    assert (feed.vendor, feed.sport, feed.teams, feed.num_read) == ("coachai", Sport.BADMINTON, ("Momo", "Tien"), 12)
    assert (feed.num_replayed, feed.num_scores, feed.wrong_scores, feed.refused) == (4, 4, (), ())
    assert feed.excerpt == "the match is not over with its last rally"


def test_a_rally_left_out_is_filled_in_by_the_next_score(tmp_path):
    feed = badminton(tmp_path, RALLIES[0], None, *RALLIES[2:])
    assert feed.inferred == {"rallies that the file leaves out, by the next score it states": 1}
    assert feed.score_right and feed.refused == ()


def test_a_score_that_no_game_can_come_to_is_wrong_and_not_filled_in(tmp_path):
    feed = badminton(tmp_path, RALLIES[0], (*RALLIES[1][:5], 99, 0))
    assert feed.inferred == {} and [wrong.feed for wrong in feed.wrong_scores] == ["1 99:0"]


def test_a_wrong_score_a_wrong_server_and_a_wrong_winner_are_all_noticed(tmp_path):
    skipped = badminton(tmp_path, RALLIES[0], (*RALLIES[1][:5], 1, 0), *RALLIES[2:])
    assert [(wrong.feed, wrong.ledger) for wrong in skipped.wrong_scores] == [("1 1:0", "1 2:0")]
    served = badminton(tmp_path, *RALLIES[:3], ("Momo", *RALLIES[3][1:]))
    assert len(served.refused) == 1 and served.score_right
    assert "the feed has Momo serve" in served.refused[0].why and "Laws 10.3 and 11.3" in served.refused[0].why
    lost = badminton(tmp_path, *RALLIES[:2], (*RALLIES[2][:3], "對手落地致勝", "B", 2, 1), RALLIES[3])
    assert ["no stroke of the record gives the point to Tien" in refused.why for refused in lost.refused] == [True]


def test_badminton_events_of_a_broadcast(tmp_path):
    path = write(tmp_path, "match.csv", coachai(*RALLIES))
    events = read_feed(path, broadcast=film(Sport.BADMINTON), config=FeedConfig())
    assert [(e.kind, e.team, e.time_s, e.outcome) for e in events.items] == [
        ("smash", "Momo", 10.2, "1-0"), ("shuttle_out", "Tien", 20.2, "2-0"), ("netted", "Momo", 30.2, "2-1"),
        ("misjudged", "Momo", 40.2, "2-2")]
    assert not BADMINTON.legal_events(events.items, complete=True).drops
    other = film(Sport.BADMINTON).model_copy(update={"source_rate": FrameRate(num=30)})
    first = read_feed(path, broadcast=other, config=FeedConfig()).items[0]
    assert (first.time_s, first.evidence.end_s) == (10.0, 12.0)  # the frame fits no second at 30 fps, so the clock it is
    with pytest.raises(FeedError, match="is a record of badminton, the broadcast is tennis"):
        read_feed(path, broadcast=film(Sport.TENNIS), config=FeedConfig())


@pytest.mark.parametrize(("text", "why"), [
    (coachai(), "no rally can be read"),
    (coachai(("a", "b", "x", "出界", "A", 1, 0), ("c", "b", "x", "出界", "A", 2, 0)), "names 3 players"),
    (coachai(("a", "b", "x", "", "A", 1, 0)), "nothing tells which of 'a' and 'b' is player A"),
])
def test_a_badminton_file_that_tells_no_match_is_refused(tmp_path, text, why):
    with pytest.raises(FeedError, match=why):
        read_coachai(tmp_path / "x.csv", text)


def test_damaged_rallies_are_told_and_the_rest_is_replayed(tmp_path):
    text = coachai(*RALLIES).splitlines()
    text[5] = text[5].replace(",A,", ",C,").replace("2.0", "two")
    del text[7]  # a rally without its first stroke
    feed = replay_feed(write(tmp_path, "x.csv", "\n".join(text))).feeds[0]
    assert len(feed.refused) == 2 and feed.num_known == 4 and not feed.wrong_scores


def dvw(*lines, sets="True;8-7;16-10;21-13;25-16;21;"):
    return "[3DATAVOLLEYSCOUT]\n[3TEAMS]\n1;Owls;3;\n2;Larks;0;\n[3SET]\n" + sets + "\n[3SCOUT]\n" + "\n".join(lines)


def test_a_volleyball_set_replays_to_its_score_lines(tmp_path):
    lines = []
    for point in range(1, 26):
        lines += ["*01SH#", f"*p{point:02d}:00"]
    whole = dvw(*lines, "**1set", sets="True;8-0;16-0;21-0;25-0;20;\nTrue;;;;;;")
    feed = replay_feed(write(tmp_path, "x.dvw", whole)).feeds[0]
    assert (feed.vendor, feed.score, feed.feed_score, feed.num_scores) == ("datavolley", (1, 0), (1, 0), 26) and feed.score_right
    feed = replay_feed(write(tmp_path, "x.dvw", dvw(*lines, "**1set"))).feeds[0]
    assert [(wrong.where, wrong.feed, wrong.ledger) for wrong in feed.wrong_scores] == [("set 1", "25:16", "25:0")]


def test_a_volleyball_team_that_serves_out_of_turn_is_noticed(tmp_path):
    text = dvw("*01SH#", "*p01:00", "a01SH#", "ap01:01", "*01SH-", "a02AH#", "ap01:02")
    feed = replay_feed(write(tmp_path, "x.dvw", text)).feeds[0]
    assert [refused.why.split(" (")[0] for refused in feed.refused] == [
        "the feed has Larks serve, the rules Owls after the rallies before",
        "the feed has Owls serve, the rules Larks after the rallies before"]
    assert feed.score_right and feed.excerpt == "it holds 3 rallies, not all of the 1 set it lists"
    assert (feed.score, feed.parts, feed.running) == ((0, 0), (), (1, 2))


def test_time_outs_of_a_scout_file_are_counted_by_the_set(tmp_path):
    text = dvw("*01SH#", "*p01:00", "*T", "*T;;;;14.37.58", "*T", "ac08:03", "*01SH#", "*p02:00", sets="")
    feed = replay_feed(write(tmp_path, "x.dvw", text)).feeds[0]
    assert (feed.num_known, feed.num_replayed, [refused.kind for refused in feed.refused]) == (6, 5, ["time_out"])


def test_a_volleystation_file_replays(tmp_path):
    def rally(server, key, team, point, home, away):
        plays = [{"team": server, "skill": "S", "effect": "-", "player": 1}, {"team": team, "skill": key[0], "effect": key[1]}]
        return {"exchange": {"plays": plays, "point": point}, "score": {"home": home, "away": away}}

    events = [rally("*", "A#", "*", "*", 1, 0), {"timeout": {"team": "a"}}, rally("*", "A=", "*", "a", 1, 1),
              rally("a", "A#", "a", "a", 2, 1), {"exchange": {"a": 1}},
              {"exchange": {"point": ["*"]}, "timeout": {"team": {}}}]
    document = {"scout": {"sets": [{"events": events, "score": {"home": 25, "away": 1}}, "set"]},
                "team": {"home": {"name": "Owls"}, "away": {"name": "Larks"}}}
    feed = replay_feed(write(tmp_path, "x.vsm", json.dumps(document))).feeds[0]
    assert (feed.vendor, feed.teams, feed.num_known, feed.num_replayed, feed.score_right) == (
        "volleystation", ("Owls", "Larks"), 6, 3, True)
    assert [refused.why for refused in feed.refused] == ["the record gives the rally to Larks, its score to Owls",
                                                         *["the rally has no point or no score"] * 2]
    with pytest.raises(FeedError, match="both teams are called 'home'"):
        replay_feed(write(tmp_path, "x.vsm", json.dumps({"scout": {"sets": []}, "team": {"away": {"name": "home"}}})))


def test_dives_without_marks_are_dived_again_and_contradictions_named(tmp_path):
    dives = [{"video": "1__1", "_source_info": {"action_type": "407c", "difficulty": 3.2, "dive_score": 88.0}},
             {"video": "1__2", "_source_info": {"action_type": "307c", "difficulty": 3.4, "dive_score": 74.25}},
             {"video": "1__3", "_source_info": {"action_type": "swan", "difficulty": 3.4, "dive_score": 74.8}},
             {"video": "1__4"}, 7,
             {"video": "1__5", "_source_info": {"action_type": "405b", "difficulty": 2.8, "dive_score": 51.6}},
             {"video": "1__6", "_source_info": {"action_type": "307c", "difficulty": 3.5, "dive_score": 85.78}}]
    feed = replay_feed(write(tmp_path, "x.json", json.dumps(dives))).feeds[0]
    assert (feed.num_replayed, feed.num_scores, feed.score_right) == (1, 1, True)
    assert "no marks make 74.25 with a difficulty of 3.4; one of 3.3 would" in feed.refused[0].why
    assert "no number of a dive" in feed.refused[1].why and len(feed.refused) == 6
    assert "; one of 2.4 would; the nearest score with this one is 51.8 (" in feed.refused[4].why  # 21.5 x 2.4, 18.5 x 2.8
    assert "; no difficulty does, and the nearest score with this one is 85.75 (" in feed.refused[5].why  # 24.5 x 3.5


def program(total="13.47"):
    seats = {f"J{seat}": mark for seat, mark in enumerate((9, 9.5, 8.75, 8.25, 8.5, 8.5, 8.75, 8.5, 8.5), start=1)}
    return {"metadata": {"program": "SHORT", "name": "A", "total_deductions": "0.00", "total_element_score": "7.00",
                         "total_component_score": "6.91", "total_segment_score": total},
            "components": [seats | {"component_desc": "Skills", "factor": 0.8, "scores_of_panel": 8.64, "ref": float("nan")}],
            "elements": [{"element_num": "1", "base_value": 6.6, "goe": 0.4, "scores_of_panel": 7.0}]}


def test_a_skating_protocol_adds_up_or_says_where_not(tmp_path):
    sheet = {"performances": [program("13.91"), program("14.91"), {"metadata": {}}]}
    feed = replay_feed(write(tmp_path, "x.json", json.dumps(sheet))).feeds[0]
    assert (feed.num_replayed, feed.num_scores) == (2, 10) and "KeyError" in feed.refused[0].why
    assert [(wrong.where, wrong.feed, wrong.ledger) for wrong in feed.wrong_scores] == [
        ("SHORT, A: total segment score", "14.91", "13.91")]


def own(sport, *events):
    return json.dumps({"format": "deepsport-feed-1", "sport": sport, "fps": [25, 1], "unit": "seconds", "events": [
        {"kind": kind, "team": team, "time_s": float(number)} for number, (kind, team) in enumerate(events)]})


@pytest.mark.parametrize("sport", known_sports())
def test_our_own_feed_of_any_sport_is_judged(tmp_path, sport):
    kinds = sport_module(sport).core_kinds
    path = write(tmp_path, "x.json", own(sport, *[(kind, "red") for kind in kinds], ("dance", "red"), (kinds[0], "blue")))
    feed = replay_feed(path).feeds[0]
    assert feed.sport == sport and any("no event 'dance'" in refused.why for refused in feed.refused)
    assert feed.num_known == len(kinds) + 2 and feed.score_right is None


def test_times_that_no_video_has_are_said_briefly(tmp_path):
    events = [{"kind": "ace", "team": "red", "time_s": time_s} for time_s in (-3.0, 1e308, 1.0)]
    document = json.loads(own("tennis")) | {"events": events}
    feed = replay_feed(write(tmp_path, "x.json", json.dumps(document))).feeds[0]
    assert [refused.why for refused in feed.refused] == ["ace at -3.00 s, before the video begins", "ace at no time of a video"]


def test_our_own_feed_of_judged_dives_has_totals(tmp_path, capsys):
    events = [
        {"kind": "forward_dive", "team": "red", "outcome": "107B", "value": 3.1},
        {"kind": "award", "team": "red", "marks": [8, 8.5, 8, 7.5, 8, 9, 7.5]},
        {"kind": "back_dive", "team": "blue", "outcome": "205B", "value": 2.8},
        {"kind": "award", "team": "blue", "marks": [7, 7.0, 6.5, 7, 7.5, 7, 7]},
    ]
    document = json.loads(own("diving")) | {"events": [event | {"time_s": 9.0 * i} for i, event in enumerate(events)]}
    path = write(tmp_path, "x.json", json.dumps(document))
    feed = replay_feed(path).feeds[0]
    # By hand: of seven marks the two highest and the two lowest go, (8 + 8 + 8) × 3.1 and (7 + 7 + 7) × 2.8.
    assert (feed.excerpt, feed.refused, feed.score, feed.totals) == (None, (), None, (74.4, 58.8))
    assert replayed(path) == 0 and "red 74.4, blue 58.8: 4 records" in capsys.readouterr().out
    events[3]["marks"][0] = 11
    assert "between 0 and 10" in (replay_feed(write(tmp_path, "x.json", json.dumps(document | {"events": [
        event | {"time_s": 9.0 * i} for i, event in enumerate(events)]}))).feeds[0].refused[0].why)


def test_our_own_feed_is_refused_what_contradicts_it_wherever_it_begins(tmp_path, capsys):
    points = [("ace", "red"), ("double_fault", "blue"), ("ace", "red"), ("double_fault", "blue")]

    def judged(**header):
        path = write(tmp_path, "x.json", json.dumps(json.loads(own("tennis", *points)) | header))
        return path, replay_feed(path).feeds[0]

    path, feed = judged()
    assert [refused.clock for refused in feed.refused] == ["1.00 s", "3.00 s"] and "red serves" in feed.refused[0].why
    assert replayed(path) == 3 and 'say so in its "matches"' in capsys.readouterr().out
    # Services of blue between two of red's: of a tie-break that blue's first one loses. Then a new set is red's to serve.
    feed = judged(matches=[{"time_s": 0}])[1]
    assert [refused.clock for refused in feed.refused] == ["3.00 s"] and feed.score is None
    state = {"teams": ["blue", "red"], "games": [2, 3], "points": [1, 3], "first_server": 1}
    feed = judged(matches=[{"time_s": 0, "state": state}])[1]
    assert [refused.clock for refused in feed.refused] == ["2.00 s"] and (feed.running, feed.running_points) == ((2, 4), (0, 2))
    for wrong in ({"teams": []}, {"teams": ["red", "blue"], "points": 3}, {"teams": ["red", "blue"], "first_server": 7}):
        with pytest.raises(FeedError, match="matches"):
            judged(matches=[{"time_s": 0, "state": wrong}])


def test_one_absurd_score_line_spoils_no_other(tmp_path):
    def lines(*scores):
        return [line for score in scores for line in ("*01SH#", f"*p{score}")]

    told = [f"{point:02d}:00" for point in range(1, 11)]
    for absurd in ("99:98", "15:14", "00:07"):
        feed = replay_feed(write(tmp_path, "x.dvw", dvw(*lines(*told[:5], absurd, *told[6:]), sets=""))).feeds[0]
        assert [wrong.ledger for wrong in feed.wrong_scores] == ["1 6:0"] and not feed.refused and not feed.inferred
        assert feed.running == (10, 0)
    feed = replay_feed(write(tmp_path, "x.dvw", dvw(*lines(*told[:5], "03:00", "04:00"), sets=""))).feeds[0]
    assert len(feed.wrong_scores) == 1 and feed.running == (4, 0)  # corrected by the scout: the next line agrees


def test_our_own_feed_of_a_whole_match_has_a_score(tmp_path):
    feed = replay_feed(write(tmp_path, "x.json", own("badminton", *[("smash", "red")] * 42, ("yellow_card", "blue")))).feeds[0]
    assert ["the match is over" in refused.why for refused in feed.refused] == [True]
    feed = replay_feed(write(tmp_path, "x.json", own("badminton", ("yellow_card", "blue"), *[("smash", "red")] * 42))).feeds[0]
    assert (feed.excerpt, feed.teams, feed.score, feed.refused) == (None, ("blue", "red"), (0, 2), ())


def replayed(*words):
    with pytest.raises(SystemExit) as ended:
        main(["sports", "replay", *map(str, words)])
    return ended.value.code


def test_the_command_says_what_came_of_each_feed(tmp_path, capsys):
    good, bad = write(tmp_path, "good.csv", coachai(*RALLIES)), write(tmp_path, "bad.txt", "hello")
    assert replayed(good) == 0
    assert "4 of 4 events replayed (100.0 %), 4 scores compared, all right" in capsys.readouterr().out
    assert replayed(good, bad, "--json") == 3
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["feeds"][0]["num_replayed"] == 4 and document["num_wrong_scores"] == 0
    assert said.err.count("\n") == 1 and "bad.txt: is no event feed that can be replayed" in said.err
    wrong = write(tmp_path, "wrong.csv", coachai(RALLIES[0], (*RALLIES[1][:5], 1, 0)))
    assert replayed(wrong) == 1
    assert "the feed says 1 1:0, the rules 1 2:0" in capsys.readouterr().out
    assert replayed(bad, "--json") == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["unreadable"][0]["path"] == str(bad) and json.loads(said.out)["feeds"] == []
    assert said.err.count("\n") == 1
    assert replayed(bad, tmp_path / "none", "--json") == 2 and capsys.readouterr().err.count("\n") == 2


def test_what_was_refused_and_what_holds_nothing_are_in_the_exit_code(tmp_path, capsys):
    good, one = write(tmp_path, "good.csv", coachai(*RALLIES)), write(tmp_path, "one.dvw", dvw("*01SH#", "*p01:00"))
    refused = write(tmp_path, "refused.csv", coachai(*RALLIES[:3], ("Momo", *RALLIES[3][1:])))
    assert replayed(refused) == 3 == replayed(good, refused)
    assert "1 refused" in capsys.readouterr().out
    assert replayed(write(tmp_path, "none.json", own("tennis"))) == 3
    assert "nothing to replay: no event in it is one that the rules speak of" in capsys.readouterr().out
    assert replayed(good, write(tmp_path, "empty.csv", "")) == 3
    assert "empty.csv: is empty" in capsys.readouterr().err
    assert replayed(one) == 0
    assert ", 1 of 1 event replayed (100.0 %), 1 score compared, right\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["sports", "replay", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "3 events were refused, or a file could not be read or held nothing to replay" in told


def test_a_match_that_goes_on_says_where_it_stands(tmp_path, capsys):
    assert replayed(write(tmp_path, "x.csv", coachai(*RALLIES))) == 0
    assert "Momo 0-0 Tien, 2-2 in the running game: " in capsys.readouterr().out
    events = [("ace", "red")] * 4 + [("double_fault", "blue")] + [("ace", "blue")] * 4 + [("ace", "red")]
    feed = replay_feed(write(tmp_path, "x.json", own("tennis", *events))).feeds[0]
    assert (feed.running, feed.running_points) == ((1, 1), (0, 1)) and "counted from its first event" in feed.excerpt
    assert replayed(tmp_path / "x.json") == 0
    assert "blue 0-0 red, 1-1 in the running set and 0-1 points in its game: " in capsys.readouterr().out
    feed = replay_feed(write(tmp_path, "x.json", own("badminton", *[("smash", "red")] * 21, ("smash", "blue")))).feeds[0]
    assert (feed.score, feed.parts, feed.running) == ((0, 1), ((0, 21),), (1, 0))


def test_line_ups_alone_and_json_lines_are_called_what_they_are(tmp_path, capsys):
    companions = {"lineup.json": '[{"team_id": 1, "lineup": []}]', "f7.xml": "<?xml version='1.0'?><SoccerFeed/>",
                  "meta.xml": "<PutDataRequest><MatchInformation/></PutDataRequest>", "ma1.json": '{"liveData": {"lineUp": []}}'}
    for (name, data), vendor in zip(companions.items(), ("statsbomb", "opta", "sportec", "statsperform"), strict=True):
        assert replayed(write(tmp_path, name, data)) == 2
        assert f"holds line-ups or match data of {vendor}, and no events" in capsys.readouterr().err
    assert replayed(write(tmp_path, "pff.jsonl", '{"gameId": 1}\n{"gameId": 1}\n')) == 2
    assert "one JSON document a line" in capsys.readouterr().err
    assert replayed(write(tmp_path, "cut.json", '{"a": 1}, {')) == 2
    assert "broken JSON at line 1" in capsys.readouterr().err
    assert replayed(tmp_path / "gone.json") == 2
    assert capsys.readouterr().err == f"deepsport: {tmp_path / 'gone.json'}: no such file; correct the path\n"
    assert replayed(tmp_path) == 2
    assert capsys.readouterr().err.endswith("cannot be read (Is a directory); give a file that can\n")


@pytest.mark.parametrize(("name", "data", "why"), [
    ("missing", None, "no such file"),
    ("empty.json", b" \n", "is empty"),
    ("cut.json", b'{"format": "deepsport-feed-1", "sp', "broken JSON"),
    ("latin.json", '{"format": "Škoda"}'.encode("cp1250"), "is not UTF-8"),
    ("chess.json", own("chess", ("mate", "red")).encode(), "is a feed of 'chess', whose rules are not known"),
    ("deep.json", b"[" * 100_000, "not usable JSON"),
    ("binary.dvw", bytes(range(256)) * 40, "is no event feed"),
    ("cut.dvw", b"[3DATAVOLLEYSCOUT]\n[3TEAMS]\n1;A;\n2;B;\n", "ends before its"),
    ("twins.dvw", b"[3DATAVOLLEYSCOUT]\n[3TEAMS]\n1;A;\n2;A;\n[3SCOUT]\n", "both teams are called 'A'"),
])
def test_a_file_that_is_no_feed_is_one_line_and_exit_code_2(tmp_path, capsys, name, data, why):
    path = tmp_path / name if data is None else write(tmp_path, name, data)
    assert replayed(path) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and why in said.err


def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path):
    path = write(tmp_path, "x.csv", coachai(*RALLIES).replace("Momo", "Ševčenko"))
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-m", "flows", "sports", "replay", str(path)], capture_output=True, timeout=120,
                          env=environment, check=False)
    assert done.returncode == 0 and b"\\u0160ev\\u010denko" in done.stdout, done.stderr


def test_a_folder_a_film_and_no_file_at_all_are_a_persons_mistake(tmp_path, capsys, monkeypatch):
    assert replayed(tmp_path) == 2 and replayed() == 2
    monkeypatch.setattr("ingest.feed_events.MAX_FEED_BYTES", 100)
    assert replayed(write(tmp_path, "film.mp4", b"x" * 101)) == 2
    assert "is it the video?" in capsys.readouterr().err


def test_the_command_finds_rules(capsys):
    def asked(*words):
        with pytest.raises(SystemExit) as ended:
            main(["sports", "rules", *words])
        return ended.value.code, capsys.readouterr()

    code, said = asked("service changes after two points", "--sport", "Table Tennis", "--limit", "1")
    assert code == 0 and said.out.startswith("table_tennis.service_order: ") and "Law 2.13.3; compared 2026-11-25)" in said.out
    assert asked("who", "serves", "next", "--sport", "tennis", "--limit", "1")[1].out.startswith("tennis.service_order: ")
    assert asked("xylophone")[0] == 1 and asked("offside", "--limit", "0")[0] == 2
    code, said = asked(" ")
    assert code == 2 and "say what you want to know" in said.err
    code, said = asked("offside", "--sport", "chess")
    assert code == 2 and "no sport 'chess'" in said.err
    assert "no rules are known" in asked("offside", "--sport", "other")[1].err


@given(data=st.binary(max_size=300), head=st.sampled_from((b"", b"[3SCOUT]\n", b"[", b'{"performances": [', b"<Games>", ",".join(
    COLUMNS).encode() + b"\n", b'{"format": "deepsport-feed-1", "sport": "tennis", "unit": "seconds", "fps": 25, "events": [')))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_never_a_crash(tmp_path, data, head):
    report = replay_feed(write(tmp_path, "x", head + data or b" "), strict=False)
    assert len(report.feeds) + len(report.unreadable) == 1


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_record_is_never_a_crash(tmp_path, seed):
    rng = random.Random(seed)
    text = list(rng.choice((coachai(*RALLIES), dvw("*01SH#", "*p01:00", "a01AH=", "*p02:00", "**1set"), json.dumps({
        "performances": [program()]}), own("soccer", ("kick_off", "red"), ("goal", "blue")))))
    for _ in range(rng.randrange(1, 8)):
        place = rng.randrange(len(text))
        text[place:place + rng.randrange(3)] = rng.choice(("", "\n", "9", ",", "x", '"', "]", "-", "é"))
    report = replay_feed(write(tmp_path, "x", "".join(text) or " "), strict=False)
    assert len(report.feeds) + len(report.unreadable) == 1


@pytest.mark.parametrize(("name", "known", "replayed", "scores", "teams", "score"), [
    ("CoachAI-Projects__First2Ball_demo.csv", 107, 107, 107, ("Kento MOMOTA", "CHOU Tien Chen"), (2, 1)),
    ("datavolley__extdata_example_data.dvw", 147, 146, 130, ("Braslovče", "Nova KBM Branik"), (3, 0)),
    ("datavolley__extdata_testing_truncated.dvw", 147, 146, 130, ("Braslovče", "Nova KBM Branik"), (3, 0)),
    ("ovdata__scout__190301_kats_beds-clip.dvw", 1, 1, 1, ("GKS Katowice", "MKS Bêdzin"), (0, 0)),
    ("datavolley__extdata_2022-08-23_NCA-CUB.vsm", 119, 114, 110, ("NICARAGUA", "Cuba Norceca 22"), (0, 3)),
    ("ovdata__scout__stuttgart-schwerin-2018.dvw", 261, 260, 218, ("Allianz MTV Stuttgart", "SSC Palmberg Schwerin"), (2, 3)),
    ("spot__finediving_test.json", 749, 730, 730, (), None),
    ("figure-skating-scores__json_gpfra2017_protocol.json", 80, 80, 1360, (), None),
])
def test_real_records_replay_to_every_score_that_they_state(annotations, name, known, replayed, scores, teams, score):
    feed = replay_feed(annotations / name).feeds[0]
    assert (feed.num_known, feed.num_replayed, feed.num_scores, feed.wrong_scores) == (known, replayed, scores, ())
    assert (feed.teams, feed.score) == (teams, score)


def test_every_remainder_of_the_real_records_is_explained_by_the_record_itself(annotations):
    """Two slips of VolleyStation's scout (each noticed twice), a net fault he did not write down, and dives mistyped."""
    station = replay_feed(annotations / "datavolley__extdata_2022-08-23_NCA-CUB.vsm").feeds[0]
    assert [(refused.where, refused.why.split(",")[0].split(" (")[0]) for refused in station.refused] == [
        ("event 17", "by its strokes the rally is Cuba Norceca 22's"), ("event 18", "the feed has Cuba Norceca 22 serve"),
        ("event 25", "the record gives the rally to NICARAGUA"), ("event 26", "the feed has NICARAGUA serve"),
        ("event 20", "by its strokes the rally is Cuba Norceca 22's")]
    dives = replay_feed(annotations / "spot__finediving_test.json").feeds[0]
    assert len(dives.refused) == 19
    assert all(" would" in refused.why or "nearest score" in refused.why for refused in dives.refused)
    assert sum("nearest score" in refused.why for refused in dives.refused) == 4
