"""Conversations to tensors: loss on the assistant's words alone, the frames of the clip, and a batch that changes nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deepsport.agent.protocol import frame_parts, render_answer, render_call
from deepsport.errors import UserError
from deepsport.timebase import FrameWindow
from train.data import IGNORED, Pixels, collate, encode, images_of, pixels_of
from train.lessons import Lessons, Stills, conversations, labelled, replay
from train.models import load

LOOK = render_call("Look.", FrameWindow(idx_start=12, idx_end=20))


@pytest.fixture(scope="module")
def loaded(train_world: SimpleNamespace):
    return load(train_world.base())


@pytest.fixture(scope="module")
def taught_conversations(train_world: SimpleNamespace) -> list:
    with Lessons(train_world.sft, train_world.frame_size) as lessons:
        return list(conversations(lessons, train_world.episode))


def test_labels_are_exactly_the_turns(loaded, taught_conversations: list) -> None:
    tokenizer = loaded.processor.tokenizer
    look, glance = (encode(loaded.processor, taught_conversations[i]) for i in (0, 2))
    said = f"{LOOK}<|im_end|>{render_answer('Seen.', 'blue')}<|im_end|>"
    assert tokenizer.decode(look.labels[look.labels != IGNORED]) == said
    assert tokenizer.decode(glance.labels[glance.labels != IGNORED]) == said.split("<|im_end|>")[1] + "<|im_end|>"
    trained = look.labels != IGNORED
    assert torch.equal(look.labels[trained], look.input_ids[trained])
    # "<|im_start|>assistant\n" is what generation starts from: given, not learnt.
    first = int(trained.nonzero()[0])
    assert tokenizer.decode(look.input_ids[:first]).endswith("<|im_start|>assistant\n")


def test_encoding_is_the_processors_own(loaded, taught_conversations: list) -> None:
    for conversation in taught_conversations[:3]:
        own = encode(loaded.processor, conversation)
        theirs = loaded.processor.apply_chat_template(conversation, tokenize=True, return_dict=True, return_tensors="pt")
        assert torch.equal(own.input_ids, theirs["input_ids"][0])
        assert torch.equal(own.pixels.pixel_values, torch.as_tensor(theirs["pixel_values"]))
        assert torch.equal(own.pixels.image_grid_thw, torch.as_tensor(theirs["image_grid_thw"]))


def test_every_picture_has_its_tokens(loaded, taught_conversations: list) -> None:
    for conversation in taught_conversations:
        row = encode(loaded.processor, conversation)
        num_images = len(images_of(conversation))
        assert (row.input_ids == loaded.processor.image_token_id).sum() == num_images == len(row.pixels.image_grid_thw)
    grid = Pixels(torch.zeros(16 + 4, 3072), torch.tensor([[1, 4, 4], [1, 2, 2]]))
    wide = encode(loaded.processor, [{"role": "user", "content": labelled([3, 9])}, {"role": "assistant", "content": "x"}], grid)
    runs = (wide.input_ids == loaded.processor.image_token_id).int().tolist()
    assert [len(run) for run in "".join(map(str, runs)).split("0") if run] == [4, 1]  # 4x4 and 2x2 patches, merged by twos


def test_pixels_at_hand_are_the_pixels_made_anew(loaded, taught_conversations: list) -> None:
    conversation = taught_conversations[0]
    pictures = images_of(conversation)
    parts = Pixels.joined([pixels_of(loaded.processor, [picture]) for picture in pictures])
    made, cached = encode(loaded.processor, conversation), encode(loaded.processor, conversation, parts)
    assert torch.equal(made.pixels.pixel_values, cached.pixels.pixel_values) and torch.equal(made.input_ids, cached.input_ids)


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_a_batch_costs_what_its_rows_cost(family: str, train_world: SimpleNamespace, taught_conversations: list) -> None:
    model, processor = load(train_world.base(family))
    rows = [encode(processor, taught_conversations[i]) for i in (0, 2, 4)]
    assert len({len(row.input_ids) for row in rows}) > 1
    batch = collate(rows, processor)
    padded = batch["attention_mask"] == 0
    assert padded.any() and not padded[:, 0].any(), "padding goes to the right"
    assert (batch["labels"][padded] == IGNORED).all() and (batch["mm_token_type_ids"][padded] == 0).all()
    counts = torch.tensor([float((row.labels != IGNORED).sum()) for row in rows])
    with torch.inference_mode():
        alone = torch.stack([model(**collate([row], processor)).loss for row in rows])
        together = model(**batch).loss
    torch.testing.assert_close(together, (alone * counts).sum() / counts.sum(), rtol=1e-5, atol=1e-5)


def test_the_model_sees_which_frame_is_where(train_world: SimpleNamespace, taught_conversations: list) -> None:
    model, processor = load(train_world.base())
    row = encode(processor, taught_conversations[0])
    swapped = row.pixels.pixel_values.reshape(7, -1, row.pixels.pixel_values.shape[1])[[5, 1, 2, 3, 4, 0, 6]].flatten(0, 1)
    with torch.inference_mode():
        losses = [
            model(**{**collate([row], processor), "pixel_values": pixels}).loss for pixels in (row.pixels.pixel_values, swapped)
        ]
    assert abs(losses[0] - losses[1]) > 1e-4


def test_a_conversation_shows_the_frames_of_its_clip(train_world: SimpleNamespace, taught_conversations: list) -> None:
    shown = np.stack([np.asarray(picture) for picture in images_of(taught_conversations[0])]).mean((1, 2))
    assert len(shown) == 4 + 3  # initial frames 0, 13, 26, 39; then 12, 16, 20 of the look
    assert [int(colour.argmax()) for colour in shown] == [1, 1, 1, 1, 1, 2, 1]  # green, and blue in the evidence 14-19


def test_a_trajectory_whose_frames_are_not_the_tools_is_refused(train_world: SimpleNamespace) -> None:
    with Lessons(train_world.sft, train_world.frame_size) as lessons:
        sample = lessons.samples["0-look"]
        look, answer = sample.trajectory.turns
        moved = look.model_copy(update={"frame_indices": (12, 16, 19)})
        told = sample.trajectory.model_copy(update={"turns": (moved, answer)})
        with pytest.raises(UserError, match=r"recorded frames \(12, 16, 19\), replayed \(12, 16, 20\)"):
            replay(lessons.episode("0-look", train_world.episode), told)
        fewer = train_world.episode.model_copy(update={"frames_per_call": 2})
        with pytest.raises(UserError, match="replayed"):
            list(conversations(lessons, fewer))


def test_shards_without_trajectories_teach_nobody(train_world: SimpleNamespace) -> None:
    with Lessons(train_world.rl, train_world.frame_size) as lessons, pytest.raises(UserError, match="reads the shards named sft"):
        list(conversations(lessons, train_world.episode))


def test_lessons_on_one_clip_share_its_reader_and_leave_nothing_behind(
    train_world: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Lessons(train_world.sft, train_world.frame_size) as lessons:
        assert list(lessons.samples)[:3] == ["0-look", "0-guess", "0-glance"]
        assert lessons.frames("0-look") is lessons.frames("0-glance") is not lessons.frames("1-look")
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_clips_beyond_the_limit_are_opened_again(train_world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.lessons.OPEN_CLIPS", 2)
    with Lessons(train_world.rl, train_world.frame_size) as lessons:
        first = [lessons.frames(key).frames([15]).copy() for key in lessons.samples]
        again = [lessons.frames(key).frames([15]) for key in lessons.samples]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_stills_keep_their_place_in_the_text_and_their_picture_outside(train_world: SimpleNamespace, loaded) -> None:
    stills = Stills(train_world.perception)
    assert len(stills.captions) == 24 and len(stills.glances) == 6
    keys = list(stills.captions)[:2]
    described = stills.described(keys, [4, 90])
    assert [message["role"] for message in described] == ["user", "assistant"] * 2
    pictures = [stills.images(key)[0] for key in keys]
    assert labelled([4])[0] == frame_parts([4], np.asarray(pictures[0])[None])[0]
    row = encode(loaded.processor, described, Pixels.joined([pixels_of(loaded.processor, [p]) for p in pictures]))
    text = loaded.processor.tokenizer.decode(row.labels[row.labels != IGNORED])
    assert text == "".join(stills.captions[key] + "<|im_end|>" for key in keys)
    glance = stills.glance("still-0")
    assert [part["text"] for part in glance[0]["content"] if part["type"] == "text"][:2] == ["Frame 3: ", "Frame 9: "]
    assert len(stills.images("still-0")) == 2


def test_told_lessons_say_in_words_what_a_glance_shows(train_world: SimpleNamespace) -> None:
    stills = Stills(train_world.perception)
    assert sorted(stills.told) == ["told-0", "told-1"]

    def said(conversation: list[dict[str, object]]) -> list[str]:
        return ["".join(part.get("text", "<picture>") for part in message["content"]) for message in conversation]  # type: ignore[attr-defined]

    prompt = stills.told["told-0"]["prompt"]
    first, look, second, answer = said(stills.told_in_words("told-0"))
    assert first == f"Frame 3: Frame 9: \n{prompt}", "a frame without an event has no words"
    assert second == "Frame 12: Frame 16: red team. "
    assert [look, answer] == stills.told["told-0"]["replies"]
    shown, told = said(stills.glance("still-0")), said(stills.told_in_words("still-0"))
    assert [text.replace("<picture>", "red team. ") for text in shown] == told, "the same words but for the pictures"
