"""The multimodal model: a tiny Qwen-VL built here, or a checkpoint from a path or hub id, behind one processor.

Kept of the paper: the Qwen-VL family and its frame-by-frame images. Differs: frames are always single images (never a video
tensor), so no video processor and no torchvision are needed, and both families share our own chat template, because the stock
Qwen2.5-VL one has no tool calls (TRL 1.16 refuses it).

The tiny model stands in for the 7 B backbone where there is no GPU: the same architecture, the same code, 0.9 M parameters,
one token a frame.
"""

from __future__ import annotations

import shutil
from collections.abc import Hashable, Iterable
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    BatchFeature,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)
from transformers.image_utils import make_flat_list_of_images
from transformers.processing_utils import ProcessorMixin
from trl.chat_template_utils import qwen3_template

from deepsport.agent.protocol import TOOL_NAME
from deepsport.errors import UserError
from deepsport.video import FrameCache
from train.config import TinyConfig

END = "<|im_end|>"
PAD = "<|endoftext|>"
VISION = {"image": "<|image_pad|>", "video": "<|video_pad|>", "vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
SPECIAL_TOKENS = [PAD, "<|im_start|>", END, *VISION.values()]
TAGS = [f"<{slash}{tag}>" for tag in ("think", "answer", "tool_call", "tool_response") for slash in ("", "/")]
PHRASES = [f'{{"name": "{TOOL_NAME}", "arguments": {{"idx_start": ', ', "idx_end": ', "}}", "Frame ", ": "]
"""What never varies in a call and in a frame's label: one token each for the tiny model, so that an episode is short."""
NUMBERS = [str(number) for number in range(10, 300)]
"""One token each for the tiny model: a window to copy is then two tokens, not five digits of which many look alike."""


class Loaded(NamedTuple):
    """A model and the processor that turns conversations into its inputs."""

    model: Any
    processor: Any


def _init_frames_only(self: Any, image_processor: Any, tokenizer: Any, chat_template: str | None) -> None:
    ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)
    for name, token in VISION.items():
        setattr(self, f"{name}_token", token)
        setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))


class FrameQwen3VLProcessor(Qwen3VLProcessor):
    """Qwen3-VL's processor for single frames: no video processor, so torchvision is never asked for."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **_: Any) -> None:
        _init_frames_only(self, image_processor, tokenizer, chat_template)


class FrameQwen2_5_VLProcessor(Qwen2_5_VLProcessor):
    """Qwen2.5-VL's processor for single frames."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **_: Any) -> None:
        _init_frames_only(self, image_processor, tokenizer, chat_template)


AutoProcessor.register(Qwen3VLConfig, FrameQwen3VLProcessor, exist_ok=True)
AutoProcessor.register(Qwen2_5_VLConfig, FrameQwen2_5_VLProcessor, exist_ok=True)
PROCESSORS: dict[str, Any] = {"qwen3_vl": FrameQwen3VLProcessor, "qwen2_5_vl": FrameQwen2_5_VLProcessor}


def chat_template() -> str:
    """Our chat template: the protocol's tags, images in tool replies, assistant turns marked for the loss."""
    return (resources.files("train") / "chat_template.jinja").read_text(encoding="utf-8")


def train_tokenizer(texts: Iterable[str], vocabulary_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE over the lessons' own text, in which frame numbers, tags and phrases of the protocol are whole tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(TAGS) - len(PHRASES) - len(NUMBERS),
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # Added tokens but not special ones: decoding must keep them, the protocol is written in them.
    tokenizer.add_tokens([*TAGS, *PHRASES, *NUMBERS])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, padding_side="left")


def _dress(processor: Any) -> Any:
    """Give a processor our template, and TRL the shape in which to read tool calls back."""
    if not isinstance(processor, ProcessorMixin):
        raise UserError("the checkpoint has no image processor; save it with its processor (preprocessor_config.json)")
    processor.chat_template = chat_template()
    processor.tokenizer.chat_template = processor.chat_template
    processor.tokenizer.response_template = qwen3_template
    processor.tokenizer.padding_side = "left"
    return processor


def build_tiny(texts: Iterable[str], config: TinyConfig, seed: int) -> Loaded:
    """A model with random weights (deterministic by seed) and a tokenizer trained on the given texts."""
    tokenizer = train_tokenizer(texts, config.vocabulary_size)
    pixels = config.frame_size**2
    images = Qwen2VLImageProcessorPil(
        patch_size=32,
        merge_size=2,
        temporal_patch_size=1,
        size={"shortest_edge": pixels, "longest_edge": pixels},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    processor = _dress(PROCESSORS[config.family](image_processor=images, tokenizer=tokenizer))
    torch.manual_seed(seed)
    model = _tiny_model(config, tokenizer)
    _attend_to_likeness(model.model.language_model)
    return Loaded(patches_by_matmul(model), processor)


def _attend_to_likeness(language_model: Any) -> None:
    """Let attention begin by looking at tokens that are alike, and by passing on what it finds there unchanged.

    After "Mimetic Initialization of Self-Attention Layers" (Trockman and Kolter, arXiv 2305.09828): trained heads show both.
    Copying and matching, on which all else stands here, are then learnt in about half the steps.
    """
    with torch.no_grad():
        for layer in language_model.layers:
            attention = layer.self_attn
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.o_proj.weight.copy_(attention.v_proj.weight.T)


def _tiny_model(config: TinyConfig, tokenizer: PreTrainedTokenizerFast) -> Any:
    heads = 4
    head_dim = config.hidden_size // heads
    temporal = head_dim // 8
    side = (head_dim // 2 - temporal) // 2
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [head_dim // 2 - 2 * side, side, side]}
    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": config.hidden_size,
        "intermediate_size": 3 * config.hidden_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "initializer_range": config.init_std,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": rope,
    }
    vision: dict[str, Any] = {
        "depth": config.vision_depth,
        "hidden_size": config.vision_size,
        "intermediate_size": 2 * config.vision_size,
        "num_heads": 4,
        "patch_size": 32,
        "spatial_merge_size": 2,
        "temporal_patch_size": 1,
        "out_hidden_size": config.hidden_size,
        "initializer_range": config.init_std,
    }
    ids = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in VISION.items()}
    if config.family == "qwen3_vl":
        text |= {"head_dim": head_dim, "rope_parameters": {**rope, "mrope_interleaved": True}}
        vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
        model_config = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
        model = Qwen3VLForConditionalGeneration(model_config)
    else:
        vision |= {"window_size": 64, "fullatt_block_indexes": [config.vision_depth - 1]}
        model_config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
        model = Qwen2_5_VLForConditionalGeneration(model_config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def load(source: str | Path, *, device: str = "cpu", bf16: bool = False) -> Loaded:
    """A Qwen2.5-VL or Qwen3-VL checkpoint from a folder or a hub id, weights as safetensors only.

    Raises: UserError when there is no such checkpoint, a part of it is missing, or it is of another family.
    """
    try:
        config = AutoConfig.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise UserError(f"{source}: no model there; give a checkpoint folder or a hub id ({error})") from error
    if config.model_type not in PROCESSORS:
        raise UserError(f"{source}: a {config.model_type} model; only {' and '.join(PROCESSORS)} are supported")
    dtype = torch.bfloat16 if bf16 else torch.float32
    try:
        model = AutoModelForImageTextToText.from_pretrained(str(source), use_safetensors=True, dtype=dtype)
        processor = PROCESSORS[config.model_type].from_pretrained(str(source))
    except OSError as error:
        raise UserError(f"{source}: weights (safetensors), tokenizer or image processor missing ({error})") from error
    if processor.tokenizer.convert_tokens_to_ids(VISION["image"]) != config.image_token_id:
        # Without its files transformers gives a tokenizer of one token, and no error.
        raise UserError(f"{source}: its tokenizer is missing or belongs to another model; save it with its processor")
    return Loaded(patches_by_matmul(model.to(device)), _dress(processor))


def patches_by_matmul(model: Any) -> Any:
    """Embed image patches with a matrix product instead of the convolution that transformers uses; gives the model.

    Kernel and stride are equal, so the two are the same sum over the same weights. On a CPU the convolution's backward pass
    alone took a third of a training step.
    """
    embed = model.model.visual.patch_embed

    def forward(patches: torch.Tensor) -> torch.Tensor:
        weight = embed.proj.weight
        return torch.nn.functional.linear(patches.to(weight.dtype), weight.flatten(1), embed.proj.bias)

    embed.forward = forward
    return model


def keep_eyes(loaded: Loaded) -> Loaded:
    """The model with its vision tower frozen, as is usual when a vision-language model is fine-tuned.

    What a few films show would otherwise be learnt at the cost of what others show: a tiny model that was tuned as a whole forgot
    kit colours that its base could name.
    """
    loaded.model.model.visual.requires_grad_(False)
    return loaded


def remember_pictures(image_processor: Any, limit_bytes: int = 256 << 20) -> None:
    """Let an image processor keep what it prepared last, by a picture's size and bytes, within a limit of bytes.

    In GRPO the same frames are prepared three times for each rollout, and again in every rollout of a group: a sixth of a step.
    """
    kind = type(image_processor)
    kept = FrameCache(limit_bytes)
    grids: dict[Hashable, Any] = {}

    def preprocess(self: Any, images: Any, *, return_tensors: Any = None, **settings: Any) -> BatchFeature:
        found = []
        for image in make_flat_list_of_images(images):
            how = (repr(settings), image.size)
            # What other modes mean by the same bytes, a palette for one, is not in them.
            key = (how, image.convert("RGB").tobytes())
            patches = kept.get(key)
            if patches is None:
                made = kind.preprocess(self, [image], return_tensors="np", **settings)
                patches, grids[how] = made["pixel_values"], made["image_grid_thw"]
                kept.put(key, patches)
            found.append((patches, grids[how]))
        patches, grid = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return BatchFeature({"pixel_values": patches, "image_grid_thw": grid}, tensor_type=return_tensors)

    # Of the same name, which is what a saved processor is found by; an attribute of the instance would be saved with it.
    image_processor.__class__ = type(kind.__name__, (kind,), {"preprocess": preprocess})


def save(loaded: Loaded, folder: Path, weights: dict[str, Any] | None = None) -> None:
    """Write model (with its own weights or those given) and processor to a folder: temporary name, then rename."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    loaded.model.save_pretrained(partial, state_dict=weights)
    loaded.processor.save_pretrained(partial)
    partial.rename(folder)


def unsampled_tokens(processor: Any) -> list[int]:
    """Tokens that must never be sampled: an image placeholder without an image breaks the next forward pass."""
    return [processor.tokenizer.convert_tokens_to_ids(token) for token in VISION.values()]
