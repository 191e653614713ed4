"""Conversations to tensors: one encoding for perception lessons, trajectories and evaluation, cached once and collated cheaply.

Shapes: B conversations, L tokens, P patches of all images of the batch. An image stands in the text as one placeholder and is
widened here to as many tokens as its patches merge into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

Message = dict[str, Any]
IGNORED = -100
"""Label of a token that is not trained on."""


class Pixels(NamedTuple):
    """The images of a conversation as the model takes them."""

    pixel_values: torch.Tensor
    """(P, patch) float32."""
    image_grid_thw: torch.Tensor
    """(images, 3) int64: time, height, width in patches."""

    @classmethod
    def joined(cls, parts: Sequence[Pixels]) -> Pixels:
        """The images of all parts, in order."""
        return cls(torch.cat([part.pixel_values for part in parts]), torch.cat([part.image_grid_thw for part in parts]))


@dataclass(frozen=True, slots=True)
class Encoded:
    """One conversation, ready to collate."""

    input_ids: torch.Tensor
    """(L,) int64."""
    labels: torch.Tensor
    """(L,) int64; IGNORED outside the assistant's turns."""
    pixels: Pixels


def images_of(messages: Sequence[Message]) -> list[Image.Image]:
    """Every image of a conversation, in order."""
    return [
        part["image"]
        for message in messages
        if not isinstance(message["content"], str)
        for part in message["content"]
        if part["type"] == "image"
    ]


def pixels_of(processor: Any, images: Sequence[Image.Image]) -> Pixels:
    """Images as the model takes them."""
    pixels = processor.image_processor(images=list(images), return_tensors="pt")
    return Pixels(*(torch.as_tensor(np.asarray(pixels[name])) for name in Pixels._fields))


def encode(processor: Any, messages: Sequence[Message], pixels: Pixels | None = None) -> Encoded:
    """Tokens, labels of the assistant's turns, and pixels of one conversation.

    ``pixels`` saves preparing the images again where they are at hand; a conversation without a picture brings empty ones.
    """
    text = processor.tokenizer.apply_chat_template(
        list(messages), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    pixels = pixels or pixels_of(processor, images_of(messages))
    widths = pixels.image_grid_thw.prod(dim=1) // processor.image_processor.merge_size**2
    ids = torch.tensor(text["input_ids"])
    repeats = torch.ones_like(ids)
    repeats[ids == processor.image_token_id] = widths
    ids = ids.repeat_interleave(repeats)
    mask = torch.tensor(text["assistant_masks"], dtype=torch.bool).repeat_interleave(repeats)
    return Encoded(ids, torch.where(mask, ids, IGNORED), pixels)


def collate(batch: Sequence[Encoded], processor: Any) -> dict[str, torch.Tensor]:
    """A right-padded batch: tokens, masks and labels are (B, L), pixel_values (P, patch), image_grid_thw (images, 3).

    A batch without a picture has neither of the last two.
    """

    def pad(rows: list[torch.Tensor], value: int) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)

    ids = pad([row.input_ids for row in batch], processor.tokenizer.pad_token_id)
    pixels = Pixels.joined([row.pixels for row in batch])
    collated = {
        "input_ids": ids,
        "attention_mask": pad([torch.ones_like(row.input_ids) for row in batch], 0),
        "labels": pad([row.labels for row in batch], IGNORED),
        "mm_token_type_ids": (ids == processor.image_token_id).int(),
    }
    # Both vision towers fail on no picture at all.
    if len(pixels.image_grid_thw):
        collated |= {"pixel_values": pixels.pixel_values.float(), "image_grid_thw": pixels.image_grid_thw}
    return collated
