"""Shards to lessons: what a checkpoint is taught and measured on, with the frames behind it.

Every trajectory is played again before it is trained on, so a conversation holds exactly the frames that the tool gives.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from PIL import Image

from deepsport.agent.environment import Episode, EpisodeConfig
from deepsport.agent.protocol import Conversation, frame_parts, text_part, turn_message
from deepsport.errors import UserError
from deepsport.records import Trajectory
from deepsport.sports.base import describe
from deepsport.video import FrameCache, FrameReader
from export.samples import read_lesson
from export.shards import ShardReader

OPEN_CLIPS = 256
"""Clips that stay open with their decoded frames; more are reopened when they are asked for."""
CACHE_BYTES = 1 << 30
"""Decoded frames of all open clips together: a batch of rollouts on a clip finds what the one before has decoded."""


class Lessons:
    """The lessons of a set of shards, and the frames of their clips. Use as a context: the clips lie in a temporary folder."""

    def __init__(self, manifest: Path, frame_size: tuple[int, int]) -> None:
        """frame_size is (width, height) in pixels, as the model sees frames."""
        self.reader = ShardReader(manifest)
        self.samples = {key: read_lesson(self.reader, key) for key in self.reader.keys}
        self._frame_size = frame_size
        self._folder = tempfile.TemporaryDirectory(prefix="deepsport-clips-")
        self._open: dict[str, FrameReader] = {}
        self._cache = FrameCache(CACHE_BYTES)

    def frames(self, key: str) -> FrameReader:
        """The clip of a lesson; lessons on the same clip share one reader and what it has decoded."""
        clip_id = self.samples[key].clip.clip_id
        if clip_id not in self._open:
            if len(self._open) >= OPEN_CLIPS:
                self._open.pop(next(iter(self._open))).close()
            path = Path(self._folder.name) / f"{clip_id}.mp4"
            if not path.exists():
                path.write_bytes(self.reader.blob(key, "mp4"))
            self._open[clip_id] = FrameReader(path, size=self._frame_size, cache=self._cache)
        return self._open[clip_id]

    def episode(self, key: str, config: EpisodeConfig) -> Episode:
        """A fresh episode on a lesson's question."""
        return Episode(self.samples[key].question, self.frames(key), config)

    def close(self) -> None:
        """Close the clips and remove their folder."""
        for reader in self._open.values():
            reader.close()
        self._open.clear()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def replay(episode: Episode, trajectory: Trajectory, instructions: str = "") -> Conversation:
    """The conversation of a trajectory, with the frames the tool gives now.

    Raises: UserError when the episode shows other frames than the trajectory recorded.
    """
    conversation: Conversation = [episode.opening(instructions)]
    for turn in trajectory.turns:
        shown = episode.step(turn.text)
        indices = shown.frame_indices if shown else ()
        if indices != turn.frame_indices:
            was = f"recorded frames {turn.frame_indices}, replayed {indices}"
            raise UserError(f"{trajectory.trajectory_id}: {was}; run `deepsport annotate` again")
        conversation.append(turn_message(turn.text))
        if shown:
            conversation.append(shown.message())
    return conversation


def conversations(lessons: Lessons, config: EpisodeConfig, instructions: str = "") -> Iterator[Conversation]:
    """The conversations of an SFT set, in the order of its shards."""
    for key, sample in lessons.samples.items():
        if sample.trajectory is None:
            raise UserError(f"{key}: a sample without a trajectory; SFT reads the shards named sft")
        yield replay(lessons.episode(key, config), sample.trajectory, instructions)


NOTHING = describe(None)
"""Caption of a frame that shows no event; a told frame then has none, as most do not."""


class Stills:
    """Perception lessons: single frames with a caption each, and short conversations about frames, or about none."""

    def __init__(self, manifest: Path) -> None:
        self.reader = ShardReader(manifest)
        content: dict[str, dict[str, Any]] = {key: self.reader.json(key) for key in self.reader.keys}
        self.captions = {key: str(value["caption"]) for key, value in content.items() if "caption" in value}
        answered = {key: value for key, value in content.items() if "replies" in value}
        self.glances = {key: value for key, value in answered.items() if self.reader.extensions(key)}
        """Lessons with ``prompt``, and of each look the frame indices, what they show in words, and the reply."""
        self.told = {key: value for key, value in answered.items() if key not in self.glances}
        """The same without pictures."""

    def images(self, key: str) -> list[Image.Image]:
        """The pictures of a sample."""
        return [
            Image.open(io.BytesIO(self.reader.blob(key, extension))).convert("RGB") for extension in self.reader.extensions(key)
        ]

    def described(self, keys: Sequence[str], frame_indices: Sequence[int]) -> Conversation:
        """Single frames, each followed by its caption; the indices are only labels, to be seen and copied.

        The pictures themselves are left out (an image part without an image): they are prepared once for all conversations.
        """
        conversation: Conversation = []
        for key, index in zip(keys, frame_indices, strict=True):
            conversation.append({"role": "user", "content": labelled([index])})
            conversation.append({"role": "assistant", "content": [text_part(self.captions[key])]})
        return conversation

    def glance(self, key: str) -> Conversation:
        """Frames and a question, answered at once, or declared not visible and answered from more frames; pictures left out."""
        value = self.glances[key]
        return _exchange(value, map(labelled, value["looks"]))

    def told_in_words(self, key: str) -> Conversation:
        """A lesson whose frames are told: their captions stand where a glance has pictures."""
        value = self.told[key] if key in self.told else self.glances[key]
        return _exchange(value, map(worded, value["looks"], value["captions"]))


def _exchange(value: dict[str, Any], shown: Iterable[list[dict[str, object]]]) -> Conversation:
    """What is shown look by look, each with its reply; the question follows the first."""
    conversation: Conversation = []
    for parts, reply in zip(shown, value["replies"], strict=True):
        conversation += [{"role": "user", "content": parts}, turn_message(reply)]
    conversation[0]["content"].append(text_part("\n" + value["prompt"]))
    return conversation


def worded(frame_indices: Sequence[int], captions: Sequence[str]) -> list[dict[str, object]]:
    """One content part: the label of each frame with its caption, if it shows anything."""
    told = ("" if caption == NOTHING else f"{caption} " for caption in captions)
    return [text_part("".join(f"Frame {index}: {words}" for index, words in zip(frame_indices, told, strict=True)))]


def labelled(frame_indices: Sequence[int]) -> list[dict[str, object]]:
    """Content parts of frames whose pictures are kept elsewhere: label and place, as protocol.frame_parts writes them."""
    parts = frame_parts(frame_indices, np.zeros((len(frame_indices), 1, 1, 3), np.uint8))
    return [{"type": "image"} if part["type"] == "image" else part for part in parts]
