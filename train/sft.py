"""Supervised training with TRL: perception lessons (the stand-in for a pretrained backbone) and the cold start on trajectories.

Loss on the assistant's turns only. The cold start follows the curriculum's order, perception first (arXiv 2511.12908 v2).
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainingArguments
from trl import SFTConfig as TrlSFTConfig
from trl import SFTTrainer

from curriculum.mix import again_and_again
from deepsport.agent.environment import EpisodeConfig
from deepsport.agent.protocol import Conversation, call_of, render_answer, text_part, turn_message
from deepsport.timebase import FrameWindow
from train.config import PretrainConfig, SFTConfig
from train.data import Encoded, Pixels, collate, encode, pixels_of
from train.lessons import Lessons, Stills, conversations, worded
from train.models import Loaded, build_tiny, keep_eyes, load
from train.run import Checkpoint, OnStep, Run, curriculum_order, last_step, rate_arguments, trainer_arguments
from train.vision import learn_to_see
from train.words import learn_words


class _InOrder:
    """Takes rows in the order given: the order is the curriculum's, and a resumed run must find it again."""

    train_dataset: Any

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)


class FrameSFTTrainer(_InOrder, SFTTrainer):
    """TRL's trainer, in order."""


class FramePretrainer(_InOrder, Trainer):
    """The plain trainer, in order: TRL's logs entropy and token accuracy, which doubles the cost of a step this small."""


def _trainer(
    loaded: Loaded,
    rows: Callable[[int], Encoded],
    order: Sequence[int],
    config: SFTConfig,
    out: Path,
    run: Run,
    seed: int,
    *,
    pretraining: bool = False,
) -> Any:
    arguments = {
        **trainer_arguments(out, run, steps=config.num_steps, batch=config.batch_size, seed=seed),
        **rate_arguments(config),
        "weight_decay": config.weight_decay,
        "adam_beta2": config.adam_beta2,
    }

    def to_batch(examples: list[dict[str, int]]) -> dict[str, Any]:
        return dict(collate([rows(example["row"]) for example in examples], loaded.processor))

    common = {
        "model": loaded.model,
        "processing_class": loaded.processor,
        "train_dataset": Dataset.from_dict({"row": list(order)}),
        "data_collator": to_batch,
    }
    if pretraining:
        return FramePretrainer(args=TrainingArguments(**arguments), **common)
    skip = {"skip_prepare_dataset": True}
    return FrameSFTTrainer(args=TrlSFTConfig(**arguments, max_length=None, dataset_kwargs=skip), **common)


def run_sft(
    config: SFTConfig,
    base: Path,
    manifest: Path,
    out: Path,
    *,
    episode: EpisodeConfig,
    frame_size: tuple[int, int],
    instructions: str = "",
    seed: int = 0,
    run: Run | None = None,
    on_step: OnStep | None = None,
) -> Checkpoint:
    """Supervised training of the checkpoint ``base`` on the trajectories of ``manifest``; gives the checkpoint in ``out``.

    Killed in the middle, the same call goes on from the last saved step and ends with the same weights; once done it returns at
    once.
    """
    run = run or Run()
    parent = Checkpoint.read(base)
    if done := run.finished(out, config, parent, [manifest], seed):
        return done
    loaded = keep_eyes(load(parent.model, device=run.device))
    with Lessons(manifest, frame_size) as lessons:
        rows = [encode(loaded.processor, conversation) for conversation in conversations(lessons, episode, instructions)]
    names = [str(i) for i in range(len(rows))]
    order = [int(name) for name in curriculum_order(names, config.num_steps * config.batch_size, seed)]
    trainer = _trainer(loaded, rows.__getitem__, order, config, out, run, seed)
    return run.train(trainer, loaded.processor, out, config, parent, [manifest], seed, on_step)


FRAMES_A_CONVERSATION = 8
"""About as many tokens as a glance with its question: a batch is padded to its longest conversation."""
THINGS_TO_READ = 8
RULING_PARTS = ("prompt", "caption", "thought", "answer")
RULINGS_TO_GIVE = 3
"""As many as make a lesson no longer than others in words: a batch is padded to its longest."""
LARGEST_LABEL = 200
"""Frame labels of single frames are drawn below this, and what is only read: they have to be copied, no more."""


def run_pretrain(
    config: PretrainConfig,
    manifest: Path,
    out: Path,
    *,
    texts: Sequence[str] = (),
    seed: int = 0,
    run: Run | None = None,
    on_step: OnStep | None = None,
) -> Checkpoint:
    """Build the tiny model and teach it to see on the perception shards of ``manifest``; gives the checkpoint in ``out``.

    ``texts`` are further words that the tokenizer must know well (tool calls, questions).
    """
    run = run or Run()
    if done := run.finished(out, config, None, [manifest], seed):
        return done
    stills = Stills(manifest)
    loaded = build_tiny([*_words(stills), *texts], config.model, seed)
    length = config.training.num_steps * config.training.batch_size
    rng = random.Random(seed)
    kinds = [_kind(config, row / length, rng) for row in range(length)]
    lessons = {"see": list(stills.captions), "answer": list(stills.glances), "tell": list(stills.told)}
    lessons["read"] = [f"read {number}" for number in range(length)]
    # Neighbours in a shard come from one broadcast: a batch of them, all in the same colours, teaches the colours of one match.
    sources = {kind: again_and_again(lessons[kind], random.Random(f"{seed}/{kind}")) for kind in lessons}
    plan = [list(itertools.islice(sources[kind], FRAMES_A_CONVERSATION if kind == "see" else 1)) for kind in kinds]
    labels = [sorted(rng.sample(range(LARGEST_LABEL), FRAMES_A_CONVERSATION)) for _ in plan]

    first = pixels_of(loaded.processor, stills.images(next(iter(stills.captions))))
    nothing = Pixels(first.pixel_values[:0].half(), first.image_grid_thw[:0])

    def prepared(key: str) -> Pixels:
        # Half precision holds 8-bit colours exactly enough, and thousands of frames in half the memory.
        pixels = pixels_of(loaded.processor, stills.images(key))
        return Pixels(pixels.pixel_values.half(), pixels.image_grid_thw)

    still = functools.cache(prepared)  # a still is seen many times, a glance hardly twice

    def told(key: str) -> Encoded:
        return encode(loaded.processor, stills.told_in_words(key), nothing)

    rulings = [value["ruling"] for value in stills.told.values() if "ruling" in value]

    def read(number: str) -> Encoded:
        lots = random.Random(f"{seed}/{number}")
        return encode(loaded.processor, choosing(lots, rulings) if rulings and lots.random() < 2 / 3 else reading(lots), nothing)

    def row(number: int) -> Encoded:
        keys = plan[number]
        match kinds[number]:
            case "see":
                shown = stills.described(keys, labels[number])
                return encode(loaded.processor, shown, Pixels.joined([still(key) for key in keys]))
            case "answer":
                return encode(loaded.processor, stills.glance(keys[0]), prepared(keys[0]))
            case "read":
                return read(keys[0])
            case _:
                return told(keys[0])

    before, steps = config.words.num_steps, config.words.num_steps + config.training.num_steps
    tell = on_step or (lambda _done, _of: None)
    if last_step(out / "steps") is None:
        learn_to_see(loaded.model, stills.captions, still, config.sight, seed)
        keys = again_and_again(lessons["tell"], random.Random(f"{seed}/words"))

        def words() -> Encoded:
            key = next(keys)
            return read(key) if rng.random() < config.read_share else told(key)

        learn_words(loaded, words, config.words, lambda done: tell(done, steps))
    trainer = _trainer(loaded, row, range(length), config.training, out, run, seed, pretraining=True)
    return run.train(trainer, loaded.processor, out, config, None, [manifest], seed, lambda done, _: tell(before + done, steps))


def _kind(config: PretrainConfig, progress: float, rng: random.Random) -> str:
    """Which lesson stands at a share of the way."""
    told, read = config.told_share * (1 - config.read_share), config.told_share * config.read_share
    shares = {"see": config.see_share, "tell": told, "read": read, "answer": 1 - config.see_share - config.told_share}
    if progress < config.see_first:
        del shares["answer"]
    return rng.choices(list(shares), list(shares.values()))[0]


def reading(rng: random.Random) -> Conversation:
    """A lesson in writing: windows to be said again, each with the call that would ask for it.

    A pretrained backbone can write a call, tags and all; when to call a tool is not taught here. Were the tags new, the policy
    would write everything but them: of 64 sampled first turns of a cold start 54 held the right arguments between wrong tokens.
    """
    windows = []
    for _ in range(THINGS_TO_READ):
        start = rng.randrange(LARGEST_LABEL)
        windows.append(FrameWindow(idx_start=start, idx_end=start + rng.randrange(5, 35)))
    named = [f"{window.idx_start}-{window.idx_end}" for window in windows]
    said = [f"{name}: {call_of(window)}" for name, window in zip(named, windows, strict=True)]
    return [
        {"role": "user", "content": [text_part(f"Calls: {', '.join(named)}.")]},
        {"role": "assistant", "content": [text_part(", ".join(said) + ".")]},
    ]


def choosing(rng: random.Random, rulings: Sequence[Mapping[str, str]]) -> Conversation:
    """A lesson in writing: of two teams the one that a caption names, or the other, whichever the rules mean; in any two colours.

    A pretrained backbone knows which of two is not the one that was named.
    """
    teams = sorted({ruling["team"] for ruling in rulings})
    conversation: Conversation = []
    for ruling in rng.choices(rulings, k=RULINGS_TO_GIVE):
        named, other = rng.sample(teams, 2)
        first, second = rng.sample([named, other], 2)
        prompt, caption, thought, answer = (
            ruling[part].format(named=named, other=other, first=first, second=second) for part in RULING_PARTS
        )
        shown = [*worded([rng.randrange(LARGEST_LABEL)], [caption]), text_part(f"\n{prompt}")]
        conversation += [{"role": "user", "content": shown}, turn_message(render_answer(thought, answer))]
    return conversation


def _words(stills: Stills) -> list[str]:
    """The text of the perception lessons, for the tokenizer."""
    chat = "<|im_start|>user\nFrame 0: <|im_end|>\n<|im_start|>assistant\n"
    asked = [value for lessons in (stills.glances, stills.told) for value in lessons.values()]
    said = [f"{chat}{value['prompt']}{''.join(value['replies'])}" for value in asked]
    return [*(chat + caption for caption in stills.captions.values()), *said]
