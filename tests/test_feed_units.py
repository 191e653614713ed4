"""Frames are no seconds: whichever conversion of time is put out of order, some event or line lands at the wrong moment.

Every function of ingest/feed_times.py and every conversion of FrameRate is replaced in turn by one that leaves its number as it
is (a frame taken for a second, a millisecond for a second, a minute for a second), in every module of ingest that uses it. The
invariants below must notice. A conversion that is added without a feed here that goes through it is not noticed, and fails.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks._samples import FEEDS, MATCH
from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest import feed_times
from ingest.feeds import FeedConfig, read_feed

INGEST = Path(feed_times.__file__).parent
NTSC = FrameRate(num=30000, den=1001)
def measured(folder: Path) -> dict[str, tuple[float, ...]]:
    """Every moment that comes out of every feed, in seconds."""
    found = {}
    for name, (sport, feed, _) in FEEDS.items():
        path = folder / "feed"
        path.write_text(feed if isinstance(feed, str) else json.dumps(feed))
        match = Broadcast(
            broadcast_id="b", sport=sport, title="1_720p", source_uri=f"/x/{MATCH}/1_720p.mkv", media_sha256="0", size_bytes=1,
            duration_s=3000, width=640, height=360, source_rate=NTSC, proxy_key="p", proxy_rate=NTSC, proxy_num_frames=89910,
            has_audio=False)  # fmt: skip
        kept = read_feed(path, broadcast=match, config=FeedConfig(clock_at_start="23.59.50"))
        moments = [bound for e in kept.items for bound in (e.time_s, e.evidence.start_s, e.evidence.end_s)]
        moments += [bound for u in kept.utterances for bound in (u.span.start_s, u.span.end_s)]
        moments += [s.replay_of.start_s for s in kept.shots if s.replay_of is not None]
        found[name] = tuple(moments)
    return found


def conversions() -> dict[str, tuple[object, str, Callable[..., object]]]:
    """Each conversion of time that feeds can go through, with what takes its number for seconds."""
    first = re.compile(r"\d+(?:\.\d+)?")

    def as_it_is(value: object, *rest: object) -> object:
        digits = first.search(str(value))
        return None if digits is None else float(digits[0])

    swaps: dict[str, Callable[..., object]] = {
        name: as_it_is for name, found in vars(feed_times).items()
        if inspect.isfunction(found) and not name.startswith("_") and name not in ("number_of", "seconds_of")
    }  # fmt: skip
    swaps["period_and_seconds"] = lambda text: (1, as_it_is(str(text).partition("-")[2]))
    swaps["seconds_of"] = lambda value: None if as_it_is(value) is None else as_it_is(value) * 25  # type: ignore[operator]
    swaps["number_of"] = swaps["seconds_of"]
    frames: dict[str, Callable[..., object]] = {
        "time_s": lambda self, frame_index: float(frame_index),
        "span_of": lambda self, window: Span(start_s=window.idx_start, end_s=window.idx_end + 1),
    }
    return {name: (feed_times, name, swap) for name, swap in swaps.items()} | {
        f"FrameRate.{name}": (FrameRate, name, swap) for name, swap in frames.items()
    }


def test_every_feed_gives_the_seconds_that_it_means(tmp_path: Path) -> None:
    for name, moments in measured(tmp_path).items():
        assert moments and moments[0] == pytest.approx(FEEDS[name][2], abs=1e-6), (
            name
        )


@pytest.mark.parametrize("name", conversions())
def test_a_conversion_that_is_left_out_is_noticed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = measured(tmp_path)
    owner, attribute, swap = conversions()[name]
    plain = getattr(owner, attribute)
    monkeypatch.setattr(owner, attribute, swap)
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("ingest.") and getattr(module, attribute, None) is plain:
            monkeypatch.setattr(module, attribute, swap)
    try:
        assert measured(tmp_path) != true
    except (TypeError, ValueError, FeedError):
        return  # a type noticed, or a check such as that of the video's length


def test_the_other_way_is_noticed_too() -> None:
    """Seconds taken for frames: what a window of a span is, and the frame of a moment."""
    rate = FrameRate(num=25)
    assert rate.window_of(Span(start_s=2, end_s=4), 1000) == FrameWindow(idx_start=50, idx_end=99)
    assert rate.frame_at(2.0) == 50 and rate.frame_at(rate.time_s(77)) == 77


def test_times_are_converted_in_one_place_only() -> None:
    """No feed multiplies or divides a time by a unit of its own."""
    for path in sorted(INGEST.glob("feed*.py")):
        if path.name in ("feed_times.py", "feed_kloppy.py", "feed_metrica.py", "feed_kloppy_words.py"):
            continue  # kloppy's are timedeltas
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert re.search(r"[*/]\s*(?:1000|60|3600|25|30|10)(?:\.0)?\b(?!\*)", code) is None, path.name
