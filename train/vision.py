"""First sight: the vision tower alone learns to tell the facts of a caption apart, before the language model learns to say them.

A linear head for each place in a caption ("corner kick, red, left, 2") reads the frame's token. Taught by captions through the
language model alone, a tower this small stays blind to one fact or another until late, by chance of the seed; with this it sees
all of them after seconds. The heads are thrown away.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import torch

from train.config import SightConfig
from train.data import Pixels


def learn_to_see(
    model: Any, captions: Mapping[str, str], pixels: Callable[[str], Pixels], config: SightConfig, seed: int
) -> list[float]:
    """Train the vision tower in place on captioned frames, one token a frame; gives the loss of each step. Seeded."""
    facts = {key: caption.split(", ") for key, caption in captions.items()}
    places = max(len(fact) for fact in facts.values())
    words = [sorted({fact[place] for fact in facts.values() if len(fact) > place}) for place in range(places)]
    torch.manual_seed(seed)
    heads = torch.nn.ModuleList(torch.nn.Linear(model.config.vision_config.out_hidden_size, len(own)) for own in words)
    parameters = [*model.model.visual.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=config.num_steps)
    rng, keys, losses = random.Random(seed), list(facts), []
    for _ in range(config.num_steps):
        batch = rng.sample(keys, min(config.batch_size, len(keys)))
        seen = Pixels.joined([pixels(key) for key in batch])
        tokens = model.model.get_image_features(seen.pixel_values.float(), seen.image_grid_thw, return_dict=True).pooler_output
        features = torch.cat(tuple(tokens))
        loss = torch.zeros(())
        for place, head in enumerate(heads):
            rows = [row for row, key in enumerate(batch) if len(facts[key]) > place]
            if rows:
                targets = torch.tensor([words[place].index(facts[batch[row]][place]) for row in rows])
                loss = loss + torch.nn.functional.cross_entropy(head(features[rows]), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses
