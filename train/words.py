"""First words: the language model alone learns how a question is answered, from lessons whose frames are told in words.

Text alone costs a fraction of frames, and what a model this small is slow to learn is none of what it sees: it is to find a
stretch in a question and say it again, and to name the team that is *not* the one it saw. Once it can, a few steps with pictures
teach it that a frame's token means what its caption meant.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import get_wsd_schedule

from train.config import SFTConfig
from train.data import Encoded, collate
from train.models import Loaded


def learn_words(loaded: Loaded, row: Callable[[], Encoded], config: SFTConfig, on_step: Callable[[int], None]) -> list[float]:
    """Train the language model in place on rows without pictures; gives the loss of each step."""
    model, language = loaded.model, [*loaded.model.model.language_model.parameters()]
    optimizer = torch.optim.AdamW(
        language, lr=config.learning_rate, betas=(0.9, config.adam_beta2), weight_decay=config.weight_decay
    )
    schedule = get_wsd_schedule(
        optimizer,
        num_warmup_steps=config.warmup_steps,
        num_decay_steps=round(0.3 * config.num_steps),
        num_training_steps=config.num_steps,
        decay_type="linear",
    )
    model.train()
    losses = []
    for step in range(config.num_steps):
        loss = model(**collate([row() for _ in range(config.batch_size)], loaded.processor)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(language, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        losses.append(loss.item())
        on_step(step + 1)
    return losses
