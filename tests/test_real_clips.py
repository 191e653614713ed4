"""Films that nobody here made go through ingest: VP9, VP8, portrait 60 fps, silent sound, no sound, 8 kHz sound, an edit list.

They lie outside the project: set DEEPSPORT_REAL_DATA to a folder with clips/manifest.csv, whose figures (frames, rate, cuts
seen by others) come from other tools. Without it these tests are skipped.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from deepsport.ids import sha256_file
from deepsport.store import Store
from deepsport.video import FrameReader, iter_frames, probe, read_audio, write_video
from flows.truth import word_errors
from ingest.broadcast import IngestConfig, Ingested, ingest_broadcast
from ingest.onepass import ProxyConfig
from ingest.sources import Source
from ingest.speech import spoken_words

ROOT = os.environ.get("DEEPSPORT_REAL_DATA", "")
pytestmark = pytest.mark.skipif(not ROOT, reason="DEEPSPORT_REAL_DATA is not set: no real films here")


class Expected(NamedTuple):
    """What a film gives."""

    size: tuple[int, int]
    num_frames: int
    has_audio: bool
    cuts: tuple[int, ...]
    """Frames that begin a shot, looked at by eye: hard cuts, fades to a title, and Sintel's jumps to and from black."""
    repairs: tuple[str, ...] = ()


FILMS = {
    "sports2d__demo.mp4": Expected((1768, 994), 230, True, ()),
    "pose2sim__cam01.mp4": Expected((1080, 1920), 100, False, (), ("padded from 202x360",)),
    "torchcodec__nasa_13013.mp4": Expected((320, 180), 325, True, (202,)),
    "moviepy__chaplin.mp4": Expected((640, 360), 241, True, ()),
    "cosmoscurate__test_clip_10s.mp4": Expected((854, 480), 240, False, (104, 214)),
    "cosmoscurate__test_video_30s.mp4": Expected((854, 480), 720, False, (176, 286, 348, 372, 470, 523, 573, 610, 624)),
    "moviepy__big_buck_bunny_0_30.webm": Expected((1280, 720), 720, True, (283, 376, 551)),
    "sam2__05_default_juggle.mp4": Expected((1280, 720), 247, False, ()),
    "ovdata__2019_03_01-KATS-BEDS-clip.mp4": Expected((1280, 720), 465, True, ()),
}


def manifest_row(name: str) -> dict[str, str]:
    with (Path(ROOT) / "clips" / "manifest.csv").open(newline="") as file:
        return next(row for row in csv.DictReader(file) if row["file"] == name)


@pytest.fixture(scope="module", params=sorted(FILMS))
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Ingested, Path]:
    name = request.param
    store = Store(tmp_path_factory.mktemp("media"))
    config = IngestConfig(proxy=ProxyConfig(), transcription=False)
    out = ingest_broadcast(Source(uri=str(Path(ROOT) / "clips" / name)), store, config)
    return name, out, store.path(out.broadcast.proxy_key)


def test_a_real_film_becomes_an_even_proxy(film: tuple[str, Ingested, Path]) -> None:
    name, out, proxy = film
    row, expected, broadcast = manifest_row(name), FILMS[name], out.broadcast
    assert broadcast.media_sha256 == row["sha256"]
    assert (broadcast.width, broadcast.height) == expected.size
    assert broadcast.source_rate.fps == float(row["fps"])
    assert broadcast.proxy_num_frames == expected.num_frames == int(row["frames"])
    assert broadcast.repairs == expected.repairs
    assert broadcast.has_audio == expected.has_audio
    info = probe(proxy)
    assert (info.width, info.height, info.variable_rate, info.start_s, info.keyframe_interval) == (640, 360, False, 0, 4)
    assert info.rate == broadcast.proxy_rate == broadcast.source_rate
    assert info.has_audio == expected.has_audio


def test_the_cuts_of_a_real_film_are_found(film: tuple[str, Ingested, Path]) -> None:
    """Each within 2 frames or inside a gradual change; of a trailer's fast motion up to three more may be taken for changes."""
    name, out, _ = film
    rate, found = out.broadcast.proxy_rate, []
    for shot in out.shots[1:]:
        span = shot.transition_span or shot.span.model_copy(update={"end_s": shot.span.start_s})
        found.append((rate.frame_at(span.start_s) - 2, rate.frame_at(span.end_s) + 2))
    for cut in FILMS[name].cuts:
        match = next((change for change in found if change[0] <= cut <= change[1]), None)
        assert match is not None, cut
        found.remove(match)
    assert len(found) <= 3


def test_frames_of_the_proxy_are_those_of_the_source(film: tuple[str, Ingested, Path]) -> None:
    name, out, proxy = film
    picked = sorted({0, 1, out.broadcast.proxy_num_frames // 3, out.broadcast.proxy_num_frames - 1})
    with FrameReader(proxy, size=(640, 360)) as reader:
        shown = reader.frames(picked).astype(int)
    if out.broadcast.height > out.broadcast.width:
        assert shown[:, :, :200].max() < 20
        shown = shown[:, :, 218:420]
    sizes = (shown.shape[2], shown.shape[1])
    near = {i + ahead for i in picked for ahead in (-1, 0, 1)}
    source = {i: frame for i, (_, frame) in enumerate(iter_frames(Path(ROOT) / "clips" / name, size=sizes)) if i in near}
    for i, picture in zip(picked, shown, strict=True):
        off = {at: np.abs(picture - source[at]).mean() for at in (i - 1, i, i + 1) if at in source}
        # A proxy keeps less of fine texture than its source: up to 7.8 levels are lost on these films.
        assert off[i] < 8 and off[i] < min(off.values()) + 0.1


def test_sound_of_a_real_film_keeps_its_place(film: tuple[str, Ingested, Path]) -> None:
    name, out, proxy = film
    there, here = read_audio(Path(ROOT) / "clips" / name), read_audio(proxy)
    if not FILMS[name].has_audio:
        assert len(there) == len(here) == 0
        return
    length = min(len(there), len(here))
    assert length / 16000 == pytest.approx(out.broadcast.duration_s, abs=0.2)
    loudness = [np.sqrt((x[: length // 320 * 320].reshape(-1, 320) ** 2).mean(1)) for x in (there, here)]
    if loudness[0].max() > 1e-3:  # else the track is silent
        assert np.corrcoef(*loudness)[0, 1] > 0.99


def test_ingesting_a_real_film_again_gives_the_same_bytes(tmp_path: Path) -> None:
    source = Source(uri=str(Path(ROOT) / "clips" / "torchcodec__nasa_13013.mp4"))
    runs = []
    for name in ("a", "b"):
        store = Store(tmp_path / name)
        out = ingest_broadcast(source, store, IngestConfig(transcription=False))
        runs.append((out, sha256_file(store.path(out.broadcast.proxy_key))))
    assert runs[0] == runs[1]


@pytest.mark.parametrize(("reading", "most_errors"), [("jfk", 0), ("librivox-0870", 2)])
def test_a_reading_muxed_onto_a_film_is_heard_in_its_place(reading: str, most_errors: int, tmp_path: Path) -> None:
    text = Path(ROOT) / "asr" / ("jfk.ref.txt" if reading == "jfk" else f"{reading}.txt")
    sound = read_audio(text.with_name(f"{reading}.{'flac' if reading == 'jfk' else 'wav'}"))
    film = Path(ROOT) / "clips" / "torchcodec__nasa_13013.mp4"
    later_s = 1.5
    rate = probe(film).rate
    soundtrack = np.zeros(13 * 16000, np.float32)
    soundtrack[int(later_s * 16000) :][: len(sound)] = sound[: len(soundtrack) - int(later_s * 16000)]
    write_video(tmp_path / "spoken.mp4", (frame for _, frame in iter_frames(film, size=(320, 180))), rate, soundtrack)
    out = ingest_broadcast(Source(uri=str(tmp_path / "spoken.mp4")), Store(tmp_path / "media"), IngestConfig())
    spoken = spoken_words(text.read_text().replace("mister", "mr"))
    heard = spoken_words(" ".join(utterance.text for utterance in out.utterances))
    assert word_errors(spoken, heard) <= most_errors, heard
    assert out.utterances[0].span.start_s == pytest.approx(later_s, abs=0.6)
    assert out.utterances[-1].span.end_s == pytest.approx(later_s + len(sound) / 16000, abs=1.0)
