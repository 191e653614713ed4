"""A feed's clock is fitted to the video's, or refused with the reason; nothing lands in the wrong place unsaid.

The broadcasts are the simulator's, with the evidence as it knows it: no film is drawn here (benchmarks/alignment.py does that).
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.alignment import Distorted, broadcast_of, distort, known_evidence
from deepsport.errors import UserError
from deepsport.records import Made
from deepsport.taxonomy import CameraKind, DropReason, Sport
from deepsport.timebase import Span
from ingest.align import AlignConfig, Evidence, align_feed, scoring_kinds
from ingest.feed_events import FeedConfig, FeedRow, FeedShot
from ingest.feed_import import import_feed, label_shots, open_feed
from ingest.score_digits import reader_for
from ingest.scoreboard import ScoreChange, find_bug, score_changes, sides_of, who_gained
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import FILMED
from ingest.whistles import SAMPLE_RATE, find_whistles


@lru_cache
def film_of(sport=Sport.TENNIS, seed=31, seconds=200.0):
    return SimulatedBroadcast(sport, seed, seconds)


def errors_s(fit, feed: Distorted):
    return [abs(fit.video_s(feed_s) - video_s) for feed_s, video_s in feed.true]


def fit_of(film, feed, evidence=None, **config):
    return align_feed(feed.rows, broadcast_of(film), evidence or known_evidence(film), AlignConfig(**config))[None]


@pytest.mark.parametrize("sources", [("speech",), ("score",), ("cuts", "speech", "score")])
@pytest.mark.parametrize("sport", [Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL])
def test_a_distorted_feed_is_put_in_its_place(sport, sources):
    film = film_of(sport)
    feed = distort(film.events, np.random.default_rng(7))
    fit = fit_of(film, feed, known_evidence(film).only(*sources))
    assert fit.refusal == "" and np.median(errors_s(fit, feed)) <= 0.5 and max(errors_s(fit, feed)) <= 1.0
    assert fit.residual_s is not None and fit.residual_s < 0.5 and set(fit.evidence) <= set(sources)


def test_another_matchs_feed_is_refused_with_the_reason():
    film = film_of()
    for seed in (32, 33, 34):
        fit = fit_of(film, distort(film_of(seed=seed).events, np.random.default_rng(seed)))
        assert "another match" in fit.refusal


def test_the_lag_of_the_commentary_is_measured_where_the_score_pins_the_clock():
    film = film_of()
    fit = fit_of(film, distort(film.events, np.random.default_rng(3)))
    starts = sorted(u.span.start_s for u in film.utterances)
    true = np.median([min((s - e.time_s for s in starts if s > e.time_s), default=9) for e in film.events])
    assert fit.commentary_lag_s == pytest.approx(true, abs=0.25)
    assert fit.evidence[0] in ("score", "speech")


def test_too_little_to_tell_is_refused_not_guessed():
    film = film_of()
    feed = distort(film.events, np.random.default_rng(5))
    assert "too few" in fit_of(film, Distorted(feed.rows[:4], [])).refusal
    assert fit_of(film, feed, Evidence()).refusal and fit_of(film, feed, known_evidence(film).only("cuts")).refusal
    even = [FeedRow(where="", kind="ace", time_s=10.0 * i) for i in range(18)]
    tick = Evidence(scores=[ScoreChange(Span(start_s=10.0 * i + 3, end_s=10.0 * i + 3.4)) for i in range(20)])
    fit = fit_of(film, Distorted(even, []), tick)
    assert "another" in fit.refusal  # every tenth second fits as well


def test_a_fit_is_refused_when_the_events_lie_far_from_their_moments():
    film = film_of()
    feed = distort(film.events, np.random.default_rng(9))
    assert fit_of(film, feed, max_error_s=0.02).refusal


def test_halves_are_fitted_each_with_its_own_clock_and_one_that_is_not_in_the_video_is_refused():
    film = film_of(Sport.SOCCER, 35, 400.0)
    middle = len(film.events) // 2
    halves = [film.events[:middle], film.events[middle:]]
    rows = [FeedRow(where="", kind=e.kind, time_s=e.time_s - half[0].time_s, period=number)
            for number, half in enumerate(halves, 1) for e in half]  # fmt: skip
    other = [FeedRow(where="", kind=e.kind, time_s=e.time_s, period=3) for e in film_of(Sport.SOCCER, 36).events]
    fits = align_feed(rows + other, broadcast_of(film), known_evidence(film), AlignConfig())
    assert [fit.refusal == "" for fit in fits.values()] == [True, True, False]
    assert [round(fits[n].offset_s - halves[n - 1][0].time_s) for n in (1, 2)] == [0, 0]


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([("speech",), ("score",), ("score", "digits"), ("cuts",), ("cuts", "speech", "score", "digits")]),
)
def test_no_feed_is_misaligned_unsaid(seed, sources):
    film = film_of(seconds=120.0)
    rng = np.random.default_rng(seed)
    right = rng.random() < 0.5
    feed = distort(film.events if right else film_of(seed=40 + seed % 5, seconds=120.0).events, rng)
    if len(feed.rows) < 2:
        return
    fit = fit_of(film, feed, known_evidence(film).only(*sources))
    assert fit.refusal or (right and max(errors_s(fit, feed)) <= 1.0)


def test_the_same_feed_gives_the_same_fit():
    film = film_of()
    feed = distort(film.events, np.random.default_rng(7))
    shuffled = Distorted(feed.rows[::-1], feed.true)
    assert fit_of(film, feed) == fit_of(film, shuffled)


def test_digits_tell_apart_what_comes_every_ten_seconds():
    film, rng = film_of(), np.random.default_rng(2)
    won = rng.integers(0, 2, 20)
    changes = [ScoreChange(Span(start_s=10.0 * i + 3, end_s=10.0 * i + 3.4), int(side)) for i, side in enumerate(won)]
    for names in (("ann", "bea"), ("bea", "ann")):  # which of them stands above in the bug is not known
        rows = [FeedRow(where="", kind="ace", time_s=10.0 * i, team=names[side]) for i, side in enumerate(won[1:19])]
        fit = fit_of(film, Distorted(rows, []), Evidence(scores=changes))
        assert fit.refusal == "" and fit.video_s(60.0) == pytest.approx(73.1, abs=0.3) and "digits" in fit.evidence
        unread = Evidence(scores=changes).only("score")
        assert "another" in fit_of(film, Distorted(rows, []), unread).refusal
        nameless = [replace(row, team=None) for row in rows]
        assert "another" in fit_of(film, Distorted(nameless, []), Evidence(scores=changes)).refusal
    strange = [FeedRow(where="", kind="ace", time_s=10.0 * i, team="ab"[side]) for i, side in enumerate(rng.integers(0, 2, 18))]
    assert "another" in fit_of(film, Distorted(strange, []), Evidence(scores=changes)).refusal


@pytest.mark.parametrize("sport", FILMED)
def test_who_gained_by_the_digits_is_who_gained_by_the_ledger(sport):
    film, gains = film_of(sport, 37), scoring_kinds(sport)
    teams, judged = film.schedule.states[0].teams, []
    assert set(gains.values()) <= {0, 1, None}
    for event, before, after in zip(film.events, film.schedule.states, film.schedule.states[1:], strict=False):
        shown = [sides_of([words.split() for words in film.show.score_words(state)]) for state in (before, after)]
        if event.kind in gains and gains[event.kind] is not None and shown[0] != shown[1]:
            found = who_gained(*shown)
            assert found in (teams.index(event.team) ^ gains[event.kind], None)  # None: another bout begins
            judged.append(found is not None)
    assert not judged or np.mean(judged) > 0.9


# --- a feed becomes part of its broadcast -------------------------------------------------------------------------------


def spadl_of(rows):
    kinds = {"goal": (11, 1), "corner_kick": (5, 1), "foul": (8, 0), "offside": (0, 2)}
    return [{"game_id": 1, "period_id": 1, "time_seconds": row.time_s + 40, "type_id": kinds[row.kind][0],
             "result_id": kinds[row.kind][1]} for row in rows]  # fmt: skip


@pytest.mark.parametrize("right", [True, False])
def test_a_feed_on_its_own_clock_is_fitted_on_the_way_in_or_left_out(tmp_path, right):
    film = film_of(Sport.SOCCER)
    feed = distort((film if right else film_of(Sport.SOCCER, 39)).events, np.random.default_rng(7))
    path = tmp_path / "actions.json"
    path.write_text(json.dumps(spadl_of(feed.rows)))
    opened = open_feed(str(path), path, broadcast_of(film), FeedConfig())
    fed = import_feed(
        opened, broadcast_of(film), FeedConfig(), AlignConfig(), lambda: known_evidence(film), Made(step="import_events")
    )
    refused = [drop for drop in fed.drops if drop.reason is DropReason.FEED_NOT_ALIGNED]
    assert len(fed.fits) == 1 and bool(fed.fits[0].refusal) is not right
    if not right:
        assert fed.events == [] and "feed.time_offset_s" in refused[0].detail and "another match" in refused[0].detail
        return
    true_s = np.array([event.time_s for event in film.events])
    apart_s = [np.abs(true_s - event.time_s).min() for event in fed.events]
    assert np.median(apart_s) <= 0.5 and not refused and len(fed.events) >= 0.8 * len(film.events)


def test_a_feed_on_the_videos_clock_is_not_fitted_and_nothing_is_looked_for(tmp_path):
    film = film_of(Sport.SOCCER)
    path = tmp_path / "film.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:04,500\nA corner.\n")
    opened = open_feed(str(path), path, broadcast_of(film), FeedConfig())
    fed = import_feed(opened, broadcast_of(film), FeedConfig(), AlignConfig(), lambda: pytest.fail("looked"), Made(step="x"))
    assert opened.is_transcript and [u.text for u in fed.utterances] == ["A corner."] and fed.fits == []


def test_camera_labels_are_given_to_the_shots_that_they_cover():
    film = film_of(Sport.SOCCER)
    first, second = film.shots[:2]
    labels = [FeedShot("", "Main camera center", first.span), FeedShot("", "Close-up player", second.span, replay=True,
                                                                       replay_of=Span(start_s=1, end_s=1))]  # fmt: skip
    shots = label_shots(film.shots, labels)
    assert [(s.camera, s.replay, s.replay_of) for s in shots[:2]] == [
        (CameraKind.WIDE, False, None), (CameraKind.CLOSE, True, first.shot_id)]  # fmt: skip
    assert shots[2:] == list(film.shots[2:])


# --- score bug and whistles ---------------------------------------------------------------------------------------------


def drawn(seconds, score_of, clock=True):
    """A noisy picture that pans, with a bug on it: a panel, a score and a clock; 2.5 pictures a second."""
    import cv2

    rng = np.random.default_rng(0)
    times_s = np.arange(0, seconds, 0.4)
    scene = rng.integers(0, 255, (90, 400), np.uint8).repeat(2, 0).repeat(2, 1)
    pictures = []
    for time_s in times_s:
        left = int(100 + 90 * np.sin(time_s))
        picture = scene[:, left : left + 320].copy()
        picture[10:40, 12:132] = 30
        cv2.putText(picture, f"AB {score_of(time_s)}", (16, 32), cv2.FONT_HERSHEY_DUPLEX, 0.6, 230, 1, cv2.LINE_AA)
        if clock:
            clock_words = f"{int(time_s) // 60}:{int(time_s) % 60:02d}"
            cv2.putText(picture, clock_words, (84, 32), cv2.FONT_HERSHEY_DUPLEX, 0.6, 230, 1, cv2.LINE_AA)
        pictures.append(np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8))
    return times_s, np.stack(pictures)


def test_the_bug_is_found_and_its_score_is_told_from_its_clock():
    times_s, pictures = drawn(130, lambda t: int(t > 13.1) + int(t > 31.3) + int(t > 50.0))
    box = find_bug(pictures[::5])
    assert box is not None and abs(box.left - 12) <= 3 and abs(box.bottom - 40) <= 3
    changes = score_changes(times_s, pictures[:, box.top : box.bottom, box.left : box.right])
    assert len(changes) == 3 and all(change.gained is None for change in changes)
    assert all(span.start_s <= true_s <= span.end_s for (span, _), true_s in zip(changes, (13.1, 31.3, 50.0), strict=True))


@pytest.mark.slow
def test_digits_tell_who_gained_and_what_was_no_change():
    """With the weights that rapidocr brings along."""
    scored = (9.1, 13.1, 31.3, 50.0)
    times_s, pictures = drawn(130, lambda t: "-".join(str(sum(t > at for at in scored[side::2])) for side in (0, 1)), clock=False)
    pictures[70:75, 15:20, 20:40] = 200  # a light on the name, that comes and goes
    bugs = pictures[:, 10:40, 12:132]
    changes = score_changes(times_s, bugs, reader_for("always"))
    assert [gained for _, gained in changes] == [0, 1, 0, 1] and len(score_changes(times_s, bugs)) == 6
    assert all(span.start_s <= true_s <= span.end_s for (span, _), true_s in zip(changes, scored, strict=True))


def test_without_a_reader_of_digits_there_is_none_or_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setattr("ingest.score_digits.find_spec", lambda name: None)
    assert reader_for("installed") is None and reader_for("never") is None
    with pytest.raises(UserError, match=r"pip install 'deepsport\[ocr\]'"):
        reader_for("always")


def test_a_flash_in_the_bug_and_its_absence_are_no_change_of_the_score():
    times_s, pictures = drawn(40, lambda t: 0)
    pictures[30, 15:35, 15:60] = 255
    pictures[60:70] = pictures[60:70, ::-1]  # a replay without the bug
    box = find_bug(pictures[::5])
    assert box is not None and score_changes(times_s, pictures[:, box.top : box.bottom, box.left : box.right]) == []


def test_pictures_without_a_bug_have_none():
    rng = np.random.default_rng(1)
    assert find_bug(rng.integers(0, 255, (16, 90, 160), np.uint8)) is None
    assert find_bug(np.zeros((16, 90, 160), np.uint8)) is None
    assert find_bug(np.zeros((0, 1, 1), np.uint8)) is None


def test_whistles_are_heard_over_a_crowd_and_speech_is_none():
    from ingest.simulator.sound import lines, speech

    film = film_of(Sport.SOCCER, seconds=60.0)
    sound = film.audio()
    assert find_whistles(sound) == []
    t = np.arange(int(0.6 * SAMPLE_RATE)) / SAMPLE_RATE
    for start_s in (11.0, 42.5):
        trill = 0.12 * np.sin(2 * np.pi * (3000 * t + 2 * np.sin(2 * np.pi * 20 * t) / 20))
        start = int(start_s * SAMPLE_RATE)
        sound[start : start + len(t)] += trill.astype(np.float32)
    assert [round(span.start_s, 1) for span in find_whistles(sound)] == [11.0, 42.5]
    assert find_whistles(speech(lines()[0].name)) == [] and find_whistles(np.zeros(100, np.float32)) == []
