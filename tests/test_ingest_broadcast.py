"""ingest.broadcast: one function from a source to records, the same every time; and the quarantine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepsport.errors import FeedError, MediaError
from deepsport.ids import sha256_file
from deepsport.records import Made
from deepsport.store import Store
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import FrameRate
from deepsport.video import FrameReader, MissingMedia, NoVideoStream, write_video
from ingest.broadcast import IngestConfig, Ingested, ingest_broadcast
from ingest.onepass import ProxyConfig
from ingest.probe import quarantine
from ingest.sources import Source
from ingest.speech import Segment

CONFIG = IngestConfig(proxy=ProxyConfig(width=128, height=72))


def one_line(samples: np.ndarray, hotwords: str = "") -> list[Segment]:
    """A recogniser that hears one line wherever there is sound."""
    assert samples.dtype == np.float32 and len(samples) == 12 * 16000
    return [Segment(1.0, 3.0, "Corner for red.", -0.2, 0.01)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, numbered_film: Any) -> Source:
    """Two plays of 6 s parted by a cut, with an event each, and a bad one."""
    folder = tmp_path_factory.mktemp("source")
    rng = np.random.default_rng(1)
    stills = [np.repeat(np.repeat(rng.integers(0, 255, (9, 16, 3), np.uint8), 20, 0), 20, 1) for _ in range(2)]
    tone = (0.1 * np.sin(np.arange(12 * 16000) / 5)).astype(np.float32)
    write_video(folder / "match.mp4", (stills[i >= 150] for i in range(300)), FrameRate(num=25), tone, preset="ultrafast")
    events = [
        {"time_s": 2.2, "evidence": [2.0, 2.6], "kind": "goal", "team": "red", "zone": "left", "num_players": 2},
        {"time_s": 9.2, "evidence": [9.0, 9.6], "kind": "corner_kick", "team": "blue"},
        {"time_s": 99.0, "evidence": [99.0, 99.6], "kind": "goal", "team": "blue"},
    ]
    feed = {"format": "deepsport-feed-1", "sport": "soccer", "fps": [25, 1], "unit": "seconds", "events": events}
    (folder / "match.feed.json").write_text(json.dumps(feed))
    return Source(
        uri=str(folder / "match.mp4"), sport=Sport.SOCCER, licence="CC0", feed=str(folder / "match.feed.json"), exportable=False
    )


@pytest.fixture(scope="module")
def ingested(source: Source, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ingested, Store]:
    store = Store(tmp_path_factory.mktemp("media"))
    return ingest_broadcast(source, store, CONFIG, transcriber=one_line), store


def test_a_broadcast_gives_shots_utterances_events_and_clips_of_one_play(ingested: tuple[Ingested, Store]) -> None:
    out, store = ingested
    assert (out.broadcast.title, out.broadcast.licence, out.broadcast.exportable) == ("match", "CC0", False)
    assert (out.broadcast.width, out.broadcast.height, out.broadcast.duration_s, out.broadcast.has_audio) == (
        320,
        180,
        12.0,
        True,
    )
    assert [s.span.start_s for s in out.shots] == [0, 6]
    assert [u.text for u in out.utterances] == ["Corner for red."]
    assert [(e.kind, e.evidence.start_s) for e in out.events] == [("goal", 2.0), ("corner_kick", 9.0)]
    assert [(c.first_frame, c.num_frames) for c in out.clips] == [(0, 150), (150, 150)]
    assert [d.reason for d in out.drops] == [DropReason.EVENT_OUTSIDE_VIDEO]
    with FrameReader(store.path(out.broadcast.proxy_key), size=(128, 72)) as reader:
        assert (reader.num_frames, reader.rate) == (out.broadcast.proxy_num_frames, out.broadcast.proxy_rate)


def test_every_record_says_how_it_was_made(source: Source, tmp_path: Path) -> None:
    made = Made(step="ingest", config_hash="abc", code_version="1", seed=4)
    out = ingest_broadcast(source, Store(tmp_path), CONFIG, transcriber=one_line, made=made)
    assert out.broadcast.made == made
    for records, step in (
        (out.shots, "detect_shots"),
        (out.utterances, "transcribe"),
        (out.events, "import_events"),
        (out.clips, "cut_clips"),
    ):
        assert {r.made.step for r in records} == {step}
        assert {(r.made.config_hash, r.made.seed, r.made.inputs) for r in records} == {("abc", 4, (out.broadcast.broadcast_id,))}


def test_a_second_run_gives_the_same_records_and_bytes(source: Source, ingested: tuple[Ingested, Store], tmp_path: Path) -> None:
    again = ingest_broadcast(source, Store(tmp_path), CONFIG, transcriber=one_line)
    assert again == ingested[0]
    key = again.broadcast.proxy_key
    assert sha256_file(Store(tmp_path).path(key)) == sha256_file(ingested[1].path(key))


def test_a_renamed_copy_is_the_same_broadcast(source: Source, ingested: tuple[Ingested, Store], tmp_path: Path) -> None:
    (tmp_path / "other name.mp4").write_bytes(Path(source.uri).read_bytes())
    copy = Source(uri=str(tmp_path / "other name.mp4"))
    out = ingest_broadcast(copy, Store(tmp_path / "m"), CONFIG, transcriber=one_line)
    assert out.broadcast.broadcast_id == ingested[0].broadcast.broadcast_id
    assert out.broadcast.title == "other name"


def test_other_proxy_settings_get_another_key(source: Source, ingested: tuple[Ingested, Store], tmp_path: Path) -> None:
    other = IngestConfig(proxy=ProxyConfig(width=64, height=36), transcription=False)
    out = ingest_broadcast(source, Store(tmp_path), other)
    assert out.broadcast.proxy_key != ingested[0].broadcast.proxy_key
    assert out.utterances == []


def test_a_feed_that_cannot_be_trusted_is_dropped_and_the_broadcast_goes_on(source: Source, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}")
    out = ingest_broadcast(
        source.model_copy(update={"feed": str(tmp_path / "bad.json")}), Store(tmp_path / "m"), CONFIG, transcriber=one_line
    )
    assert out.events == [] and len(out.clips) == 2
    assert [(d.reason, d.item) for d in out.drops] == [(DropReason.BAD_FEED, str(tmp_path / "bad.json"))]


def test_bad_media_raises_and_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("no film")
    for name, error in (("x.mp4", MediaError), ("gone.mp4", MissingMedia)):
        with pytest.raises(error):
            ingest_broadcast(Source(uri=str(tmp_path / name)), Store(tmp_path / "m"), CONFIG)
    assert not [p for p in (tmp_path / "m").rglob("*") if p.is_file()]


def test_what_was_dropped_is_told_in_a_line_that_names_it_once() -> None:
    error_line = "a.mp4: is empty; download it again"
    drop = quarantine("a.mp4", MediaError(error_line))
    assert drop.line == error_line
    assert drop.model_copy(update={"detail": "is empty"}).line == "a.mp4: is empty"
    assert drop.model_copy(update={"detail": ""}).line == f"a.mp4: {drop.reason}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MissingMedia("a: no such file"), DropReason.MISSING_FILE),
        (NoVideoStream("a: no video stream"), DropReason.NO_VIDEO_STREAM),
        (MediaError("a: broken"), DropReason.UNREADABLE_MEDIA),
        (FeedError("a: fps -1"), DropReason.BAD_FEED),
    ],
)
def test_quarantine_names_the_reason_and_keeps_the_remedy(error: MediaError, reason: DropReason) -> None:
    drop = quarantine("films/a.mp4", error)
    assert (drop.item, drop.reason, drop.detail, drop.step) == ("films/a.mp4", reason, str(error), "ingest")
    assert drop == quarantine("films/a.mp4", error)
