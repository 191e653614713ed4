"""Sound as arrays: mono float32 at one rate, on the clock of the picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from av.stream import Disposition

from deepsport.errors import MediaError
from deepsport.timebase import Span
from deepsport.video.media import open_media, probe

Samples = npt.NDArray[np.float32]
"""Mono, in [-1, 1]."""
_MAX_GAP_S = 600.0
_AT_ONCE = 1 << 14
"""Samples of the source that are resampled in one call; a call for each frame of 1024 costs four times as much."""


class AudioAligner:
    """Turns decoded audio into mono float32 at one rate whose sample 0 is due at origin_s on the file's clock.

    Silence is put where the timestamps leave a gap, and what comes before the origin is cut; jitter under 50 ms is left alone.

    Raises: MediaError when the timestamps leap by more than ten minutes.
    """

    def __init__(self, path: Path, sample_rate: int, origin_s: float) -> None:
        self.path = path
        self._rate = sample_rate
        self._origin_s = origin_s
        self._resampler: AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._fed = 0.0
        self._skip = 0
        self._waiting = AudioFifo()

    def feed(self, frame: av.AudioFrame) -> list[Samples]:
        """The samples that this frame completes, in order."""
        chunks: list[Samples] = []
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            chunks += self.flush()
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self._rate)
            self._shape, self._waiting = shape, AudioFifo()  # a fifo takes one format
        if frame.time is not None:
            off = round((frame.time - self._origin_s) * self._rate - self._fed)
            if abs(off) > _MAX_GAP_S * self._rate:
                raise MediaError(f"{self.path}: audio timestamps leap by {off / self._rate:.0f} s; re-mux with -fflags +genpts")
            # The very first sample is placed exactly, later ones only when they stray.
            if off > self._rate / 20 or (off > 0 and not self._fed):
                chunks += [*self._drain(), np.zeros(off, np.float32)]
                self._resampler = AudioResampler(format="flt", layout="mono", rate=self._rate)
                self._fed += off
            elif off < -self._rate / 20 or (off < 0 and not self._fed):
                self._skip -= off
                self._fed += off
        self._fed += frame.samples * self._rate / frame.sample_rate
        frame.pts = None
        self._waiting.write(frame)
        if self._waiting.samples >= _AT_ONCE:
            chunks += self._resampled()
        return chunks

    def _resampled(self) -> list[Samples]:
        waiting = self._waiting.read()
        return [] if waiting is None or self._resampler is None else self._cut(self._resampler.resample(waiting))

    def _cut(self, frames: Iterable[av.AudioFrame]) -> list[Samples]:
        chunks = []
        for frame in frames:
            samples_N = np.frombuffer(memoryview(frame.planes[0]), np.float32, frame.samples)
            cut = min(self._skip, len(samples_N))
            self._skip -= cut
            if cut < len(samples_N):
                chunks.append(samples_N[cut:])
        return chunks

    def _drain(self) -> list[Samples]:
        if self._resampler is None or not self._fed:
            return []
        return self._resampled() + self._cut(self._resampler.resample(None))

    def flush(self) -> list[Samples]:
        """What the resampler still holds."""
        chunks = self._drain() if self._shape is not None else []
        self._resampler, self._shape = None, None
        return chunks


def read_audio(path: Path, sample_rate: int = 16000, *, span: Span | None = None) -> Samples:
    """The first audio track as mono float32 in [-1, 1]; sample 0 is due with the first video frame. Empty without audio.

    span takes only a stretch, in seconds since the first video frame; missing audio inside it is silence.

    Raises: MissingMedia, MediaError when the track cannot be decoded.
    """
    with open_media(path) as container:
        audio = next(iter(container.streams.audio), None)
        if audio is None or audio.codec_context is None:
            return np.zeros(0, np.float32)
        has_video = any(not s.disposition & Disposition.attached_pic for s in container.streams.video)
        origin_s = probe(path).start_s if has_video else float((audio.start_time or 0) * (audio.time_base or 0))
        if span is not None:
            origin_s += span.start_s
            # A little earlier, so that the decoder has settled when the span begins.
            try:
                container.seek(max(0, int((origin_s - 0.5) * av.time_base)), backward=True)
            except FFmpegError as error:
                raise MediaError(f"{path}: cannot seek to {origin_s:.2f} s ({error.strerror}); ingest it again") from error
        wanted = round(span.duration_s * sample_rate) if span is not None else None
        aligner = AudioAligner(path, sample_rate, origin_s)
        chunks: list[Samples] = []
        num_samples = 0
        try:
            for frame in container.decode(audio):
                chunks += aligner.feed(frame)
                num_samples = sum(map(len, chunks)) if wanted is not None else 0
                if wanted is not None and num_samples >= wanted:
                    break
        except FFmpegError as error:
            raise MediaError(f"{path}: audio cannot be decoded ({error.strerror}); encode it again") from error
        samples_N = np.concatenate([*chunks, *aligner.flush(), np.zeros(0, np.float32)])
        if wanted is not None:
            samples_N = np.pad(samples_N[:wanted], (0, max(0, wanted - len(samples_N))))
        return samples_N
