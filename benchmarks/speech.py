"""How well and how dearly commentary is heard: word errors, starts of utterances, CPU seconds per second of sound.

    python -m benchmarks.speech [--seconds 40] [--rounds 3] [--seed 9300] [--openai] [--crowd FOLDER] [--json]

Sound: a simulated broadcast of every sport that the simulator plays with its own lines as truth: as it is, with the crowd five
times as loud, and with a crowd as loud on average that swells and roars; the loud crowds alone, in which nothing is to be heard;
where DEEPSPORT_REAL_DATA is set, the Kennedy and LibriVox readings; and with ``--crowd`` the recordings of real crowds in that
folder, one after another in the order of a die, alone and, as loud as the loud crowd, behind the commentary (Debian's package
etw-data has 17 of soccer crowds in usr/share/games/etw/crowd, a minute and a half). The default seeds (9300 and on, one a
sport) are held out: settings were chosen on 500 to 509 and 540 to 549.
``ours`` is `transcribe` with its default settings, which suggest the words of the sport; ``plain`` is faster-whisper as it comes
(beam 5, no VAD, text carried over, temperature fallback), and ``plain, sport's words`` the same with the same words suggested,
all with the same int8 weights on one thread; ``--openai`` adds openai-whisper under our settings. Rounds are interleaved and the
CPU is their median: on a busy machine compare the ratio only. Words are compared after Whisper's own normaliser, on both sides.
A start counts as the distance from a spoken line's start to the nearest utterance's start.
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

from deepsport.records import Made
from deepsport.video import read_audio
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import FILMED, SimulatorConfig
from ingest.speech import SAMPLE_RATE, Samples, Segment, SpeechConfig, Transcriber, load_transcriber, spoken_words, transcribe
from ingest.speech_engines import packaged_model
from ingest.speech_words import hotwords_for

MADE = Made(step="transcribe")
HELD_OUT_SEED = 9300
PAUSE_S = 1.0
STEP_S = 0.05
"""From one loudness of a swelling crowd to the next."""


class Spoken(NamedTuple):
    """A sound and what is said in it: (start in seconds, text). Sounds of one name are counted together."""

    name: str
    samples: Samples
    truth: list[tuple[float, str]]
    hotwords: str = ""


class Figures(NamedTuple):
    """What a recogniser made of a sound."""

    sound: str
    recogniser: str
    wer: float
    start_error_median_s: float
    start_error_p90_s: float
    starts_within_half_s: float
    """Share of the lines."""
    num_utterances: int
    num_lines: int
    num_drops: int
    cpu_s_per_audio_s: float
    cpu_over_plain: float
    duplicate_share: float
    """Of the utterances kept, those that say the same as the one before."""


def swelling(crowd_N: Samples, seed: int) -> Samples:
    """A crowd as loud on average that drifts by a factor of about 1.6 either way, and roars every eight seconds."""
    generator, seconds = np.random.default_rng(seed), len(crowd_N) / SAMPLE_RATE
    times_s = np.arange(0, seconds + STEP_S, STEP_S)
    bell = np.hanning(62)[1:-1]
    drift = np.convolve(generator.normal(0, 1, len(times_s) + len(bell) - 1), bell / np.linalg.norm(bell), "valid")
    loudness = np.exp(0.5 * drift)
    for _ in range(max(1, round(seconds / 8))):
        after_s = times_s - generator.uniform(0, seconds)
        rise_s, fall_s = generator.uniform(0.1, 0.4), generator.uniform(0.5, 2.0)
        loudness += generator.uniform(1, 3) * np.exp(-np.where(after_s < 0, np.square(after_s / rise_s), after_s / fall_s))
    at_N = np.interp(np.arange(len(crowd_N)) / SAMPLE_RATE, times_s, loudness)
    return np.asarray(crowd_N * (at_N / np.sqrt(np.square(at_N).mean())), np.float32)


def simulated(first_seed: int, seconds: float, crowd: float, *, uneven: bool = False, commentary: bool = True) -> list[Spoken]:
    """A broadcast of every sport; crowd is how many times as loud as usual the crowd is."""
    kind = "uneven crowd" if uneven else "loud crowd" if crowd > 1 else ""
    name = ", ".join(part for part in ("commentary" if commentary else "", kind) if part)
    sounds = []
    for number, sport in enumerate(FILMED):
        broadcast = SimulatedBroadcast(sport, seed=first_seed + number, duration_s=seconds)
        silent = SimulatedBroadcast(sport, first_seed + number, seconds, SimulatorConfig(commentary=False)).audio()
        louder = swelling(crowd * silent, first_seed + number) if uneven else crowd * silent
        sound = (broadcast.audio() - silent if commentary else 0) + louder
        truth = [(said.span.start_s, said.text) for said in broadcast.utterances] if commentary else []
        sounds.append(Spoken(name, np.clip(sound, -1, 1).astype(np.float32), truth, hotwords_for(sport)))
    return sounds


def recorded(folder: Path, first_seed: int, seconds: float, *, commentary: bool) -> list[Spoken]:
    """The commentary of every sport before real crowds, as loud as one five times as loud as usual; or those crowds alone."""
    takes = [read_audio(path, SAMPLE_RATE) for path in sorted(folder.glob("*.wav"))]
    sounds = []
    for quiet in simulated(first_seed, seconds, 0) if commentary else [Spoken("", np.zeros(0, np.float32), [])]:
        number = first_seed + len(sounds)
        order = np.random.default_rng(number).permutation(len(takes))
        crowd = np.concatenate([takes[i] for i in order])
        if commentary:
            sport = FILMED[len(sounds)]
            loud = 5 * SimulatedBroadcast(sport, number, seconds, SimulatorConfig(commentary=False)).audio()
            crowd = np.resize(crowd, len(quiet.samples))
            crowd = quiet.samples + crowd * np.sqrt(np.square(loud).mean() / np.square(crowd).mean())
        name = "commentary, recorded crowd" if commentary else "recorded crowd"
        sounds.append(Spoken(name, np.clip(crowd, -1, 1).astype(np.float32), quiet.truth, quiet.hotwords))
    return sounds


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


def plain_transcriber(*, suggest: bool = False) -> Transcriber:
    """faster-whisper with the settings it comes with."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(packaged_model()), device="cpu", compute_type="int8", cpu_threads=1)

    def hear(samples: Samples, hotwords: str = "") -> list[Segment]:
        found, _ = model.transcribe(samples, language="en", hotwords=hotwords if suggest else None)
        return [Segment(s.start, s.end, s.text, s.avg_logprob, s.no_speech_prob) for s in found]

    return hear


def word_error_rate(said: list[str], heard: list[str]) -> float:
    """Word errors of texts against what was said in the same sounds, all sounds together; 1 for words where none was said."""
    normalise: Callable[[str], str] = EnglishTextNormalizer()
    pairs = [(normalise(one), normalise(other)) for one, other in zip(said, heard, strict=True)]
    if not any(one for one, _ in pairs):
        return 1.0 if any(other for _, other in pairs) else 0.0
    return float(jiwer.wer([one for one, _ in pairs], [other for _, other in pairs]))


def measure(sounds: list[Spoken], recognisers: dict[str, Transcriber], rounds: int) -> list[Figures]:
    """Figures of every recogniser on the sounds of every name."""
    names = list(dict.fromkeys(sound.name for sound in sounds))
    cpu_s: dict[tuple[str, str], list[float]] = {(name, who): [0.0] * rounds for name in names for who in recognisers}
    results = {}
    for number in range(rounds):
        for place, sound in enumerate(sounds):
            for who, transcriber in recognisers.items():
                start = time.process_time()
                results[place, who] = transcribe(sound.samples, transcriber, SpeechConfig(), "b", MADE, sound.hotwords)
                cpu_s[sound.name, who][number] += time.process_time() - start
    figures = []
    for name in names:
        places = [place for place, sound in enumerate(sounds) if sound.name == name]
        seconds = sum(len(sounds[place].samples) for place in places) / SAMPLE_RATE
        for who in recognisers:
            kept = [results[place, who] for place in places]
            errors_s = [
                min((abs(u.span.start_s - start_s) for u in heard.items), default=np.inf)
                for place, heard in zip(places, kept, strict=True)
                for start_s, _ in sounds[place].truth
            ] or [0.0]
            same = sum(spoken_words(a.text) == spoken_words(b.text) for heard in kept for a, b in pairwise(heard.items))
            utterances = sum(len(heard.items) for heard in kept)
            said = [" ".join(text for _, text in sounds[place].truth) for place in places]
            # The median of the rounds' ratios: both sides of one were run one after the other.
            pairs = zip(cpu_s[name, who], cpu_s[name, "plain"], strict=True)
            figures.append(
                Figures(
                    sound=name,
                    recogniser=who,
                    wer=round(word_error_rate(said, [" ".join(u.text for u in heard.items) for heard in kept]), 4),
                    start_error_median_s=round(float(np.median(errors_s)), 3),
                    start_error_p90_s=round(float(np.percentile(errors_s, 90)), 3),
                    starts_within_half_s=round(float(np.mean(np.array(errors_s) <= 0.5)), 3),
                    num_utterances=utterances,
                    num_lines=sum(len(sounds[place].truth) for place in places),
                    num_drops=sum(len(heard.drops) for heard in kept),
                    cpu_s_per_audio_s=round(statistics.median(cpu_s[name, who]) / seconds, 4),
                    cpu_over_plain=round(statistics.median(ours / plain for ours, plain in pairs), 3),
                    duplicate_share=round(same / max(1, utterances), 4),
                )
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40, help="length of each simulated broadcast")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="of the first sport's broadcast")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--openai", action="store_true", help="also openai-whisper, which takes several times the CPU")
    parser.add_argument("--crowd", type=Path, help="folder of recordings (.wav) of real crowds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sounds = [
        *simulated(options.seed, options.seconds, 1),
        *simulated(options.seed, options.seconds, 5),
        *simulated(options.seed, options.seconds, 5, uneven=True),
        *simulated(options.seed, options.seconds, 5, commentary=False),
        *simulated(options.seed, options.seconds, 5, uneven=True, commentary=False),
    ]
    real = os.environ.get("DEEPSPORT_REAL_DATA")
    if real:
        sounds.append(readings(Path(real) / "asr"))
    if options.crowd:
        for commentary in (True, False):
            sounds += recorded(options.crowd, options.seed, options.seconds, commentary=commentary)
    recognisers = {
        "ours": load_transcriber(SpeechConfig()),
        "plain": plain_transcriber(),
        "plain, sport's words": plain_transcriber(suggest=True),
    }
    if options.openai:
        recognisers["openai-whisper"] = load_transcriber(SpeechConfig(engine="openai-whisper"))
    figures = measure(sounds, recognisers, options.rounds)
    if options.json:
        print(json.dumps([f._asdict() for f in figures], indent=1))
        return
    head = f"{'sound':26} {'recogniser':20} {'WER':>6} {'start p50':>10} {'p90':>6} {'in 0.5 s':>9} {'utterances':>11}"
    print(f"{head} {'CPU s/s':>8} {'/ plain':>8} {'doubled':>8}")
    for f in figures:
        said = f"{f.num_utterances} of {f.num_lines}"
        print(
            f"{f.sound:26} {f.recogniser:20} {f.wer:6.3f} {f.start_error_median_s:9.2f}s {f.start_error_p90_s:5.2f}s "
            f"{f.starts_within_half_s:9.3f} "
            f"{said:>11} {f.cpu_s_per_audio_s:8.4f} {f.cpu_over_plain:8.2f} {f.duplicate_share:8.4f}"
        )


if __name__ == "__main__":
    main()
