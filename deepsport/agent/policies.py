"""Who plays: anything that completes conversations. A policy sees only the messages, never the question's key.

Every policy takes a batch. One that gets no completion for a conversation gives None there (time-out, refusal), which ends that
episode alone. Images in conversations are PIL images.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from deepsport.agent.protocol import Conversation, Message
from deepsport.llm import LanguageModel

if TYPE_CHECKING:
    import torch
    from PIL import Image

CLOSING_TAGS = ("</answer>", "</tool_call>")
"""Whatever a model would say after one of these is no part of its turn."""


class Policy(Protocol):
    """Plays episodes."""

    @property
    def name(self) -> str:
        """Who it is, as trajectories record it."""
        ...

    def complete(self, conversations: Sequence[Conversation]) -> Sequence[str | None]:
        """The next turn of each conversation, in order; None where no completion came."""
        ...


class ScriptedPolicy:
    """Plays what a function says: the conversation so far gives the next turn."""

    def __init__(self, name: str, say: Callable[[Conversation], str | None]) -> None:
        self.name = name
        self._say = say

    def complete(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """The function's word on each conversation."""
        return [self._say(conversation) for conversation in conversations]


class OpenAIPolicy:
    """Plays through any OpenAI-compatible server with eyes; frames travel as JPEG data URLs, several requests at a time.

    Calls are text in the turn, as in training: the server needs no tool parser. A turn cut at max_tokens is kept as it is (it
    will be a format error); one that never came is None. A blind policy sends the frames' labels without the pictures: what it
    answers can be answered without the video.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        temperature: float = 0.0,
        max_tokens: int = 1024,
        num_parallel: int = 4,
        seed: int = 0,
        blind: bool = False,
    ) -> None:
        self.name = f"{model.model}-blind" if blind else model.model
        self._model = model
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._num_parallel = num_parallel
        self._seed = seed
        self._blind = blind

    def complete(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """The next turn of each conversation, asked for in parallel."""
        with ThreadPoolExecutor(self._num_parallel) as pool:
            return list(pool.map(self._complete_one, conversations))

    def _complete_one(self, conversation: Conversation) -> str | None:
        messages = [openai_message(message, self._blind) for message in conversation]
        completion = self._model.complete(
            messages, "play", max_tokens=self._max_tokens, temperature=self._temperature, seed=self._seed
        )
        return completion.text if completion.error is None or completion.finish_reason == "length" else None


def openai_message(message: Message, blind: bool = False) -> Message:
    """A message as an OpenAI-compatible server takes it: pictures as data URLs, frames from the tool as the user's words.

    Chat servers accept pictures from the user alone, and a tool message only after a call of their own making.
    """
    parts: list[dict[str, Any]] = []
    for part in message["content"]:
        if part["type"] == "image" and blind:
            parts.append({"type": "text", "text": "not shown "})
        elif part["type"] == "image":
            parts.append({"type": "image_url", "image_url": {"url": jpeg_data_url(part["image"])}})
        else:
            parts.append({"type": "text", "text": part["text"]})
    if message["role"] == "assistant":
        return {"role": "assistant", "content": "".join(part["text"] for part in parts)}
    if message["role"] == "tool":
        parts = [{"type": "text", "text": "<tool_response>"}, *parts, {"type": "text", "text": "</tool_response>"}]
    return {"role": "user", "content": parts}


def jpeg_data_url(image: Image.Image, quality: int = 90) -> str:
    """A picture as ``data:image/jpeg;base64,…``."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


class LocalPolicy:
    """Plays with a transformers vision-language model in this process: one generate call for a whole batch, left-padded.

    processor is the model's own (chat template included); it must render a tool message with pictures. temperature 0 is
    greedy. Vision placeholder tokens are never sampled: a stray one misaligns pictures and text. Sampling is deterministic
    for one seed, batch composition and order of calls, and leaves torch's global generator as it was.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        processor: Any,
        *,
        temperature: float = 0.0,
        max_new_tokens: int = 128,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        self.name = name
        self._model = model
        self._processor = processor
        self._temperature = temperature
        self._max_new_tokens = max_new_tokens
        self._batch_size = batch_size
        self._seed = seed
        self._num_calls = 0
        tokenizer = processor.tokenizer
        eos = model.generation_config.eos_token_id
        stops = set(eos) if isinstance(eos, list) else {eos if eos is not None else tokenizer.eos_token_id}
        tags = {tag: tokenizer.encode(tag, add_special_tokens=False) for tag in CLOSING_TAGS}
        self._eos_ids = sorted(stops)
        self._stop_ids = sorted(stops | {ids[0] for ids in tags.values() if len(ids) == 1})
        # Matching strings is dear (it looks at the whole vocabulary once), so only for tags that are not one token.
        self._stop_strings = [tag for tag, ids in tags.items() if len(ids) > 1]
        self._pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self._eos_ids[0]
        names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
        self._never = sorted({i for n in names if isinstance(i := getattr(model.config, n, None), int)})

    def complete(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """The next turn of each conversation; batches of at most batch_size, similar lengths together to save padding."""
        texts = [
            self._processor.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
            for conversation in conversations
        ]
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        said: list[str | None] = [None] * len(texts)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            images = [[*_images_of(conversations[i])] for i in batch]
            for i, text in zip(batch, self._generate([texts[i] for i in batch], images), strict=True):
                said[i] = text
        return said

    def _generate(self, texts: list[str], images: list[list[Image.Image]]) -> list[str]:
        import torch

        inputs = self._processor(
            text=texts, images=images if any(images) else None, padding=True, padding_side="left", return_tensors="pt"
        ).to(self._model.device)
        how: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if self._temperature > 0:
            how = {"do_sample": True, "temperature": self._temperature, "top_p": 1.0, "top_k": 0}
        if self._stop_strings:
            how |= {"stop_strings": self._stop_strings, "tokenizer": self._processor.tokenizer}
        if self._never:
            how["suppress_tokens"] = self._never
        was_training = self._model.training
        self._model.eval()
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(self._seed + self._num_calls)
            tokens = self._model.generate(
                **inputs, max_new_tokens=self._max_new_tokens, eos_token_id=self._stop_ids, pad_token_id=self._pad_id, **how
            )
        self._model.train(was_training)
        self._num_calls += 1
        return [self._decode(row) for row in tokens[:, inputs["input_ids"].shape[1] :]]

    def _decode(self, tokens: torch.Tensor) -> str:
        # Not skip_special_tokens: a tokenizer may count the protocol's tags among its special tokens.
        ids: list[int] = tokens.tolist()
        end = next((i for i, token in enumerate(ids) if token in self._eos_ids or token == self._pad_id), len(ids))
        return str(self._processor.tokenizer.decode(ids[:end], skip_special_tokens=False))


def _images_of(conversation: Conversation) -> Iterator[Image.Image]:
    for message in conversation:
        for part in message["content"]:
            if part["type"] == "image":
                yield part["image"]
