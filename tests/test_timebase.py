"""Laws of the time types, against exact rational arithmetic."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deepsport.timebase import FrameRate, FrameWindow, Span

RATES = st.sampled_from([(25, 1), (50, 1), (30000, 1001), (60000, 1001), (24000, 1001), (24, 1), (30, 1), (10, 3)]).map(
    lambda r: FrameRate(num=r[0], den=r[1])
) | st.builds(FrameRate, num=st.integers(1, 240_000), den=st.integers(1, 1001)).filter(lambda r: 0.5 <= r.fps <= 1000)
# Ten hours of frames at 60 a second: far beyond any broadcast.
INDICES = st.integers(0, 2_160_000)
WINDOWS = st.tuples(INDICES, st.integers(0, 5000)).map(lambda t: FrameWindow(idx_start=t[0], idx_end=t[0] + t[1]))
TIMES = st.floats(-10, 36_000, allow_nan=False)
SPANS = st.tuples(TIMES, st.floats(0, 600)).map(lambda t: Span(start_s=t[0], end_s=t[0] + t[1]))


@given(RATES, INDICES)
def test_frame_and_its_time_are_inverse(rate: FrameRate, index: int) -> None:
    assert rate.frame_at(rate.time_s(index)) == index
    assert rate.time_s(index) == float(Fraction(index * rate.den, rate.num))


@given(RATES, INDICES, st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_frame_is_on_screen_until_the_next(rate: FrameRate, index: int, part: Fraction) -> None:
    assert rate.frame_at(float((index + part) / rate.fraction)) == index


@given(RATES, WINDOWS, st.integers(0, 100))
def test_window_of_span_of_window_is_the_window(rate: FrameRate, window: FrameWindow, more: int) -> None:
    assert rate.window_of(rate.span_of(window), window.idx_end + 1 + more) == window


@given(RATES, WINDOWS)
def test_every_frame_of_a_window_lies_in_its_span(rate: FrameRate, window: FrameWindow) -> None:
    span = rate.span_of(window)
    for index in {window.idx_start, window.idx_end, (window.idx_start + window.idx_end) // 2}:
        assert span.contains(rate.time_s(index))
    assert not span.contains(rate.time_s(window.idx_end + 1))


@given(RATES, SPANS, st.integers(1, 200_000))
def test_window_of_holds_exactly_the_frames_on_screen(rate: FrameRate, span: Span, num_frames: int) -> None:
    """Frame i is on screen during [i/rate, (i+1)/rate); it counts when that meets [start, end). A bound within a millionth
    of a frame of a frame's edge counts as the edge, so only spans away from edges have one right answer."""
    start, end = Fraction(span.start_s) * rate.fraction, Fraction(span.end_s) * rate.fraction
    edge = Fraction(1, 100_000)
    if any(abs(t - round(t)) < edge for t in (start, end)):
        return
    first, last = max(0, math.floor(start)), min(num_frames, max(math.floor(start) + 1, math.ceil(end))) - 1
    expected = FrameWindow(idx_start=first, idx_end=last) if first <= last else None
    assert rate.window_of(span, num_frames) == expected


@given(RATES, SPANS, st.integers(0, 200_000))
def test_window_of_stays_inside_the_clip(rate: FrameRate, span: Span, num_frames: int) -> None:
    window = rate.window_of(span, num_frames)
    assert window is None or 0 <= window.idx_start <= window.idx_end < num_frames


def test_span_that_misses_the_clip_has_no_window() -> None:
    rate = FrameRate(num=25)
    assert rate.window_of(Span(start_s=-2, end_s=0), 100) is None
    assert rate.window_of(Span(start_s=4, end_s=5), 100) is None
    assert rate.window_of(Span(start_s=-1, end_s=0.04), 100) == FrameWindow(idx_start=0, idx_end=0)
    assert rate.window_of(Span(start_s=3.96, end_s=9), 100) == FrameWindow(idx_start=99, idx_end=99)


def test_empty_span_shows_the_frame_on_screen_at_that_moment() -> None:
    rate = FrameRate(num=25)
    assert rate.window_of(Span(start_s=0.1, end_s=0.1), 100) == FrameWindow(idx_start=2, idx_end=2)
    assert rate.window_of(Span(start_s=0.4, end_s=0.4), 100) == FrameWindow(idx_start=10, idx_end=10)
    assert rate.window_of(Span(start_s=0, end_s=0), 100) == FrameWindow(idx_start=0, idx_end=0)


def test_ntsc_frames_do_not_drift_over_three_hours() -> None:
    rate = FrameRate(num=30000, den=1001)
    assert rate.frame_at(3 * 3600) == 323_676  # 10800 s × 30000/1001 = 323676.3; as 29.97 it would be 323676, as 30 324000
    assert rate.frame_at(rate.time_s(323_676)) == 323_676


@given(WINDOWS, st.integers(1, 64))
def test_uniform_is_sorted_distinct_inside_and_holds_both_ends(window: FrameWindow, num_frames: int) -> None:
    indices = window.uniform(num_frames)
    assert indices == sorted(set(indices))
    assert all(window.contains(i) for i in indices)
    assert len(indices) == min(num_frames, window.num_frames)
    if len(indices) > 1:
        assert (indices[0], indices[-1]) == (window.idx_start, window.idx_end)
        gaps = [b - a for a, b in itertools.pairwise(indices)]
        assert max(gaps) - min(gaps) <= 1


@given(SPANS, SPANS)
def test_tiou_of_spans_is_a_symmetric_share(a: Span, b: Span) -> None:
    assert a.tiou(b) == b.tiou(a)
    assert 0 <= a.tiou(b) <= 1 + 1e-9
    assert (a.tiou(b) > 0) == a.overlaps(b) == (a.clipped(b) is not None)
    if a.duration_s > 0:
        assert a.tiou(a) == 1


@given(WINDOWS, WINDOWS)
def test_tiou_of_windows_equals_counting_frames(a: FrameWindow, b: FrameWindow) -> None:
    frames_a, frames_b = set(range(a.idx_start, a.idx_end + 1)), set(range(b.idx_start, b.idx_end + 1))
    assert a.tiou(b) == b.tiou(a) == len(frames_a & frames_b) / len(frames_a | frames_b)


@pytest.mark.parametrize(("start_s", "end_s"), [(2, 1), (float("nan"), 1), (0, float("inf"))])
def test_impossible_spans_are_refused(start_s: float, end_s: float) -> None:
    with pytest.raises(ValidationError):
        Span(start_s=start_s, end_s=end_s)


@pytest.mark.parametrize(("idx_start", "idx_end"), [(-1, 3), (4, 3)])
def test_impossible_windows_are_refused(idx_start: int, idx_end: int) -> None:
    with pytest.raises(ValidationError):
        FrameWindow(idx_start=idx_start, idx_end=idx_end)


@pytest.mark.parametrize(("num", "den"), [(-1, 1), (0, 1), (25, 0), (25, -1)])
def test_impossible_rates_are_refused(num: int, den: int) -> None:
    with pytest.raises(ValidationError, match="frame rate must be positive"):
        FrameRate(num=num, den=den)


def test_uniform_needs_at_least_one_frame() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        FrameWindow(idx_start=0, idx_end=3).uniform(0)
