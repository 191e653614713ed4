"""deepsport.video: exact frames by pts, deterministic files, honest probing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.errors import MediaError
from deepsport.timebase import FrameRate, FrameWindow, Span
from deepsport.video import (
    AudioAligner,
    FrameCache,
    FrameReader,
    MissingMedia,
    NoVideoStream,
    Painter,
    PictureReader,
    VideoWriter,
    cut_clip,
    iter_frames,
    probe,
    read_audio,
    write_video,
)
from deepsport.video.pictures import planes_of

RATE = FrameRate(num=25)


def numbered(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A frame that carries its number as ten big black or white squares, legible after encoding and scaling."""
    frame = np.full((height, width, 3), 128, np.uint8)
    cell_h, cell_w = height // 2, width // 5
    for bit in range(10):
        row, column = divmod(bit, 5)
        frame[row * cell_h : (row + 1) * cell_h, column * cell_w : (column + 1) * cell_w] = 255 if number >> bit & 1 else 0
    return frame


def number_of(frame: np.ndarray) -> int:
    height, width = frame.shape[:2]
    cell_h, cell_w = height // 2, width // 5
    cells = frame[cell_h // 2 :: cell_h, cell_w // 2 :: cell_w][:2, :5].mean(-1).reshape(-1) > 128
    return int((cells << np.arange(10)).sum())


def film(num_frames: int, width: int = 64, height: int = 48) -> Iterator[np.ndarray]:
    return (numbered(i, width, height) for i in range(num_frames))


@pytest.fixture(scope="module")
def film_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    time_N = np.arange(3 * 16000) / 16000
    audio = np.where((time_N > 1.0) & (time_N < 1.1), 0.5 * np.sin(2 * np.pi * 880 * time_N), 0).astype(np.float32)
    write_video(path, film(75), RATE, audio)
    return path


@pytest.mark.parametrize("gop", [1, 10, 30, 250])
@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("rate", [FrameRate(num=25), FrameRate(num=30000, den=1001)])
def test_reader_returns_exactly_the_asked_frame(tmp_path: Path, gop: int, b_frames: int, rate: FrameRate) -> None:
    path = tmp_path / "film.mp4"
    write_video(path, film(300), rate, gop=gop, b_frames=b_frames)
    rng = np.random.default_rng(gop + b_frames)
    with FrameReader(path, size=(64, 48), cache=FrameCache(0)) as reader:
        assert reader.num_frames == 300
        assert reader.rate == rate
        for index in [299, 0, 1, 150, 149, 151, 12, 299, *rng.integers(0, 300, 40).tolist()]:
            assert number_of(reader.frames([index])[0]) == index


def test_reader_keeps_order_and_repeats_and_offsets_by_first_frame(film_path: Path) -> None:
    with FrameReader(film_path, size=(32, 24), first_frame=20, num_frames=30) as reader:
        frames = reader.frames([7, 0, 29, 7])
    assert frames.shape == (4, 24, 32, 3)
    assert [number_of(frame) for frame in frames] == [27, 20, 49, 27]


def test_reader_refuses_frames_outside_its_stretch(film_path: Path) -> None:
    with FrameReader(film_path, size=(32, 24), first_frame=20, num_frames=30) as reader:
        with pytest.raises(IndexError, match="frame 30 asked for"):
            reader.frames([30])
        with pytest.raises(IndexError):
            reader.frames([-1])
    with pytest.raises(ValueError, match="75 frames"):
        FrameReader(film_path, size=(32, 24), first_frame=50, num_frames=26)


def test_reading_a_whole_clip_in_pieces_decodes_it_once(film_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FrameReader(film_path, size=(64, 64)) as reader:
        decoded = []
        until = reader._pictures.until

        def counted(number: int) -> Iterator[tuple[int, av.VideoFrame]]:
            for item in until(number):
                decoded.append(item[0])
                yield item

        monkeypatch.setattr(reader._pictures, "until", counted)
        reader.frames(range(75))
        assert decoded == list(range(75))
        reader.frames(range(74, -1, -1))
        reader.frames([3, 50])
        assert len(decoded) == 75


def test_frames_met_on_the_way_are_kept_where_the_clip_fits_the_cache(film_path: Path) -> None:
    with FrameReader(film_path, size=(64, 64)) as reader:
        reader.frames([4])
        assert [number for _, number in reader._cache.keys_of(reader._number)] == [0, 1, 2, 3, 4]


def test_cache_stays_within_its_bytes(film_path: Path) -> None:
    with FrameReader(film_path, size=(64, 48), cache=FrameCache(5 * 64 * 48 * 3)) as reader:
        for index in (0, 10, 20, 30, 40, 50, 60):
            reader.frames([index])
        assert [number for _, number in reader._cache.keys_of(reader._number)] == [20, 30, 40, 50, 60]
        assert reader._cache.size_bytes == reader._cache.limit_bytes


def test_readers_share_a_cache_and_leave_it_when_they_close(film_path: Path) -> None:
    cache = FrameCache(8 * 64 * 48 * 3)
    one, other = (FrameReader(film_path, size=(64, 48), cache=cache) for _ in range(2))
    one.frames([3, 30])
    other.frames([3])
    assert cache.size_bytes == 3 * 64 * 48 * 3
    one.close()
    assert cache.size_bytes == 64 * 48 * 3
    other.frames(range(20, 40))
    assert cache.size_bytes == cache.limit_bytes
    other.close()
    assert cache.size_bytes == 0


def test_parts_of_a_reader_share_its_file_and_frames(film_path: Path) -> None:
    with FrameReader(film_path, size=(64, 48)) as whole:
        first, second = whole.part(10, 20), whole.part(25, 50)
        assert (first.num_frames, second.num_frames) == (20, 50)
        assert [number_of(frame) for frame in first.frames([0, 19])] == [10, 29]
        first.close()
        assert [number_of(frame) for frame in second.frames([4, 49])] == [29, 74]
        assert second.part(5, 2).frames([1])[0].tobytes() == whole.frames([31])[0].tobytes()
        with pytest.raises(IndexError, match="frame 20 asked for"):
            first.frames([20])
        with pytest.raises(ValueError, match="75 frames"):
            whole.part(70, 6)


@pytest.mark.parametrize(
    ("gop", "b_frames", "quantizer"),
    [(1, 0, None), (10, 0, None), (12, 3, None), (1, 0, 8), (3, 0, 8), (12, 0, 8), (60, 0, 2), (12, 2, 8)],
)
def test_frames_are_found_as_the_container_gives_them(tmp_path: Path, gop: int, b_frames: int, quantizer: int | None) -> None:
    path, rate = tmp_path / "film.mp4", FrameRate(num=120000, den=1001)
    with VideoWriter(path, rate, (64, 48), gop=gop, b_frames=b_frames, quantizer=quantizer) as writer:
        for frame in film(60):
            writer.add_frame(frame)
    with av.open(str(path)) as container, FrameReader(path, size=(64, 48), cache=FrameCache(0)) as reader:
        assert (reader.rate, reader.num_frames) == (rate, 60)
        assert b_frames or reader._pictures.gop == gop
        painter = Painter((64, 48))
        if quantizer and gop <= 4:
            container.streams.video[0].codec_context.options = {"idct": "xvid"}
        expected = [painter.rgb(picture) for picture in container.decode(video=0)]
        order = [59, 0, 17, 18, 16, 59, *np.random.default_rng(0).permutation(60).tolist()]
        assert all((reader.frames([i])[0] == expected[i]).all() for i in order)
        assert bool(reader._pictures._places) == (b_frames == 0), "only what is stored in order is read from its place"


@pytest.mark.parametrize("quantizer", [None, 8])
def test_a_frame_that_cannot_be_decoded_is_named(tmp_path: Path, quantizer: int | None) -> None:
    path = tmp_path / "film.mp4"
    with VideoWriter(path, FrameRate(num=25), (64, 48), gop=1, quantizer=quantizer) as writer:
        for frame in film(60):
            writer.add_frame(frame)
    with FrameReader(path, size=(64, 48)) as reader:
        place, size = reader._pictures._places[30]
        with path.open("r+b") as file:
            file.seek(place)
            file.write(bytes(size))
        reader.frames([29, 31])
        with pytest.raises(MediaError, match=r"frame 30 cannot be decoded.*; delete it and ingest again"):
            reader.frames([30])
        os.truncate(path, reader._pictures._places[50][0] + 5)
        with pytest.raises(MediaError, match="cut short before frame 50"):
            reader.frames([50])


def test_a_proxys_colours_are_those_of_its_matrix_wherever_a_frame_is_read(tmp_path: Path) -> None:
    """BT.709 in a small picture."""
    path, painter = tmp_path / "film.mp4", Painter((64, 48))
    source = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (200, 30, 60), np.uint8), "rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709
    )
    source.colorspace = Colorspace.ITU709
    with VideoWriter(path, RATE, (64, 48), gop=3, quantizer=2) as writer:
        for _ in range(4):
            writer.add_picture(source)
    expected = painter.rgb(source).astype(int)
    assert np.abs(expected - (200, 30, 60)).max() < 6
    with FrameReader(path, size=(64, 48)) as reader:
        assert np.abs(reader.frames([2])[0].astype(int) - expected).max() < 6
    assert all(np.abs(frame.astype(int) - expected).max() < 6 for _, frame in iter_frames(path))


@pytest.mark.parametrize("gop", [1, 30])
def test_a_sweep_gives_every_picture_in_order_or_says_which_is_missing(tmp_path: Path, gop: int) -> None:
    path = tmp_path / "film.mp4"
    write_video(path, [numbered(i) for i in range(70)], RATE, gop=gop, b_frames=2 if gop > 1 else 0)
    reader = PictureReader(path)
    swept = [(number, number_of(picture.to_ndarray(format="rgb24"))) for number, picture in reader.sweep()]
    assert swept == [(i, i) for i in range(70)]
    assert [number for number, _ in reader.sweep()] == list(range(70)), "it can be done again"
    reader.num_frames = 71  # as a file that was cut short says
    with pytest.raises(MediaError, match="no frame has the pts of frame 70"):
        list(reader.sweep())
    reader.close()


def test_without_deblocking_pictures_are_nearly_the_same(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    noise = np.random.default_rng(0).normal(0, 12, (180, 320, 3))
    ramp = np.linspace(40, 200, 320)[None, :, None] + noise
    write_video(path, (np.clip(np.roll(ramp, 3 * i, 1), 0, 255).astype(np.uint8) for i in range(40)), RATE, gop=40, crf=30)
    filtered, plain = PictureReader(path), PictureReader(path, deblock=False)
    off = [
        np.abs(planes_of(a)[0].astype(int) - planes_of(b)[0])
        for (_, a), (_, b) in zip(filtered.sweep(), plain.sweep(), strict=True)
    ]
    assert max(plane.max() for plane in off) > 4, "the filter was left out"
    assert max(plane.mean() for plane in off) < 3
    filtered.close()
    plain.close()


def test_iter_frames_gives_every_frame_with_its_second(film_path: Path) -> None:
    items = list(iter_frames(film_path, size=(64, 48)))
    assert [number_of(frame) for _, frame in items] == list(range(75))
    assert [time for time, _ in items] == pytest.approx([i / 25 for i in range(75)])


def test_colours_survive_the_round_trip(tmp_path: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 0, 255], [255, 255, 0], [255, 255, 255], [255, 128, 0], [128, 0, 128]], np.uint8)
    frame = np.repeat(np.repeat(colours[None], 48, 0), 16, 1)
    write_video(tmp_path / "c.mp4", [frame] * 5, RATE)
    with FrameReader(tmp_path / "c.mp4", size=(96, 48)) as reader:
        seen = reader.frames([4])[0][24, 8::16].astype(int)
    assert np.abs(seen - colours).max() <= 6


def test_probe_reads_rate_size_audio_and_keyframes(film_path: Path) -> None:
    info = probe(film_path)
    assert (info.width, info.height, info.rate, info.num_frames) == (64, 48, RATE, 75)
    assert info.duration_s == pytest.approx(3.0)
    assert info.has_audio and info.audio_codec == "aac" and info.codec == "h264" and info.pixel_format == "yuv420p"
    assert not info.variable_rate and info.rotation == 0 and info.start_s == 0 and info.square_pixels
    assert info.keyframe_interval == 10


def test_audio_is_in_step_with_the_picture(film_path: Path) -> None:
    samples = read_audio(film_path)
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    assert loud[0] / 16000 == pytest.approx(1.0, abs=0.005)
    assert loud[-1] / 16000 == pytest.approx(1.1, abs=0.005)
    part = read_audio(film_path, span=Span(start_s=0.9, end_s=1.9))
    assert len(part) == 16000
    assert np.flatnonzero(np.abs(part) > 0.2)[0] / 16000 == pytest.approx(0.1, abs=0.005)
    assert len(read_audio(film_path, 8000)) == pytest.approx(24000, abs=600)


def test_sound_that_changes_its_format_goes_on_in_step() -> None:
    def frames(rate: int, layout: str, start_s: float) -> Iterator[av.AudioFrame]:
        for number in range(30):
            level = np.full((1, 1024 * (1 + (layout == "stereo"))), 0.25, np.float32)
            frame = av.AudioFrame.from_ndarray(level, format="flt", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(start_s * rate) + 1024 * number
            yield frame

    aligner, chunks, first_s = AudioAligner(Path("film.mp4"), 16_000, 0.0), [], 30 * 1024 / 48_000
    for frame in [*frames(48_000, "stereo", 0.0), *frames(44_100, "mono", first_s)]:
        chunks += [chunk.copy() for chunk in aligner.feed(frame)]
    sound_N = np.concatenate([*chunks, *aligner.flush()])
    assert abs(len(sound_N) - (first_s + 30 * 1024 / 44_100) * 16_000) <= 2
    assert sound_N[100:-100].min() > 0.2, "nothing is lost between the two"


def test_audio_of_a_silent_film_is_empty(tmp_path: Path) -> None:
    write_video(tmp_path / "mute.mp4", film(5), RATE)
    assert len(read_audio(tmp_path / "mute.mp4")) == 0


def test_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    tone = (0.1 * np.sin(np.arange(3 * 16000) / 9)).astype(np.float32)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, film(75, 128, 96), RATE, tone)
        cut_clip(tmp_path / name, FrameWindow(idx_start=30, idx_end=60), tmp_path / f"cut-{name}", audio=True)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert (tmp_path / "cut-a.mp4").read_bytes() == (tmp_path / "cut-b.mp4").read_bytes()


def test_cut_clip_holds_exactly_the_window(film_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.mp4"
    cut_clip(film_path, FrameWindow(idx_start=13, idx_end=52), out, audio=True)
    info = probe(out)
    assert (info.num_frames, info.rate, info.start_s, info.has_audio) == (40, RATE, 0.0, True)
    with FrameReader(out, size=(64, 48)) as reader:
        assert [number_of(frame) for frame in reader.frames(range(40))] == list(range(13, 53))
    loud = np.flatnonzero(np.abs(read_audio(out)) > 0.2)
    assert loud[0] / 16000 == pytest.approx(1.0 - 13 / 25, abs=0.005)
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_cut_clip_takes_a_span_and_a_size(film_path: Path, tmp_path: Path) -> None:
    cut_clip(film_path, Span(start_s=1.0, end_s=2.0), tmp_path / "clip.mp4", size=(32, 32))
    info = probe(tmp_path / "clip.mp4")
    assert (info.width, info.height, info.num_frames, info.has_audio) == (32, 32, 25, False)
    with pytest.raises(ValueError, match="75 frames"):
        cut_clip(film_path, FrameWindow(idx_start=70, idx_end=75), tmp_path / "no.mp4")
    assert not (tmp_path / "no.mp4").exists()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield numbered(0)
        raise RuntimeError("the camera fell")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "x.mp4", broken(), RATE)
    with pytest.raises(ValueError, match="no frame"):
        write_video(tmp_path / "x.mp4", [], RATE)
    with pytest.raises(ValueError, match="expected uint8 frames"):
        write_video(tmp_path / "x.mp4", [numbered(0), numbered(1, 32, 32)], RATE)
    assert list(tmp_path.iterdir()) == []


def rotated(path: Path, degrees: int) -> None:
    """A phone's film: stored 64x48, to be turned counter-clockwise by so many degrees."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(degrees)
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:12, :] = 255  # the stored picture is white along its top
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(("degrees", "white"), [(90, "left"), (-90, "right"), (180, "bottom")])
def test_rotation_is_honoured(tmp_path: Path, degrees: int, white: str) -> None:
    rotated(tmp_path / "phone.mp4", degrees)
    info = probe(tmp_path / "phone.mp4")
    assert info.rotation == degrees % 360
    assert (info.width, info.height) == ((64, 48) if degrees == 180 else (48, 64))
    _, frame = next(iter_frames(tmp_path / "phone.mp4"))
    sides = {"left": frame[:, :4], "right": frame[:, -4:], "top": frame[:4], "bottom": frame[-4:]}
    assert max(sides, key=lambda side: sides[side].mean()) == white


def test_rotation_agrees_with_ffmpegs_own_turning(tmp_path: Path) -> None:
    # A matrix of -90 (what phones write) means: turn clockwise to display. Independent source: ISO 14496-12 display matrix.
    rotated(tmp_path / "phone.mp4", -90)
    with av.open(str(tmp_path / "phone.mp4")) as container:
        assert next(container.decode(video=0)).rotation == -90


def bad_files(folder: Path) -> dict[str, Callable[[], Path]]:
    def put(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    def good() -> bytes:
        write_video(folder / "good.mp4", film(50), RATE)
        return (folder / "good.mp4").read_bytes()

    def no_moov() -> Path:
        with av.open(str(folder / "late.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for i in range(50):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(i), "rgb24")))
            container.mux(stream.encode(None))
        data = (folder / "late.mp4").read_bytes()
        return put("no_moov.mp4", data[: data.index(b"moov") - 4])

    def sound_only() -> Path:
        with av.open(str(folder / "sound.mp4"), "w") as container:
            stream = container.add_stream("aac", rate=16000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return folder / "sound.mp4"

    return {
        "missing": lambda: folder / "nowhere.mp4",
        "empty": lambda: put("empty.mp4", b""),
        "text": lambda: put("text.mp4", b"not a video at all\n" * 50),
        "playlist": lambda: put("list.mp4", b"ffconcat version 1.0\nfile good.mp4\n" if good() else b""),
        "no_moov": no_moov,
        "cut_header": lambda: put("cut.mp4", good()[:700]),
        "sound_only": sound_only,
        "folder": lambda: folder,
    }


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("missing", MissingMedia, "no such file"),
        ("empty", MediaError, "empty"),
        ("text", MediaError, "not a video container"),
        ("playlist", MediaError, "not a video container"),
        ("no_moov", MediaError, "copy it again"),
        ("cut_header", MediaError, "copy it again"),
        ("sound_only", NoVideoStream, "no video stream"),
        ("folder", MissingMedia, "no such file"),
    ],
)
def test_bad_files_are_refused_with_the_remedy(tmp_path: Path, kind: str, error: type[MediaError], says: str) -> None:
    path = bad_files(tmp_path)[kind]()
    with pytest.raises(error, match=says) as caught:
        probe(path)
    assert path.name in str(caught.value)
    with pytest.raises(MediaError):
        FrameReader(path, size=(64, 48))


def test_variable_rate_is_seen_and_the_nominal_rate_kept(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "vfr.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 600)
        pts = 0
        for i in range(90):
            frame = av.VideoFrame.from_ndarray(numbered(i), "rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 600)
            pts += 60 if i % 10 == 9 else 20
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = probe(tmp_path / "vfr.mp4")
    assert info.variable_rate
    assert info.rate == FrameRate(num=30)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small") / "small.mp4"
    write_video(path, film(20), RATE, np.zeros(12800, np.float32))
    return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_never_raises_anything_but_media_error(
    small_file: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    broken = bytearray(small_file)
    for _ in range(data.draw(st.integers(0, 12))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = broken[: data.draw(st.integers(0, len(broken)) | st.just(len(broken)))]
    path = tmp_path_factory.getbasetemp() / "broken.mp4"
    path.write_bytes(broken)
    for attempt in (
        lambda: probe(path),
        lambda: list(iter_frames(path, size=(16, 16))),
        lambda: read_audio(path),
        lambda: read_audio(path, span=Span(start_s=0.2, end_s=0.4)),
        lambda: FrameReader(path, size=(16, 16)).frames([0]),
        lambda: cut_clip(path, FrameWindow(idx_start=0, idx_end=0), path.with_name("out.mp4")),
    ):
        with contextlib.suppress(MediaError):
            attempt()


def test_writer_refuses_odd_sizes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even sizes"):
        VideoWriter(tmp_path / "x.mp4", RATE, (63, 48))
