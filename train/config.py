"""Settings of training, apart from the code that trains: a recipe is read without loading torch (ten CPU seconds)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from deepsport.agent.reward import RewardName
from deepsport.records import Record


class TinyConfig(Record):
    """Shape of the model that is built here."""

    family: Literal["qwen3_vl", "qwen2_5_vl"] = "qwen3_vl"
    """Architecture."""
    hidden_size: int = 128
    """Width of the language model."""
    num_layers: int = Field(default=2, ge=1)
    """Depth of the language model."""
    vision_size: int = 64
    """Width of the vision tower."""
    vision_depth: int = 1
    """Depth of the vision tower."""
    frame_size: int = 64
    """Side of a frame in pixels as the model sees it; one token for every 64x64."""
    vocabulary_size: int = 928
    """Tokens: of the byte-level BPE that is trained on the lessons' own text, and what is a token of its own besides."""
    init_std: float = 0.06
    """Spread of the first weights; at the usual 0.02 a model this small hardly learns (measured)."""


class SFTConfig(Record):
    """Supervised training."""

    num_steps: int = Field(default=60, ge=1)
    """Updates of the weights."""
    batch_size: int = Field(default=32, ge=1)
    """Conversations in one step."""
    learning_rate: float = 1e-3
    """Peak learning rate; it stays until the last 30 % of the steps and then falls to zero."""
    warmup_steps: int = 10
    """Steps until the peak learning rate is reached."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""
    adam_beta2: float = 0.999
    """How long Adam remembers the size of gradients."""


class SightConfig(Record):
    """The vision tower's own lessons, before it is heard through the language model."""

    num_steps: int = Field(default=200, ge=1)
    """Updates of the tower's weights."""
    batch_size: int = Field(default=64, ge=1)
    """Captioned frames in one step."""
    learning_rate: float = 2e-3
    """Peak of a one-cycle schedule."""


class PretrainConfig(Record):
    """The stand-in for a pretrained backbone: a tiny model that learns to see, on frames of broadcasts used for nothing else."""

    model: TinyConfig = TinyConfig()
    """Shape of the model."""
    sight: SightConfig = SightConfig()
    """First sight: the vision tower alone."""
    words: SFTConfig = SFTConfig(num_steps=900, batch_size=16, learning_rate=1.2e-3, warmup_steps=20, adam_beta2=0.95)
    """First words: the language model alone, on lessons whose frames are told instead of shown."""
    training: SFTConfig = SFTConfig(num_steps=400, batch_size=8, learning_rate=1.2e-3, warmup_steps=20, adam_beta2=0.95)
    """Then the two together."""
    see_first: float = Field(default=0.1, ge=0, le=1)
    """Share of the steps together, the first ones, that hold no questions on frames yet."""
    see_share: float = Field(default=0.25, ge=0, le=1)
    """Share of captions, eight single frames to a conversation."""
    told_share: float = Field(default=0.25, ge=0, le=1)
    """Share of lessons in words; the rest are questions on frames, never with a tool."""
    read_share: float = Field(default=0.4, ge=0, le=1)
    """Of the lessons in words, those that are of the words alone: a third are windows and calls for them, the rest two teams and
    which of them is meant."""

    @model_validator(mode="after")
    def _shares_are_parts_of_one(self) -> Self:
        if not 0 < self.see_share + self.told_share <= 1:
            raise ValueError("see_share and told_share together must be above 0 and at most 1; what they leave are questions")
        return self


class GRPOConfig(Record):
    """Agentic reinforcement learning."""

    reward: RewardName = RewardName.ADAPTIVE
    """gated: any useful look pays. adaptive: it pays only where a glance is not enough. grounded: the right place pays."""
    num_steps: int = Field(default=30, ge=1)
    """Updates of the weights."""
    prompts_per_step: int = Field(default=8, ge=1)
    """Questions in one step."""
    glance_share: float = Field(default=0.25, ge=0, le=1)
    """Share of these that the base model solves at a glance; the groups that teach are among the others."""
    num_generations: int = Field(default=8, ge=2)
    """Rollouts of one question: the group."""
    learning_rate: float = 2e-4
    """Peak learning rate; it stays until the last 30 % of the steps and then falls to zero."""
    warmup_steps: int = 5
    """Steps until the peak learning rate is reached."""
    temperature: float = 0.7
    """Sampling temperature of the rollouts."""
    max_completion_tokens: int = 256
    """Tokens of an episode after its prompt, frames that were asked for included."""
    beta: float = 0.0
    """Weight of the KL term to the starting policy; 0 leaves it out."""
    loss: Literal["dapo", "grpo", "dr_grpo"] = "dapo"
    """How token losses are averaged."""
    lora_rank: int = 0
    """Rank of LoRA adapters on the language model's attention; 0 trains all weights."""
