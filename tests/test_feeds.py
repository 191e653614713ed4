"""Event feeds: what is read, what is refused, and that nothing but a FeedError ever comes out of a bad file."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.sports import sport_module
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import FrameRate
from ingest.feeds import FeedConfig, read_feed

NTSC = FrameRate(num=30000, den=1001)


def broadcast_of(sport=Sport.SOCCER, duration_s=60.0, title="match", rate=None):
    rate = rate or FrameRate(num=25)
    return Broadcast(
        broadcast_id="broadcast-1", sport=sport, title=title, source_uri=f"/films/{title}.mp4", media_sha256="0" * 64,
        size_bytes=1, duration_s=duration_s, width=640, height=360, source_rate=rate, proxy_key="proxies/1.mp4",
        proxy_rate=rate, proxy_num_frames=round(duration_s * rate.fps), has_audio=False,
    )  # fmt: skip


CORNER = {
    "time_s": 3.2, "evidence": [3.0, 3.8], "kind": "corner_kick", "team": "red", "zone": "left", "num_players": 2,
    "player": None, "outcome": None,
}  # fmt: skip


def feed_of(*events, **header):
    return {"format": "deepsport-feed-1", "sport": "soccer", "fps": [25, 1], "unit": "seconds", "events": list(events)} | header


@pytest.fixture
def read(tmp_path):
    """Reads a feed given as bytes, text or JSON."""

    def read(feed, broadcast=None, **config):
        data = feed if isinstance(feed, bytes) else (feed if isinstance(feed, str) else json.dumps(feed)).encode()
        path = tmp_path / "any.name"
        path.write_bytes(data)
        return read_feed(path, broadcast=broadcast or broadcast_of(), config=FeedConfig(**config))

    return read


def reasons(kept):
    return [drop.reason for drop in kept.drops]


# --- our own format -----------------------------------------------------------------------------------------------------


def test_our_feed_gives_the_events_it_says(read):
    (event,), drops, *_ = read(feed_of(CORNER))
    assert (event.kind, event.time_s, event.evidence.start_s, event.evidence.end_s) == ("corner_kick", 3.2, 3.0, 3.8)
    assert (event.team, event.zone, event.num_players, event.sport) == ("red", "left", 2, Sport.SOCCER)
    assert drops == []


def test_the_simulators_feed_is_read_back_event_by_event(read):
    from ingest.simulator.broadcast import SimulatedBroadcast
    from ingest.simulator.feeds import FeedShape, write_feed

    film = SimulatedBroadcast(Sport.TENNIS, seed=5, duration_s=40)
    kept = read(write_feed(film.truth, FeedShape.DEEPSPORT).data, broadcast_of(Sport.TENNIS, 40.0))
    assert kept.drops == []
    for event, truth in zip(kept.items, film.events, strict=True):
        same = ("kind", "team", "zone", "num_players")
        assert [getattr(event, name) for name in same] == [getattr(truth, name) for name in same]
        assert event.evidence.tiou(truth.evidence) > 0.999


def test_frames_become_seconds_by_the_true_rate(read):
    event = {"frame": 300, "evidence": [300, 314], "kind": "goal", "team": "red"}
    kept = read(feed_of(event, unit="frames", fps=[30000, 1001]), broadcast_of(rate=NTSC))
    assert kept.items[0].time_s == 10.01
    assert kept.items[0].evidence.end_s == pytest.approx(315 * 1001 / 30000)


@pytest.mark.parametrize("fps", [29.97, 29.97002997, [30000, 1001], 29])
def test_television_rates_are_repaired_to_the_fraction(read, fps):
    kept = read(feed_of({"frame": 900, "kind": "goal"}, unit="frames", fps=fps), broadcast_of(rate=NTSC))
    assert kept.items[0].time_s == pytest.approx(30.03)


def test_29_stays_29_where_the_video_does_not_prove_otherwise(read):
    kept = read(feed_of({"frame": 290, "kind": "goal"}, unit="frames", fps=29))
    assert kept.items[0].time_s == 10


@pytest.mark.parametrize("fps", [-1, 0, None, [25, 0], [-25, 1], "25", True, 1e9, [25], {}, [25.0, 1.0]])
@pytest.mark.parametrize("unit", ["seconds", "frames"])
def test_a_feed_without_a_true_rate_is_refused(read, fps, unit):
    with pytest.raises(FeedError, match="fps"):
        read(feed_of(fps=fps, unit=unit))


def test_a_feed_without_the_word_fps_or_unit_is_refused(read):
    for key in ("fps", "unit", "events", "sport"):
        feed = feed_of(CORNER)
        del feed[key]
        with pytest.raises(FeedError, match=key):
            read(feed)


def test_an_unknown_unit_version_or_sport_is_refused(read):
    for header in ({"unit": "ms"}, {"format": "deepsport-feed-2"}, {"sport": "tennis"}, {"extra": 1}):
        with pytest.raises(FeedError):
            read(feed_of(CORNER, **header))


def test_a_bare_nan_is_refused_with_its_name(read):
    for bad in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(FeedError, match=f"bare {bad}"):
            read(json.dumps(feed_of(CORNER)).replace("3.2", bad))


def test_a_number_too_great_for_a_float_is_no_time(read):
    kept = read(json.dumps(feed_of(CORNER)).replace("3.2", "1e999"))
    assert kept.items == []
    assert reasons(kept) == [DropReason.BAD_FEED]


def test_events_past_the_end_are_dropped_and_counted(read):
    kept = read(feed_of(CORNER, CORNER | {"time_s": 60.0}, CORNER | {"time_s": -1.0}, CORNER | {"time_s": 4000}))
    assert len(kept.items) == 1
    assert reasons(kept) == [DropReason.EVENT_OUTSIDE_VIDEO] * 3
    assert "before the video begins" in kept.drops[0].detail and "60.00 s long" in kept.drops[1].detail


def test_evidence_that_sticks_out_is_clipped_and_evidence_elsewhere_drops_the_event(read):
    late = CORNER | {"time_s": 59.5, "evidence": [59.0, 63.0]}
    wrong = CORNER | {"time_s": 5.0, "evidence": [70.0, 71.0]}
    kept = read(feed_of(late, wrong))
    assert [event.evidence.end_s for event in kept.items] == [60.0]
    assert reasons(kept) == [DropReason.EVENT_OUTSIDE_VIDEO]


def test_a_feed_that_is_out_of_order_is_sorted(read):
    kept = read(feed_of(*(CORNER | {"time_s": t} for t in (30.0, 10.0, 20.0))))
    assert [event.time_s for event in kept.items] == [10, 20, 30]


def test_an_event_that_is_there_twice_is_kept_once(read):
    kept = read(feed_of(CORNER, CORNER, CORNER | {"team": "blue"}))
    assert [event.team for event in kept.items] == ["red", "blue"]
    assert "twice" in kept.drops[0].detail


def test_a_kind_that_the_sport_has_no_word_for_is_dropped_with_the_words_it_has(read):
    kept = read(feed_of(CORNER | {"kind": "slam_dunk"}, CORNER | {"kind": "Corner kick"}))
    assert kept.items == []
    assert "slam_dunk" in kept.drops[0].detail and "corner_kick" in kept.drops[0].detail
    assert "snake_case" in kept.drops[1].detail


def test_a_sport_without_a_file_keeps_the_feeds_words(read):
    kept = read(feed_of(CORNER | {"kind": "slap_shot"}, sport="other"), broadcast_of(Sport.OTHER))
    assert kept.items[0].kind == "slap_shot"


BROKEN_EVENTS = (
    {"time_s": "3.2"}, {"time_s": None}, {"evidence": [3.0]}, {"evidence": [4.0, 3.0]}, {"evidence": "3-4"}, {"kind": 3},
    {"num_players": -1}, {"num_players": 2.5}, {"team": ["red"]}, {"frame": 12}, {"comment": "?"},
)  # fmt: skip


@pytest.mark.parametrize("change", BROKEN_EVENTS)
def test_one_broken_event_does_not_cost_the_others(read, change):
    kept = read(feed_of(CORNER | change, CORNER | {"time_s": 20.0}, 7))
    assert [event.time_s for event in kept.items] == [20.0]
    assert reasons(kept) == [DropReason.BAD_FEED] * 2


def test_an_instant_gets_evidence_around_it_by_the_config(read):
    instant = {"time_s": 10.0, "kind": "goal"}
    assert read(feed_of(instant)).items[0].evidence.model_dump() == {"start_s": 9.5, "end_s": 11.0}
    wide = read(feed_of(instant), before_s=2, after_s=3).items[0].evidence
    assert (wide.start_s, wide.end_s) == (8, 13)


def test_an_offset_moves_the_event_and_its_evidence(read):
    event = read(feed_of(CORNER), time_offset_s=1.5).items[0]
    assert (event.time_s, event.evidence.start_s) == (4.7, 4.5)


def test_ids_do_not_depend_on_the_order_or_the_files_name(read, tmp_path):
    events = [CORNER, CORNER | {"time_s": 9.0}]
    first = read(feed_of(*events)).items
    (tmp_path / "other.json").write_text(json.dumps(feed_of(*reversed(events))))
    assert read_feed(tmp_path / "other.json", broadcast=broadcast_of(), config=FeedConfig()).items == first


def test_names_are_data_and_come_on_one_line_without_control_characters(read):
    evil = "../../etc/passwd\n\x1b[31m <script>"
    event = read(feed_of(CORNER | {"team": evil, "player": "x" * 5000})).items[0]
    assert event.team == "../../etc/passwd [31m <script>"
    assert len(event.player) == 200


# --- E2E-Spot -----------------------------------------------------------------------------------------------------------

DIVE = {
    "video": "01__1", "fps": 25.0, "num_frames": 85, "num_events": 2, "width": 455, "height": 256,
    "events": [{"frame": 34, "label": "Entry", "comment": ""}, {"frame": 2, "label": "Som(s).Tuck", "comment": "Inward"}],
}  # fmt: skip


def test_spot_json_gives_the_video_named_like_the_broadcast(read):
    kept = read([DIVE | {"video": "02__1"}, DIVE], broadcast_of(Sport.OTHER, 3.4, "01__1"))
    assert [(e.kind, e.time_s, e.outcome) for e in kept.items] == [("som_s_tuck", 0.08, "Inward"), ("entry", 1.36, None)]


def test_spot_json_with_fps_minus_one_is_refused_with_the_remedy(read):
    with pytest.raises(FeedError, match=r"fps is -1.*true rate"):
        read([DIVE | {"fps": -1}], broadcast_of(Sport.OTHER, 3.4, "01__1"))


def test_spot_json_of_another_video_is_refused(read):
    with pytest.raises(FeedError, match=r"no video named 'match'.*01__1"):
        read([DIVE])
    with pytest.raises(FeedError, match=r"lasts 3.4 s"):
        read([DIVE], broadcast_of(Sport.OTHER, 60, "01__1"))


def test_cuts_of_one_video_are_read_at_their_places(read):
    cuts = [
        {"video": "final_2020_166072_166372", "fps": 25, "num_frames": 300, "events": [{"frame": 3, "label": "a"}]},
        {"video": "final_2020_01_00019225_00019525", "fps": 25, "num_frames": 300, "events": [{"frame": 0, "label": "b"}]},
        {"video": "final_2020_5_9", "fps": 25, "num_frames": 300, "events": [{"frame": 0, "label": "not_a_cut"}]},
    ]
    kept = read(cuts, broadcast_of(Sport.OTHER, 7000, "final_2020"))
    assert [(e.kind, e.time_s) for e in kept.items] == [("b", 769.0), ("a", 6643.0)]


def test_a_frame_beyond_spots_own_video_is_dropped(read):
    entry = DIVE | {"events": [{"frame": 85, "label": "Entry"}, {"frame": -1, "label": "Entry"}, {"label": "Entry"}]}
    kept = read([entry], broadcast_of(Sport.OTHER, 3.4, "01__1"))
    assert kept.items == []
    assert reasons(kept) == [DropReason.BAD_FEED] * 3


def test_tennis_labels_say_the_side_of_the_court_as_the_zone(read):
    entry = {"video": "match", "fps": 25, "num_frames": 1500, "events": [{"frame": 25, "label": "near_court_ace"}]}
    (event,), *_ = read([entry], broadcast_of(Sport.TENNIS))
    assert (event.kind, event.zone) == ("ace", "near")


# --- DataVolley ---------------------------------------------------------------------------------------------------------


def scout_line(code, second="", clock="20.30.00", set_number=1):
    return ";".join([code, "", "", "", "", "", "", clock, str(set_number), "1", "6", "1", str(second), "", "4", "7", ""])


RALLIES = [
    ("*04SQ!~~~76A", 10), ("a13RQ!~~~76AR", 10), ("a16AH#V6~2~~T2", 14), ("*16DH=~~~2", 15), ("ap00:01", 20),
    ("a06SM=~~~55D~~R", 30), ("*$$&H#", 30), ("*p01:01", 33),
    ("*15SH-~~~51", 41), ("a03AH/V5~47~H2", 45), ("*05BH#~~~~4~~2", 45), ("*p02:01", 48),
    ("*15SH-~~~51", 52), ("a13BH/", 55), ("*p03:01", 57),
]  # fmt: skip
VOLLEYBALL = broadcast_of(Sport.VOLLEYBALL)


def scout_file(rallies=RALLIES, newline="\r\n", lines=None):
    head = [
        "[3DATAVOLLEYSCOUT]", "FILEFORMAT: 2.0", "[3TEAMS]", "1;Čakovec Ž;3;Coach A;B;1;", "2;Brest-Müller;1;Coach B;;2;",
        "[3PLAYERS-H]", "0;5;1;;;;;;x;Žižek;Ana;;;4;;", "[3PLAYERS-V]", "1;16;2;;;;;;y;Núñez;Inés;;;2;;", "[3SCOUT]",
    ]  # fmt: skip
    return newline.join(head + [scout_line(*rally) for rally in rallies] + (lines or []) + [""])


def test_a_scout_file_gives_the_touch_that_decides_each_rally(read):
    kept = read(scout_file(), VOLLEYBALL)
    found = [(e.kind, e.time_s, e.team, e.outcome) for e in kept.items]
    assert found == [
        ("kill", 14.0, "Brest-Müller", "0-1"),
        ("service_error", 30.0, "Brest-Müller", "1-1"),
        ("block", 45.0, "Čakovec Ž", "2-1"),
        ("net_touch", 55.0, "Brest-Müller", "3-1"),
    ]
    kill, _, block, _ = kept.items
    assert (kill.player, kill.zone, kill.num_players) == ("Inés Núñez", "zone 2", None)
    assert (block.player, block.zone, block.num_players) == ("Ana Žižek", "zone 4", 2)
    # Video times are whole seconds: the kill lies within [14, 15).
    assert (kill.evidence.start_s, kill.evidence.end_s) == (13.5, 16.0)
    assert kept.drops == []


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_lines_may_end_as_on_any_computer(read, newline):
    assert read(scout_file(newline=newline), VOLLEYBALL) == read(scout_file(), VOLLEYBALL)


@pytest.mark.parametrize(
    ("encoding", "config", "teams"),
    [
        ("utf-8-sig", {}, {"Čakovec Ž", "Brest-Müller"}),
        ("utf-16", {}, {"Čakovec Ž", "Brest-Müller"}),
        ("cp1250", {"encoding": "cp1250"}, {"Čakovec Ž", "Brest-Müller"}),
        ("cp1250", {}, {"Èakovec Ž", "Brest-Müller"}),  # the wrong guess costs letters, never the feed
    ],
)
def test_names_are_read_in_the_files_encoding(read, encoding, config, teams):
    kept = read(scout_file().encode(encoding, errors="replace"), VOLLEYBALL, **config)
    assert {event.team for event in kept.items} == teams


def test_latin_1_names_are_read_without_being_told(read):
    kept = read(scout_file().replace("Č", "C").replace("Ž", "Z").replace("ž", "z").encode("latin-1"), VOLLEYBALL)
    assert kept.items[0].player == "Inés Núñez"


def test_a_file_cut_short_gives_its_whole_rallies(read):
    text = scout_file()
    whole = read(text, VOLLEYBALL)
    cut = read(text[: text.index("*05BH#") + 3], VOLLEYBALL)
    assert [e.time_s for e in cut.items] == [14.0, 30.0]
    assert "cut short" in cut.drops[0].detail
    for length in range(0, len(text), 37):
        try:
            kept = read(text[:length], VOLLEYBALL)
        except FeedError:
            continue
        assert [e.event_id for e in kept.items] == [e.event_id for e in whole.items[: len(kept.items)]] or kept.items[0].player


def test_a_scout_file_without_its_scout_section_is_refused(read):
    with pytest.raises(FeedError, match=r"ends before its \[3SCOUT\]"):
        read(scout_file().split("[3SCOUT]")[0], VOLLEYBALL)


def test_a_point_that_no_touch_explains_is_dropped(read):
    kept = read(scout_file([("*04SQ!", 10), ("a16AH#V6~2~~T2", 14), ("*p01:00", 20)]), VOLLEYBALL)
    assert kept.items == []
    assert "no touch gives the point to Čakovec" in kept.drops[0].detail


def test_a_kill_goes_before_the_block_that_did_not_stop_it(read):
    kept = read(scout_file([("a16AH#V6~2~~T2", 14), ("*05BH/", 14), ("*16DH=", 15), ("ap00:01", 20)]), VOLLEYBALL)
    assert [e.kind for e in kept.items] == ["kill"]


def test_without_video_times_the_time_of_day_serves_when_the_videos_start_is_known(read):
    rallies = [("*04SQ#", "", "23.59.50"), ("*p01:00", "", "23.59.55"), ("*04SQ#", "", "00.00.10"), ("*p02:00", "", "00.00.20")]
    with pytest.raises(FeedError, match="clock_at_start"):
        read(scout_file(rallies), VOLLEYBALL)
    kept = read(scout_file(rallies), VOLLEYBALL, clock_at_start="23.59.30")
    assert [e.time_s for e in kept.items] == [20.0, 40.0]


def test_rallies_in_several_video_files_are_refused(read):
    other = scout_line("*04SQ#", 5).split(";")
    other[11] = "2"
    with pytest.raises(FeedError, match="2 video files"):
        read(scout_file(lines=[";".join(other), scout_line("*p04:01", 9)]), VOLLEYBALL)


def test_a_scout_file_for_another_sport_is_refused(read):
    with pytest.raises(FeedError, match="volleyball scout file"):
        read(scout_file())


def test_the_config_refuses_a_clock_or_an_encoding_that_is_none():
    for bad in ({"clock_at_start": "25.00.00"}, {"clock_at_start": "noon"}, {"encoding": "klingon"}, {"before_s": -1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            FeedConfig(**bad)


# --- files that are no feed ---------------------------------------------------------------------------------------------

NO_FEEDS = {
    "empty": b"",
    "blank": b" \r\n\t ",
    "prose": b"This is a text and not a feed.",
    "csv": b"time,kind\n1.0,goal\n",
    "xml": b"<?xml version='1.0'?><file><ALL_INSTANCES/></file>",
    "other JSON": b'{"events": []}',
    "list": b"[1, 2]",
    "empty list": b"[]",
    "cut JSON": b'{"format": "deepsport-feed-1", "events": [',
    "latin-1 JSON": '{"format": "deepsport-feed-1", "sport": "Frühsport"}'.encode("latin-1"),
    "deep JSON": b"[" * 100_000,
    "long number": b'{"format": "deepsport-feed-1", "fps": ' + b"9" * 5000 + b"}",
    "zeros": bytes(1000),
    "video": b"\x00\x00\x00\x20ftypisom" + bytes(range(256)),
    "half a UTF-16 letter": b"\xff\xfe[",
}


@pytest.mark.parametrize("name", NO_FEEDS)
def test_what_is_no_feed_is_refused_in_one_line_that_names_the_file(read, name):
    with pytest.raises(FeedError) as caught:
        read(NO_FEEDS[name])
    assert "any.name" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_a_missing_file_a_folder_and_an_impossible_path_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path, Path("nul\0.json"), tmp_path / ("x" * 5000)):
        with pytest.raises(FeedError, match=r"no such file|cannot be read"):
            read_feed(path, broadcast=broadcast_of(), config=FeedConfig())


def check_feed(tmp_path, data, broadcast):
    path = tmp_path / "fuzz"
    path.write_bytes(data)
    try:
        kept = read_feed(path, broadcast=broadcast, config=FeedConfig())
    except FeedError:
        return
    kinds = {kind.kind for kind in sport_module(broadcast.sport).kinds}
    for event in kept.items:
        assert 0 <= event.time_s < broadcast.duration_s
        assert 0 <= event.evidence.start_s < event.evidence.end_s <= broadcast.duration_s
        assert event.kind in kinds
    assert [e.time_s for e in kept.items] == sorted(e.time_s for e in kept.items)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CORNER, "frame", "label"]), inner, max_size=3),
    max_leaves=6,
)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_give_a_feed_error_or_a_feed(tmp_path, data):
    check_feed(tmp_path, data, broadcast_of())


@FUZZ
@given(st.data())
def test_a_mutated_json_feed_gives_a_feed_error_or_true_events(tmp_path, data):
    ours = data.draw(st.booleans())
    feed = copy.deepcopy(feed_of(CORNER, CORNER | {"time_s": 9.0}) if ours else [DIVE | {"video": "match", "num_frames": 1500}])
    head = feed if ours else feed[0]
    target = data.draw(st.sampled_from([head, head["events"][0]]))
    target[data.draw(st.sampled_from([*target, "frame"]))] = data.draw(JSON_VALUES)
    check_feed(tmp_path, json.dumps(feed).encode(), broadcast_of())


@FUZZ
@given(st.integers(0, 900), st.integers(0, 40), st.text(alphabet="*ap0123456789SRABDEF#=/;~[]\r\n\x85é٣", max_size=12))
def test_a_mutated_scout_file_gives_a_feed_error_or_true_events(tmp_path, start, length, patch):
    text = scout_file()
    check_feed(tmp_path, (text[:start] + patch + text[start + length :]).encode(), VOLLEYBALL)


# --- real feeds ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def real_feeds():
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    return Path(folder) / "annotations"


def test_the_real_rally_is_scouted_as_one_kill_where_the_film_shows_it(real_feeds):
    from deepsport.video import probe

    film = probe(real_feeds.parent / "clips" / "ovdata__2019_03_01-KATS-BEDS-clip.mp4")
    match = broadcast_of(Sport.VOLLEYBALL, film.duration_s)
    path = real_feeds / "ovdata__scout__190301_kats_beds-clip.dvw"
    (event,), drops, *_ = read_feed(path, broadcast=match, config=FeedConfig(encoding="cp1250"))
    assert (event.kind, event.team, event.player, event.outcome) == ("kill", "MKS Będzin", "Rafał Faryna", "0-1")
    assert event.evidence.contains(14.2)  # seen by eye: the spike
    assert drops == []


def test_all_rallies_of_a_real_match_are_decided_by_a_touch(real_feeds):
    path = real_feeds / "ovdata__scout__stuttgart-schwerin-2018.dvw"
    kept = read_feed(path, broadcast=broadcast_of(Sport.VOLLEYBALL, 10_000), config=FeedConfig())
    assert (len(kept.items), kept.drops) == (213, [])
    assert kept.items[-1].outcome == "12-15"


def test_a_real_truncated_file_loses_no_rally(real_feeds):
    read = [
        read_feed(real_feeds / name, broadcast=broadcast_of(Sport.VOLLEYBALL, 6000), config=FeedConfig(clock_at_start="14.30.00"))
        for name in ("datavolley__extdata_example_data.dvw", "datavolley__extdata_testing_truncated.dvw")
    ]
    assert len(read[0].items) == 126
    assert read[0].items == read[1].items


def test_every_real_file_is_read_or_refused_in_one_line(real_feeds):
    pytest.importorskip("kloppy")
    refused, vendors = 0, 0
    for path in sorted(real_feeds.iterdir()):
        try:
            read_feed(path, broadcast=broadcast_of(title="none of these"), config=FeedConfig())
            vendors += 1  # vendors' feeds, SPADL and Sportscode do not name the match: we cannot tell it from the broadcast's
        except FeedError as error:
            refused += 1
            assert "\n" not in str(error)
    assert (refused, vendors) == (len(list(real_feeds.iterdir())) - 8, 8)
