"""ingest.clips: clips of one play, cut where the broadcast cuts, covering it without gap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.records import Broadcast, Clip, Event, Kept, Made, Utterance
from deepsport.taxonomy import DropReason, Sport, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.clips import ClipConfig, cut_clips
from ingest.shots import Change, shots_between

MADE = Made(step="test")


def broadcast(num_frames: int, rate: FrameRate) -> Broadcast:
    return Broadcast(
        broadcast_id="b", sport=Sport.SOCCER, title="b", source_uri="b.mp4", media_sha256="0", size_bytes=1,
        duration_s=rate.time_s(num_frames), width=640, height=360, source_rate=rate, proxy_key="b.mp4", proxy_rate=rate,
        proxy_num_frames=num_frames, has_audio=True,
    )  # fmt: skip


def event(start_s: float, end_s: float, name: str = "") -> Event:
    evidence = Span(start_s=start_s, end_s=end_s)
    return Event(
        event_id=name or f"e{start_s}", broadcast_id="b", sport=Sport.SOCCER, kind="goal", time_s=start_s, evidence=evidence
    )


def said(start_s: float, end_s: float) -> Utterance:
    return Utterance(
        utterance_id=f"u{start_s}",
        broadcast_id="b",
        span=Span(start_s=start_s, end_s=end_s),
        text="x",
        avg_logprob=0,
        no_speech_prob=0,
    )


def cut_at(frame_index: int) -> Change:
    return Change(Transition.CUT, FrameWindow(idx_start=frame_index, idx_end=frame_index))


def cut(
    seconds: float,
    cuts_s: list[float],
    events: list[Event],
    utterances: list[Utterance] | None = None,
    rate: FrameRate | None = None,
    config: ClipConfig | None = None,
) -> Kept[Clip]:
    rate = rate or FrameRate(num=25)
    num_frames = round(seconds * rate.fraction)
    shots = shots_between([cut_at(rate.frame_at(c)) for c in cuts_s], num_frames, rate, "b", MADE)
    return cut_clips(broadcast(num_frames, rate), shots, utterances or [], events, config)


def starts(kept: Kept[Clip]) -> list[float]:
    return [clip.span.start_s for clip in kept.items]


def test_plays_between_cuts_become_clips_of_one_event() -> None:
    kept = cut(24, [6, 12, 18], [event(2, 2.5), event(8, 8.5), event(16, 16.5), event(20, 20.5)])
    assert starts(kept) == [0, 6, 12, 18]
    assert kept.drops == []


def test_what_follows_a_play_stays_with_it() -> None:
    # Play, crowd, play, crowd, play: the crowd belongs to the play before it.
    kept = cut(22, [6, 8, 14, 16], [event(3, 3.5), event(11, 11.5), event(19, 19.5)])
    assert starts(kept) == [0, 8, 16]


def test_plays_without_a_cut_are_parted_in_the_silence_nearest_the_middle() -> None:
    talk = [said(0.5, 6.5), said(6.9, 12), said(12.5, 17)]
    kept = cut(18, [], [event(3, 3.5), event(14, 14.5)], talk)
    assert len(kept.items) == 2
    boundary = kept.items[1].span.start_s
    assert not any(u.span.start_s + 0.1 < boundary < u.span.end_s - 0.1 for u in talk)


def test_plays_without_cut_or_silence_are_parted_midway() -> None:
    kept = cut(18, [], [event(3, 3.5), event(13.1, 13.6)], [said(0.1, 17.9)])
    assert starts(kept) == [0, pytest.approx((3.5 + 13.1) / 2, abs=0.05)]


def test_a_cut_nobody_speaks_across_is_preferred() -> None:
    kept = cut(20, [7, 9], [event(2, 2.5), event(15, 15.5)], [said(8.5, 9.5)])
    assert starts(kept) == [0, 7]


def test_a_cut_inside_the_evidence_is_not_a_boundary() -> None:
    kept = cut(14, [6, 7], [event(5.8, 6.3), event(10, 10.5)])
    assert starts(kept) == [0, 7]


def test_plays_too_close_together_share_a_clip() -> None:
    kept = cut(9, [4], [event(2, 2.5), event(6, 6.5)])
    assert starts(kept) == [0]
    assert kept.items[0].num_frames == 225


def test_a_short_rest_is_merged_into_its_neighbour() -> None:
    kept = cut(14, [6, 12], [event(2, 2.5), event(8, 8.5)])
    assert [(c.span.start_s, c.span.end_s) for c in kept.items] == [(0, 6), (6, 14)]


def test_without_events_clips_are_shots_and_short_shots_are_merged() -> None:
    kept = cut(40, [8, 10, 20, 33], [])
    assert starts(kept) in ([0, 8, 20, 33], [0, 10, 20, 33])
    assert starts(cut(150, [], [])) == [0, pytest.approx(50, abs=1), pytest.approx(100, abs=1)]


def test_a_broadcast_shorter_than_a_clip_is_dropped() -> None:
    kept = cut(4, [], [event(1, 2)])
    assert kept.items == []
    assert [(d.reason, d.item) for d in kept.drops] == [(DropReason.CLIP_TOO_SHORT, "b")]


def test_evidence_longer_than_any_clip_is_dropped_and_the_rest_goes_on() -> None:
    kept = cut(150, [], [event(10, 100, "long"), event(120, 121, "short")])
    assert [(d.reason, d.item) for d in kept.drops] == [(DropReason.EVIDENCE_TOO_LONG, "long")]
    assert sum(c.span.start_s <= 120 and c.span.end_s >= 121 for c in kept.items) == 1


def test_limits_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(ValueError, match="max_s must exceed"):
        ClipConfig(min_s=5, max_s=10)


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.floats(5, 200),
    rate=st.sampled_from([FrameRate(num=25), FrameRate(num=30000, den=1001), FrameRate(num=60)]),
    cuts=st.lists(st.floats(0, 1), max_size=20),
    events=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 6)), max_size=20),
    talk=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 8)), max_size=10),
)
def test_clips_cover_the_broadcast_and_hold_every_event_whole(
    seconds: float, rate: FrameRate, cuts: list[float], events: list[tuple[float, float]], talk: list[tuple[float, float]]
) -> None:
    num_frames = round(seconds * rate.fraction)
    placed = [event(s * seconds, min(seconds, s * seconds + d), f"e{i}") for i, (s, d) in enumerate(events)]
    spoken = [said(s * seconds, s * seconds + d) for s, d in talk]
    kept = cut(seconds, [c * seconds for c in cuts], placed, spoken, rate)
    if num_frames < 5 * rate.fraction:
        assert not kept.items
        return
    assert kept.items[0].first_frame == 0
    for before, after in pairwise(kept.items):
        assert before.first_frame + before.num_frames == after.first_frame
        assert before.span.end_s == after.span.start_s
    assert kept.items[-1].first_frame + kept.items[-1].num_frames == num_frames
    for clip in kept.items:
        assert 5 * rate.fraction <= clip.num_frames <= 60 * rate.fraction
        assert clip.span.start_s == rate.time_s(clip.first_frame)
    dropped = {drop.item for drop in kept.drops}
    for one in placed:
        window = rate.window_of(one.evidence, num_frames)
        if window is None:
            continue
        homes = [c for c in kept.items if c.first_frame <= window.idx_start and window.idx_end < c.first_frame + c.num_frames]
        assert len(homes) == (0 if one.event_id in dropped else 1)
    assert cut(seconds, [c * seconds for c in cuts], placed, spoken, rate) == kept


def test_two_hours_are_cut_in_seconds() -> None:
    plays = [event(6.0 * i + 2, 6.0 * i + 2.6) for i in range(1200)]
    kept = cut(7200, [6.0 * i for i in range(1, 1200)], plays, [said(4.0 * i + 0.3, 4.0 * i + 3) for i in range(1700)])
    assert len(kept.items) == 1200
