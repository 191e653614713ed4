"""How well and how dearly commentary is heard: word errors, starts of utterances, CPU seconds per second of sound.

    python -m benchmarks.speech [--seconds 120] [--rounds 3] [--openai] [--json]

Sound: simulated broadcasts of three sports (seeds that no test uses) with their own lines as truth, once as they are and once
with the crowd five times as loud; the loud crowd alone, in which nothing is to be heard; and, where DEEPSPORT_REAL_DATA is set,
the Kennedy and LibriVox readings one after the other.
``ours`` is `transcribe` with its default settings; ``plain`` is faster-whisper as it comes (beam 5, no VAD, text carried over,
temperature fallback), with the same int8 weights on one thread; ``--openai`` adds openai-whisper under our settings. Rounds are
interleaved and the CPU is their median: on a busy machine compare the ratio only. Words are compared after Whisper's own
normaliser. A start counts as the distance from a spoken line's start to the nearest utterance's start.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
from whisper.normalizers import EnglishTextNormalizer

from deepsport.records import Made, Utterance
from deepsport.taxonomy import Sport
from deepsport.video import read_audio
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import SimulatorConfig
from ingest.speech import SAMPLE_RATE, Samples, Segment, SpeechConfig, Transcriber, load_transcriber, spoken_words, transcribe
from ingest.speech_engines import packaged_model

MADE = Made(step="transcribe")
FIRST_SEED = 9000
PAUSE_S = 1.0


class Spoken(NamedTuple):
    """A sound and what is said in it: (start in seconds, text)."""

    name: str
    samples: Samples
    truth: list[tuple[float, str]]


class Figures(NamedTuple):
    """What a recogniser made of a sound."""

    sound: str
    recogniser: str
    wer: float
    start_error_median_s: float
    start_error_p90_s: float
    num_utterances: int
    num_lines: int
    num_drops: int
    cpu_s_per_audio_s: float
    cpu_over_plain: float
    duplicate_share: float
    """Of the utterances kept, those that say the same as the one before."""


def simulated(seconds: float, crowd: float, *, commentary: bool = True) -> Spoken:
    """Broadcasts of the three sports one after the other; crowd is how many times as loud as usual the crowd is."""
    parts, truth, start_s = [], [], 0.0
    for number, sport in enumerate((Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)):
        broadcast = SimulatedBroadcast(sport, seed=FIRST_SEED + number, duration_s=seconds / 3)
        silent = SimulatedBroadcast(sport, FIRST_SEED + number, seconds / 3, SimulatorConfig(commentary=False)).audio()
        parts.append((broadcast.audio() if commentary else silent) + (crowd - 1) * silent)
        if commentary:
            truth += [(start_s + said.span.start_s, said.text) for said in broadcast.utterances]
        start_s += len(parts[-1]) / SAMPLE_RATE
    name = "crowd alone" if not commentary else "commentary" if crowd == 1 else "commentary, loud crowd"
    return Spoken(name, np.clip(np.concatenate(parts), -1, 1).astype(np.float32), truth)


def readings(folder: Path) -> Spoken:
    """The Kennedy and LibriVox recordings with a pause before each."""
    texts = [folder / "jfk.ref.txt", *sorted(folder.glob("librivox-*.txt"))]
    parts, truth, start_s = [], [], 0.0
    for text in texts:
        sound = folder / "jfk.flac" if text.name == "jfk.ref.txt" else text.with_suffix(".wav")
        samples = read_audio(sound, SAMPLE_RATE)
        parts += [np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32), samples]
        truth.append((start_s + PAUSE_S, text.read_text()))
        start_s += PAUSE_S + len(samples) / SAMPLE_RATE
    return Spoken("Kennedy and LibriVox", np.concatenate(parts), truth)


def plain_transcriber() -> Transcriber:
    """faster-whisper with the settings it comes with."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(packaged_model()), device="cpu", compute_type="int8", cpu_threads=1)

    def hear(samples: Samples, hotwords: str = "") -> list[Segment]:
        del hotwords
        found, _ = model.transcribe(samples, language="en")
        return [Segment(s.start, s.end, s.text, s.avg_logprob, s.no_speech_prob) for s in found]

    return hear


def word_error_rate(truth: list[tuple[float, str]], utterances: list[Utterance]) -> float:
    normalise: Callable[[str], str] = EnglishTextNormalizer()
    heard = " ".join(normalise(u.text) for u in utterances)
    if not truth:
        return 1.0 if heard else 0.0
    return float(jiwer.wer(" ".join(normalise(text) for _, text in truth), heard)) if heard else 1.0


def measure(sounds: list[Spoken], recognisers: dict[str, Transcriber], rounds: int) -> list[Figures]:
    """Figures of every recogniser on every sound."""
    cpu_s: dict[tuple[str, str], list[float]] = {}
    results = {}
    for _ in range(rounds):
        for sound in sounds:
            for name, transcriber in recognisers.items():
                start = time.process_time()
                results[sound.name, name] = transcribe(sound.samples, transcriber, SpeechConfig(), "b", MADE)
                cpu_s.setdefault((sound.name, name), []).append(time.process_time() - start)
    figures = []
    for sound in sounds:
        for name in recognisers:
            kept = results[sound.name, name]
            starts = np.array([u.span.start_s for u in kept.items] or [np.inf])
            errors_s = [float(np.abs(starts - start_s).min()) for start_s, _ in sound.truth] or [0.0]
            same = sum(spoken_words(a.text) == spoken_words(b.text) for a, b in pairwise(kept.items))
            # The median of the rounds' ratios: both sides of one were run one after the other.
            pairs = zip(cpu_s[sound.name, name], cpu_s[sound.name, "plain"], strict=True)
            figures.append(
                Figures(
                    sound=sound.name,
                    recogniser=name,
                    wer=round(word_error_rate(sound.truth, kept.items), 4),
                    start_error_median_s=round(float(np.median(errors_s)), 3),
                    start_error_p90_s=round(float(np.percentile(errors_s, 90)), 3),
                    num_utterances=len(kept.items),
                    num_lines=len(sound.truth),
                    num_drops=len(kept.drops),
                    cpu_s_per_audio_s=round(statistics.median(cpu_s[sound.name, name]) * SAMPLE_RATE / len(sound.samples), 4),
                    cpu_over_plain=round(statistics.median(ours / plain for ours, plain in pairs), 3),
                    duplicate_share=round(same / max(1, len(kept.items)), 4),
                )
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="length of the simulated sound")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--openai", action="store_true", help="also openai-whisper, which takes several times the CPU")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sounds = [simulated(options.seconds, 1), simulated(options.seconds, 5), simulated(options.seconds / 2, 5, commentary=False)]
    real = os.environ.get("DEEPSPORT_REAL_DATA")
    if real:
        sounds.append(readings(Path(real) / "asr"))
    recognisers = {"ours": load_transcriber(SpeechConfig()), "plain": plain_transcriber()}
    if options.openai:
        recognisers["openai-whisper"] = load_transcriber(SpeechConfig(engine="openai-whisper"))
    figures = measure(sounds, recognisers, options.rounds)
    if options.json:
        print(json.dumps([f._asdict() for f in figures], indent=1))
        return
    head = f"{'sound':24} {'recogniser':15} {'WER':>6} {'start p50':>10} {'p90':>6} {'utterances':>11} {'CPU s/s':>8}"
    print(f"{head} {'/ plain':>8} {'doubled':>8}")
    for f in figures:
        said = f"{f.num_utterances} of {f.num_lines}"
        print(
            f"{f.sound:24} {f.recogniser:15} {f.wer:6.3f} {f.start_error_median_s:9.2f}s {f.start_error_p90_s:5.2f}s "
            f"{said:>11} {f.cpu_s_per_audio_s:8.4f} {f.cpu_over_plain:8.2f} {f.duplicate_share:8.4f}"
        )


if __name__ == "__main__":
    main()
