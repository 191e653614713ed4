"""How well the bank of spoken lines is heard: word errors of the packaged Whisper tiny.en on every line, sport by sport.

    python -m benchmarks.spoken_lines [--only PREFIX] [--json]

Lines of one voice are joined, ten at a time with 0.8 s of silence between them, and transcribed with the default settings; words
are compared after Whisper's own normaliser. No crowd: what is measured is the speech. ``--only`` takes lines whose name begins
so, and prints what was heard wrong.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict

import jiwer
import numpy as np
from whisper.normalizers import EnglishTextNormalizer

from deepsport.records import Made
from ingest.simulator.ambience import SAMPLE_RATE
from ingest.simulator.sound import Line, lines, speech
from ingest.speech import SpeechConfig, load_transcriber, transcribe

_TOGETHER = 10


def main() -> None:
    """Prints word errors a sport and over all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="PREFIX", help="lines whose name begins so; prints the errors")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = SpeechConfig()
    transcriber = load_transcriber(config)
    words = EnglishTextNormalizer()
    groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines():
        if line.name.startswith(arguments.only):
            groups[line.name.split("-")[0], line.voice].append(line)
    errors: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for (sport, _), group in groups.items():
        for start in range(0, len(group), _TOGETHER):
            batch = group[start : start + _TOGETHER]
            pause = np.zeros(round(0.8 * SAMPLE_RATE), np.float32)
            sound = np.concatenate([part for line in batch for part in (pause, speech(line.name))] + [pause])
            heard = transcribe(sound, transcriber, config, "lines", Made(step="transcribe")).items
            truth, guess = (words(" ".join(said.text for said in side)) for side in (batch, heard))
            counted = jiwer.process_words(truth, guess)
            wrong = counted.substitutions + counted.deletions + counted.insertions
            errors[sport][0] += wrong
            errors[sport][1] += len(truth.split())
            errors[sport][2] += len(batch)
            if wrong and arguments.only:
                print(f"{batch[0].name} ff.\n  {truth}\n  {guess}")
    totals = [sum(column) for column in zip(*errors.values(), strict=True)]
    table = {sport: {"lines": n, "words": w, "wer": round(e / w, 4)} for sport, (e, w, n) in {**errors, "all": totals}.items()}
    if arguments.json:
        print(json.dumps(table))
        return
    for sport, row in table.items():
        print(f"{sport:13} {row['lines']:4} lines {row['words']:5} words  WER {row['wer']:.3f}")


if __name__ == "__main__":
    main()
