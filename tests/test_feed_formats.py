"""The formats of the field: each is recognised by its content and read, and each known trap is a drop or a refusal."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from benchmarks import fuzz
from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import FrameRate
from ingest.feeds import FORMATS, FeedConfig, parse_feed, read_feed


def broadcast_of(sport=Sport.SOCCER, duration_s=3000.0, title="1_720p", uri=None, rate=None):
    rate = rate or FrameRate(num=25)
    return Broadcast(
        broadcast_id="broadcast-1", sport=sport, title=title, source_uri=uri or f"/films/{title}.mkv", media_sha256="0" * 64,
        size_bytes=1, duration_s=duration_s, width=640, height=360, source_rate=rate, proxy_key="proxies/1.mp4",
        proxy_rate=rate, proxy_num_frames=round(duration_s * rate.fps), has_audio=False,
    )  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def read(feed, broadcast=None, **config):
        path = tmp_path / "any.name"
        path.write_bytes(feed if isinstance(feed, bytes) else (feed if isinstance(feed, str) else json.dumps(feed)).encode())
        return read_feed(path, broadcast=broadcast or broadcast_of(), config=FeedConfig(**config))

    return read


def told(kept):
    return [(e.kind, e.time_s) for e in kept.items]


# --- SoccerNet ----------------------------------------------------------------------------------------------------------

FOUL = {"gameTime": "1 - 00:31", "label": "Foul", "position": "31500", "team": "home", "visibility": "visible"}


def labels(*entries):
    return {
        "UrlLocal": "england_epl\\2014-2015\\2015-05-17 - 18-00 Manchester United 1 - 1 Arsenal",
        "annotations": list(entries),
    }


def test_soccernet_events_lie_on_their_halfs_clock_in_milliseconds(read):
    second = FOUL | {"gameTime": "2 - 00:10", "position": "10000", "label": "Corner"}
    kept = read(labels(second, FOUL, FOUL | {"position": 40000, "gameTime": "1 - 00:40", "label": "Yellow->red card"}))
    assert told(kept) == [("foul", 31.5), ("red_card", 40.0)]
    assert [e.outcome for e in kept.items] == [None, "second_yellow"] and kept.items[0].team == "home"
    assert [(d.reason, "1 entries" in d.detail) for d in kept.drops] == [(DropReason.EVENT_OUTSIDE_VIDEO, True)]
    assert told(read(labels(second, FOUL), broadcast_of(title="2_224p"))) == [("corner_kick", 10.0)]


def test_a_soccernet_video_that_does_not_say_its_half_is_refused_until_told(read):
    whole = broadcast_of(title="Manchester United 1 - 1 Arsenal")
    with pytest.raises(FeedError, match=r"which half.*feed\.period"):
        read(labels(FOUL), whole)
    assert told(read(labels(FOUL), whole, period=1)) == [("foul", 31.5)]


def test_a_position_as_text_as_number_or_missing_is_read_and_one_that_contradicts_is_not(read):
    entries = (
        FOUL | {"position": 31500.0},
        FOUL | {"position": ""},
        FOUL | {"position": "95000"},
        FOUL | {"gameTime": "later"},
        7,
    )
    kept = read(labels(*entries))
    assert told(kept) == [("foul", 31.0), ("foul", 31.5)]
    assert kept.items[0].evidence.end_s == 33.0  # a clock of whole seconds: within [31, 32), and a second after
    assert ["which is true cannot be told" in d.detail for d in kept.drops] == [True, False, False]


def test_what_the_feed_says_is_not_shown_is_left_out_under_its_own_reason(read):
    kept = read(labels(FOUL | {"visibility": "not shown"}))
    assert (kept.items, [d.reason for d in kept.drops]) == ([], [DropReason.EVENT_NOT_SHOWN])


def test_camera_labels_are_of_the_shot_that_ends_and_replays_name_their_live_moment(read):
    link = {"label": "Foul", "half": "1", "time": "00:05", "team": "home", "position": "5000", "visibility": "visible"}
    camera = {
        "gameTime": "1 - 00:10",
        "label": "Main camera center",
        "change_type": "abrupt",
        "replay": "real-time",
        "position": "10000",
    }
    replay = camera | {"gameTime": "1 - 00:14", "position": "14000", "label": "Close-up player", "replay": "replay", "link": link}
    kept = read(labels(camera, replay))
    assert [(s.label, s.span.start_s, s.span.end_s, s.replay) for s in kept.shots] == [
        ("Main camera center", 0, 10, False), ("Close-up player", 10, 14, True),
    ]  # fmt: skip
    assert kept.shots[1].replay_of.start_s == 5 and kept.items == []


def test_captions_become_utterances_and_the_clock_may_be_written_in_two_ways(read):
    entries = [{"gameTime": "1 - 0:31", "label": "comments", "position": "31500", "half": "1", "comment": "A foul."},
               {"gameTime": "1 - 00:45", "label": "corner", "description": "A\tcorner."}]  # fmt: skip
    kept = read({"UrlLocal": "x", "predictions": entries})
    assert [(u.text, u.span.start_s, u.span.end_s) for u in kept.utterances] == [
        ("A foul.", 31.0, 32.5),
        ("A corner.", 44.5, 47.0),
    ]
    assert kept.items == [] and kept.utterances[0].made.step == "import_transcript"


# --- UniSoccer, MatchTime -----------------------------------------------------------------------------------------------

CLIP = {
    "video": "england_epl_2015-2016/2016-01-23 - 20-30 West Ham 2 - 2 City/1_04_10.mp4",
    "caption": "corner",
    "comments_text": "Wide.",
}
GAME = broadcast_of(uri="/data/england_epl/2016-01-23 - 20-30 West Ham 2 - 2 City/1_224p.mkv")


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_a_clip_list_gives_the_match_of_the_folder_with_either_slash(read, slash):
    other = CLIP | {"video": CLIP["video"].replace("West Ham", "East Ham")}
    late = CLIP | {"video": CLIP["video"].replace("1_04_10", "2_9_52"), "caption": "off side"}
    kept = read([clip | {"video": clip["video"].replace("/", slash)} for clip in (other, CLIP, late)], GAME)
    assert told(kept) == [("corner_kick", 250.0)] and [u.text for u in kept.utterances] == ["Wide."]
    with pytest.raises(FeedError, match="Give the broadcast the right title"):
        read([other], GAME)


# --- OSL, ActivityNet ---------------------------------------------------------------------------------------------------


def test_osl_events_and_captions_are_those_of_the_item_with_the_video(read):
    item = {"id": "7", "inputs": [{"type": "video", "path": "clips\\1_720p.mp4", "fps": 25.0}], "labels": {},
            "events": [{"head": "action", "label": "Corner", "position_ms": 1240}, {"label": "Goal"}, "x"],
            "dense_captions": [{"position_ms": "1100", "lang": "en", "text": "Over it goes."}]}  # fmt: skip
    document = {"version": "2.0", "data": [item, item | {"id": "8", "inputs": [{"path": "clips/2.mp4"}]}]}
    kept = read(document)
    assert told(kept) == [("corner_kick", 1.24)]
    assert [(u.text, u.span.start_s) for u in kept.utterances] == [("Over it goes.", 0.6)]
    assert len(kept.drops) == 2
    with pytest.raises(FeedError, match="names 0 videos"):
        read(document, broadcast_of(title="other"))


@pytest.mark.parametrize("wrap", [lambda videos: videos, lambda videos: {"version": "1.3", "database": videos}])
def test_activitynet_segments_are_evidence_and_a_wrong_length_is_another_video(read, wrap):
    notes = [{"segment": [11.55, 57.07], "label": "Corner"}, {"segment": [9, 3], "label": "Goal"}]
    videos = {"v_1_720p": {"duration": 3010.2, "subset": "validation", "annotations": notes}}
    kept = read(wrap(videos))
    assert told(kept) == [("corner_kick", 11.55)] and kept.items[0].evidence.end_s == 57.07 and len(kept.drops) == 1
    with pytest.raises(FeedError, match=r"lasts 224\.5 s"):
        read(wrap({"v_1_720p": videos["v_1_720p"] | {"duration": 224.5}}))


def test_activitynet_captions_become_utterances(read):
    video = {"duration": 3000, "timestamps": [[0.5, 4], [5]], "sentences": ["A man serves.", "?"]}
    kept = read({"v_1_720p": video})
    assert [(u.text, u.span.end_s) for u in kept.utterances] == [("A man serves.", 4.0)]


# --- VolleyStation ------------------------------------------------------------------------------------------------------


def scout_of(*rallies):
    team = {
        "home": {"name": "Lynx", "players": [{"shirtNumber": 6, "firstName": "Ana", "lastName": "Ruiz"}]},
        "away": {"name": "Otters"},
    }
    return {"scout": {"sets": [{"events": [{"timeout": "a"}, *rallies]}]}, "team": team}


def rally_of(*touches, point="*", home=1, away=0):
    plays = [{"team": t, "player": p, "skill": s, "effect": e, "time": time, "endZone": 5} for t, p, s, e, time in touches]
    return {"exchange": {"plays": plays, "point": point}, "score": {"home": home, "away": away}}


def test_volleystation_times_are_tenths_and_the_deciding_touch_is_found_as_in_datavolley(read):
    court = broadcast_of(Sport.VOLLEYBALL)
    won = rally_of(("a", "06", "S", "-", 7243), ("*", "06", "A", "#", 7318), ("a", 4, "D", "=", 7320))
    kept = read(scout_of(won, rally_of(("*", "6", "S", "-", 8000), point="a"), rally_of(("*", "6", "A", "#", None))), court)
    assert [(e.kind, e.time_s, e.team, e.player, e.outcome, e.zone) for e in kept.items] == [
        ("kill", 731.8, "Lynx", "Ana Ruiz", "1-0", "zone 5")]  # fmt: skip
    assert len(kept.drops) == 2


# --- Sportscode ---------------------------------------------------------------------------------------------------------

TAGS = """<?xml version="1.0" encoding="{0}"?>
<file><ALL_INSTANCES><instance><ID>P1</ID><start>3.6</start><end>9.7</end><code>CORNER</code>
<label><group>Team</group><text>Nø</text></label><label><group>Quality</group><text>good</text></label></instance>
<instance><ID>P2</ID><start>1:02.5</start><end>0:01:05</end><code>Goal</code></instance>
<instance><ID>P3</ID><start>9</start><end>3</end><code>Goal</code></instance></ALL_INSTANCES></file>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_sportscode_instances_are_read_in_any_encoding_and_with_two_ways_to_write_time(read, encoding, newline):
    kept = read(TAGS.format(encoding).replace("\n", newline).encode(encoding))
    assert told(kept) == [("corner_kick", 3.6), ("goal", 62.5)]
    assert (kept.items[0].team, kept.items[0].outcome, kept.items[0].evidence.end_s) == ("Nø", "Quality: good", 9.7)
    assert [d.item for d in kept.drops] == ["any.name: instance P3"]


def test_an_xml_bomb_and_a_cut_file_are_refused(read):
    bomb = "<!DOCTYPE f [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>"
    for text in (TAGS.format("utf-8").replace("<file>", bomb + "<file>"), TAGS.format("utf-8")[:300]):
        for encoding in ("utf-8", "utf-16"):
            with pytest.raises(FeedError, match=r"entities|cut short"):
                read(text.encode(encoding))


# --- SPADL --------------------------------------------------------------------------------------------------------------


def action(kind, result, time_s, period=1):
    return {"game_id": 1, "period_id": period, "time_seconds": time_s, "team_id": 782.0, "player_id": None, "type_id": kind,
            "result_id": result}  # fmt: skip


def test_spadl_gives_what_the_rules_speak_of_and_counts_the_rest(read):
    kept = read(
        [action(0, 1, 1.0), action("21", 1, "1.5"), action(12, 1, 60.0), action(8, 4, 90.0), action(99, 0, 1), action(0, 2, 95)]
    )
    assert told(kept) == [("penalty_kick", 60.0), ("goal", 60.0), ("foul", 90.0), ("yellow_card", 90.0), ("offside", 95.0)]
    assert kept.items[0].team == "782"
    assert sorted(d.item.partition(": ")[2] for d in kept.drops) == ["[4]", "dribble", "pass"]
    with pytest.raises(FeedError, match="bare NaN"):
        read(json.dumps([action(0, 1, float("nan"))]))


# --- subtitles ----------------------------------------------------------------------------------------------------------

SRT = "1\n00:00:01,000 --> 00:00:04,500\nA <i>corner</i>,\nfrom the left.\n\n2\n00:50:10,000 --> 00:50:12,000\nLate.\n"
VTT = ("WEBVTT\n\nNOTE 00:01 is no cue\n\nSTYLE\n::cue { color: red }\n\n00:01.000 --> 00:04.500 align:start\n"
       "<v Ann>A <c.loud>corner</c>,\nfrom&nbsp;the left.\n\nx\n00:50:10.000 --> 00:50:12.000\nLate.\n")  # fmt: skip
SBV = "0:00:01.000,0:00:04.500\nA corner,\nfrom the left.\n\n0:50:10.000,0:50:12.000\nLate.\n"


@pytest.mark.parametrize("text", [SRT, VTT, SBV])
@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_subtitles_of_three_kinds_say_the_same(read, text, newline, encoding):
    kept = read(text.replace("\n", newline).encode(encoding))
    assert [(u.text, u.span.start_s, u.span.end_s) for u in kept.utterances] == [("A corner, from the left.", 1.0, 4.5)]
    assert [d.reason for d in kept.drops] == [DropReason.EVENT_OUTSIDE_VIDEO] and kept.items == []


def test_scrolling_captions_say_each_line_once_and_cues_without_a_gap_are_parted(read):
    rolled = "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\n00:02.000 --> 00:03.000\none\ntwo\n\n00:03.000 --> 00:03.100\ntwo\n"
    assert [u.text for u in read(rolled).utterances] == ["one", "two"]
    assert [u.text for u in read("1\n00:00:01,0 --> 00:00:02,0\none\n2\n00:00:03,0 --> 00:00:04,0\ntwo").utterances] == [
        "one",
        "two",
    ]


def test_a_subtitle_file_cut_short_keeps_its_whole_cues(read):
    kept = read("1\n00:00:01,000 --> 00:00:04,500\nA corner.\n\n2\n00:00:05,0")
    assert [u.text for u in kept.utterances] == ["A corner."]
    with pytest.raises(FeedError, match="no cue"):
        read("WEBVTT\n\n00:01.000 --> 00:0")


# --- all of them --------------------------------------------------------------------------------------------------------


def test_a_feed_of_another_sport_is_refused(read):
    for feed in (labels(FOUL), [CLIP], [action(8, 1, 3)], scout_of()):
        for sport in (Sport.TENNIS, Sport.OTHER):
            with pytest.raises(FeedError, match=rf"is {sport}; pair them anew, or give the broadcast its sport \(--sport, or"):
                read(feed, broadcast_of(sport))


def test_long_names_and_texts_are_cut_and_no_name_is_a_path(read):
    entry = FOUL | {"label": "../" * 50_000, "team": "x" * 10**6}
    kept = read(labels(entry, FOUL | {"gameTime": "1 - 00:40", "position": "40000", "team": "y" * 10**6}))
    assert [len(e.team) for e in kept.items] == [200] and all(len(d.detail) < 500 for d in kept.drops)


REAL = {
    "UniSoccer__MatchTime_classification_test.json":
        (broadcast_of(title="1", uri="/x/2016-11-23 - 22-45 Arsenal 2 - 2 Paris SG/1.mkv"), 30),
    "UniSoccer__SoccerNet-v2_classification_valid.json":
        (broadcast_of(uri="/x/2016-01-23 - 20-30 West Ham 2 - 2 Manchester City/1_720p.mkv"), 60),
    "datavolley__extdata_2022-08-23_NCA-CUB.vsm": (broadcast_of(Sport.VOLLEYBALL, 6000), 100),
    "kloppy__files_code_xml.xml": (broadcast_of(Sport.OTHER), 3),
    "socceraction__spadl_spadl.json": (broadcast_of(), 10),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read(name):
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    match, at_least = REAL[name]
    feed = parse_feed(Path(folder) / "annotations" / name, broadcast=match, config=FeedConfig())
    assert len(feed.rows) >= at_least
    kept = read_feed(Path(folder) / "annotations" / name, broadcast=match, config=FeedConfig())
    assert [e.time_s for e in kept.items] == sorted(e.time_s for e in kept.items)


def test_105_of_107_rallies_of_a_real_volleystation_match_are_decided_by_a_touch():
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    path = Path(folder) / "annotations" / "datavolley__extdata_2022-08-23_NCA-CUB.vsm"
    kept = read_feed(path, broadcast=broadcast_of(Sport.VOLLEYBALL, 6000), config=FeedConfig())
    assert (len(kept.items), [d.detail for d in kept.drops]) == (105, ["no touch gives the point to NICARAGUA"] * 2)
    assert kept.items[0].outcome == "0-1" and kept.items[0].time_s == 731.8


def test_formats_are_named_once():
    assert len({known.name for known in FORMATS}) == len(FORMATS)


# --- bombs --------------------------------------------------------------------------------------------------------------

BOMBS = {
    "one long line": b"a" * 4_000_000,
    "one long line of subtitles": b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"<b>" * 1_500_000,
    "deep JSON": b'{"annotations": ' + b"[" * 1_000_000,
    "deep XML": b"<file><ALL_INSTANCES>" + b"<instance>" * 50_000,
    "many empty lists": b'{"data": [' + b"[]," * 100_000 + b"[]]}",
    "a huge number": b'{"annotations": [{"gameTime": "1 - 00:31", "label": "Foul", "position": ' + b"9" * 4000 + b"}]}",
    "a huge exponent": b'{"annotations": [{"gameTime": "1 - 00:31", "label": "Foul", "position": 1e99999}]}',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_goes_off_in_one_line_or_gives_little(read, name):
    try:
        kept = read(BOMBS[name])
    except FeedError as error:
        assert len(str(error)) < 2000 and "\n" not in str(error)
        return
    assert len(kept.items) + len(kept.utterances) <= 1 and all(len(u.text) <= 2000 for u in kept.utterances)


def test_a_file_that_is_far_too_big_is_not_even_read(tmp_path):
    path = tmp_path / "feed.json"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(FeedError, match="100 MiB is no event feed"):
        read_feed(path, broadcast=broadcast_of(), config=FeedConfig())


def test_bent_feeds_are_read_or_refused(tmp_path):
    """A little of what `python -m benchmarks.fuzz` does for minutes."""
    rng = random.Random(7)
    for _ in range(150):
        sport, feed = rng.choice(fuzz.seeds())
        as_json = not isinstance(feed, str) and rng.random() < 0.7
        bent = fuzz.bytes_of(fuzz.bend_json(feed, rng)) if as_json else fuzz.bend_bytes(fuzz.bytes_of(feed), rng)
        fuzz.try_feed(bent, sport, tmp_path)


def test_a_touch_that_is_no_touch_costs_its_rally_only(read):
    odd = rally_of((["*"], "06", "A", "#", 7000), point=["*"])
    kept = read(scout_of(odd, rally_of(("*", "06", "A", "#", 7318))), broadcast_of(Sport.VOLLEYBALL))
    assert [e.time_s for e in kept.items] == [731.8] and len(kept.drops) == 1
