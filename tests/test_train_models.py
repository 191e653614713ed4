"""A tiny Qwen-VL is the same for the same seed, comes back from disk as it was, and no stranger's folder gets past load."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from deepsport.agent.protocol import frame_parts, render_answer, render_call, text_part, tool_message, turn_message
from deepsport.errors import UserError
from deepsport.timebase import FrameWindow
from train.config import TinyConfig
from train.data import collate, encode
from train.models import PHRASES, TAGS, Loaded, build_tiny, load, patches_by_matmul, remember_pictures, save, unsampled_tokens

FAMILIES = ("qwen3_vl", "qwen2_5_vl")
CALL = render_call("Look.", FrameWindow(idx_start=12, idx_end=20))


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def conversation() -> list[dict[str, object]]:
    shown = pictures(5)
    opening = {"role": "user", "content": [*frame_parts([0, 39], shown[:2]), text_part("\nWhich team?")]}
    return [opening, turn_message(CALL), tool_message([12, 16, 20], shown[2:]), turn_message(render_answer("Seen.", "red"))]


def batch_of(loaded: Loaded) -> dict[str, torch.Tensor]:
    return collate([encode(loaded.processor, conversation())], loaded.processor)


def logits_of(loaded: Loaded) -> torch.Tensor:
    with torch.inference_mode():
        return loaded.model(**batch_of(loaded)).logits


@pytest.fixture(scope="module")
def tiny(train_world: SimpleNamespace) -> dict[str, Loaded]:
    return {family: build_tiny(train_world.words, train_world.tiny(family), seed=3) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_same_seed_same_model_another_seed_another(family: str, tiny: dict[str, Loaded], train_world: SimpleNamespace) -> None:
    first, loaded = tiny[family].model.state_dict(), tiny[family]
    torch.rand(7)  # whatever was drawn before does not matter
    again = build_tiny(train_world.words, train_world.tiny(family), seed=3)
    other = build_tiny(train_world.words, train_world.tiny(family), seed=4).model.state_dict()
    assert all(torch.equal(value, again.model.state_dict()[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())
    assert again.processor.tokenizer.get_vocab() == loaded.processor.tokenizer.get_vocab()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_model_comes_back_with_the_same_logits(family: str, tiny: dict[str, Loaded], tmp_path: Path) -> None:
    save(tiny[family], tmp_path / "model")
    back = load(tmp_path / "model")
    assert type(back.model) is type(tiny[family].model) and type(back.processor) is type(tiny[family].processor)
    assert torch.equal(logits_of(back), logits_of(tiny[family]))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]  # nothing half-written stays


def test_what_a_killed_save_left_does_not_come_along(tiny: dict[str, Loaded], tmp_path: Path) -> None:
    (tmp_path / ".model.partial").mkdir()
    (tmp_path / ".model.partial" / "adapter_config.json").write_text("{}")
    save(tiny["qwen3_vl"], tmp_path / "model")
    assert not (tmp_path / "model" / "adapter_config.json").exists()


def test_weights_load_in_half_precision(tiny: dict[str, Loaded], tmp_path: Path) -> None:
    save(tiny["qwen3_vl"], tmp_path / "model")
    half = load(tmp_path / "model", bf16=True)
    assert {weight.dtype for weight in half.model.parameters()} == {torch.bfloat16}
    # bf16 keeps 8 bits: a shape of agreement, not equality.
    torch.testing.assert_close(logits_of(half).float(), logits_of(tiny["qwen3_vl"]), atol=0.15, rtol=0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_patches_by_matmul_are_the_convolution(family: str, tiny: dict[str, Loaded]) -> None:
    embed = tiny[family].model.model.visual.patch_embed
    ours, stock = embed.forward, type(embed).forward
    assert getattr(ours, "__func__", ours) is not stock, "the model still runs the convolution"
    results = []
    for forward in (ours, lambda patches: stock(embed, patches)):
        patches = torch.rand(12, 3 * 32 * 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
        embed.zero_grad()
        out = forward(patches)
        out.square().sum().backward()
        bias = embed.proj.bias.grad if embed.proj.bias is not None else torch.zeros(1)
        results.append([out.detach(), patches.grad, embed.proj.weight.grad.clone(), bias.clone()])
    for mine, theirs in zip(*results, strict=True):
        assert theirs.abs().sum() > 0 or theirs.numel() == 1
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_patches_by_matmul_change_no_logit(family: str, tiny: dict[str, Loaded]) -> None:
    embed = tiny[family].model.model.visual.patch_embed
    mine = logits_of(tiny[family])
    del embed.forward  # back to the class's own
    try:
        theirs = logits_of(tiny[family])
    finally:
        patches_by_matmul(tiny[family].model)
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_a_larger_picture_is_more_tokens(train_world: SimpleNamespace) -> None:
    loaded = build_tiny(train_world.words, TinyConfig(hidden_size=32, num_layers=1, vision_size=32, frame_size=128), seed=0)
    prompt = {"role": "user", "content": [*frame_parts([3], pictures(1)), text_part("?")]}
    ids = encode(loaded.processor, [prompt, turn_message("x")]).input_ids
    assert (ids == loaded.processor.image_token_id).sum() == 4  # (128 / 32 / 2) squared


def test_frame_numbers_are_one_token_and_all_text_reads_back(tiny: dict[str, Loaded]) -> None:
    tokenizer = tiny["qwen3_vl"].processor.tokenizer
    assert all(len(tokenizer.encode(str(number))) == 1 for number in range(300))
    assert len({tuple(tokenizer.encode(str(number))) for number in range(1300)}) == 1300
    assert [tokenizer.decode(tokenizer.encode(str(number))) for number in range(1300)] == [*map(str, range(1300))]
    window = tokenizer.encode("123-143")
    assert len(window) == 3 and tokenizer.decode(window) == "123-143"
    assert [tokenizer.decode([i]) for i in tokenizer.encode("1207")] == ["120", "7"]  # longer ones in parts, none is unknown
    asked = "In frames 48-76, which event happens?\nA. goal 2"
    assert tokenizer.decode(tokenizer.encode(asked)) == asked
    assert {48, 76} <= {int(word) for i in tokenizer.encode(asked) if (word := tokenizer.decode([i])).isdigit()}
    assert all(len(tokenizer.encode(tag)) == 1 for tag in TAGS)
    assert tokenizer.decode(tokenizer.encode(CALL), skip_special_tokens=True) == CALL
    assert tokenizer.decode(tokenizer.encode("Änderung ⚽")) == "Änderung ⚽"  # bytes never seen in training


def test_a_longer_conversation_begins_as_the_shorter_one(tiny: dict[str, Loaded]) -> None:
    tokenizer, messages = tiny["qwen3_vl"].processor.tokenizer, conversation()
    texts = [tokenizer.apply_chat_template(messages[:n], tokenize=False) for n in range(1, len(messages) + 1)]
    assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(texts))
    asked = tokenizer.apply_chat_template(messages[:3], tokenize=False, add_generation_prompt=True)
    assert texts[3].startswith(asked)


def test_a_call_that_trl_has_parsed_renders_as_it_was_said(tiny: dict[str, Loaded]) -> None:
    tokenizer = tiny["qwen3_vl"].processor.tokenizer
    parsed = tokenizer.parse_response(tokenizer.encode(CALL + "<|im_end|>"), prefix=[])
    [call] = parsed["tool_calls"]
    assert call["function"] == {"name": "frame_extraction_tool", "arguments": {"idx_start": 12, "idx_end": 20}}
    opening = conversation()[0]
    said, again = (tokenizer.apply_chat_template([opening, m], tokenize=False) for m in (turn_message(CALL), parsed))
    assert said == again


def test_no_vision_placeholder_may_be_sampled(tiny: dict[str, Loaded]) -> None:
    loaded = tiny["qwen3_vl"]
    never = unsampled_tokens(loaded.processor)
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    assert sorted(never) == sorted(getattr(loaded.model.config, name) for name in names)
    inputs = {k: v for k, v in batch_of(loaded).items() if k != "labels"}
    inputs["input_ids"], inputs["attention_mask"] = inputs["input_ids"][:, :-1], inputs["attention_mask"][:, :-1]
    inputs["mm_token_type_ids"] = inputs["mm_token_type_ids"][:, :-1]
    embedding = loaded.model.get_input_embeddings().weight.data
    before = embedding.clone()
    try:
        with torch.inference_mode():
            hidden = loaded.model(**inputs, output_hidden_states=True).hidden_states[-1][0, -1]
            embedding[never[0]] = 100 * hidden  # tied with the output: now it is by far the likeliest token
            free = loaded.model.generate(**inputs, max_new_tokens=1, do_sample=False)[0, -1]
            kept = loaded.model.generate(**inputs, max_new_tokens=1, do_sample=False, suppress_tokens=never)[0, -1]
    finally:
        embedding.copy_(before)
    assert free.item() == never[0] and kept.item() not in never


@pytest.fixture
def folder(tiny: dict[str, Loaded], tmp_path: Path) -> Path:
    save(tiny["qwen3_vl"], tmp_path / "model")
    return tmp_path / "model"


def test_load_names_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no model there"):
        load(tmp_path / "nowhere")


def test_load_refuses_another_family(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    with pytest.raises(UserError, match="a qwen2 model; only qwen3_vl and qwen2_5_vl"):
        load(tmp_path)


def test_load_refuses_pickled_weights(folder: Path) -> None:
    weights = load(folder).model.state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="weights"):
        load(folder)


@pytest.mark.parametrize("gone", ["processor", "tokenizer"])
def test_load_asks_for_a_processor(gone: str, folder: Path) -> None:
    for path in folder.glob(f"*{gone}*"):
        path.unlink()
    with pytest.raises(UserError, match=r"missing|no image processor"):
        load(folder)


def test_a_checkpoint_moves_with_its_folder(folder: Path, tmp_path: Path) -> None:
    before = logits_of(load(folder))
    shutil.move(folder, tmp_path / "elsewhere")
    assert torch.equal(logits_of(load(tmp_path / "elsewhere")), before)


def test_pictures_of_any_mode_and_size_are_one_token(tiny: dict[str, Loaded]) -> None:
    processor = tiny["qwen3_vl"].processor
    for picture in (Image.new("L", (64, 64)), Image.new("RGB", (320, 320)), Image.new("RGB", (64, 64))):
        prompt = {"role": "user", "content": [{"type": "image", "image": picture}, text_part("?")]}
        assert (encode(processor, [prompt, turn_message("x")]).input_ids == processor.image_token_id).sum() == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_model_looks_first_at_what_is_alike(family: str, train_world: SimpleNamespace) -> None:
    """Before a step is trained: a token that was there before draws more attention than the others do."""
    config = train_world.tiny(family).model_copy(update={"hidden_size": 128})
    loaded = build_tiny(train_world.words, config, seed=0)
    loaded.model.set_attn_implementation("eager")
    ids = torch.randperm(len(loaded.processor.tokenizer) - 20, generator=torch.Generator().manual_seed(0))[:24] + 10
    ids = torch.cat([ids, ids])[None]  # 24 different tokens, then the same again
    with torch.inference_mode():
        (attention,) = loaded.model(input_ids=ids, output_attentions=True).attentions
    looks = attention[0].mean(0)[24:, :24]
    assert looks.diagonal().mean() > 3 * looks.mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_remembered_pictures_are_the_same_inputs_bit_for_bit(family: str, tiny: dict[str, Loaded], tmp_path: Path) -> None:
    save(tiny[family], tmp_path / "model")
    plain, mindful = load(tmp_path / "model").processor, load(tmp_path / "model").processor
    remember_pictures(mindful.image_processor)
    shown = [Image.fromarray(picture) for picture in pictures(3)]
    shown += [shown[0].resize((320, 180)), shown[0].convert("L"), shown[0].convert("HSV"), shown[1].convert("P"), shown[0]]
    for some in (shown, shown[::-1], shown[:1], [[shown[2], shown[1]]]):
        for tensors in ("pt", "np"):
            one, other = (each.image_processor(images=some, return_tensors=tensors) for each in (plain, mindful))
            assert one.keys() == other.keys()
            for name, value in one.items():
                assert type(value) is type(other[name]) and value.dtype == other[name].dtype
                assert np.array_equal(value, other[name]), name
    grey = Image.new("L", (64, 64), 3)
    palette = Image.new("P", (64, 64), 3)  # the same bytes: the fourth colour of a palette
    palette.putpalette(bytes(range(255, -1, -1)) * 3)
    for picture, settings in itertools.product((grey, palette), ({}, {"do_normalize": False}, {})):
        one, other = (each.image_processor(images=[picture], return_tensors="np", **settings) for each in (plain, mindful))
        assert np.array_equal(one["pixel_values"], other["pixel_values"])
    text = "<|vision_start|><|image_pad|><|vision_end|>Which team?"
    one, other = (each(text=[text], images=[shown[0]], return_tensors="pt") for each in (plain, mindful))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_only_so_many_pictures_are_remembered(
    tiny: dict[str, Loaded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tiny["qwen3_vl"], tmp_path / "model")
    images = load(tmp_path / "model").processor.image_processor
    kind, prepared = type(images), []
    preprocess = kind.preprocess

    def counted(self: object, given: list[Image.Image], **settings: object) -> object:
        prepared.append(given)
        return preprocess(self, given, **settings)

    monkeypatch.setattr(kind, "preprocess", counted)
    one, two, three = (Image.fromarray(picture) for picture in pictures(3))
    remember_pictures(images, limit_bytes=2 * preprocess(images, [one], return_tensors="np")["pixel_values"].nbytes)
    numbers = []
    for some in ([one, two], [two, one, one], [three], [two, three], [one], [three]):
        images(images=some, return_tensors="pt")
        numbers.append(len(prepared))
    assert numbers == [2, 2, 3, 4, 5, 5], "the third drives out the second, the second the first, and the first the second"


def test_remembering_pictures_changes_nothing_that_is_saved(tiny: dict[str, Loaded], tmp_path: Path) -> None:
    save(tiny["qwen3_vl"], tmp_path / "first")
    save(load(tmp_path / "first"), tmp_path / "plain")
    mindful = load(tmp_path / "first")
    remember_pictures(mindful.processor.image_processor)
    batch_of(mindful)  # something is remembered
    save(mindful, tmp_path / "mindful")
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("plain", "mindful")]
    assert files[0] == files[1]
    for name in files[0]:
        if name != "model.safetensors":
            assert (tmp_path / "mindful" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name
    back = load(tmp_path / "mindful")
    assert type(back.processor.image_processor) is type(load(tmp_path / "plain").processor.image_processor)
    assert torch.equal(logits_of(back), logits_of(tiny["qwen3_vl"]))


def test_what_never_varies_is_one_token_and_reads_back_as_it_was(train_world: SimpleNamespace) -> None:
    tokenizer = load(train_world.base()).processor.tokenizer
    call = render_call("20-40: not in view.", FrameWindow(idx_start=123, idx_end=143))
    text = f"Frame 57: <|vision_start|><|image_pad|><|vision_end|>{call}<|im_end|>"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    for phrase in PHRASES:
        assert tokenizer.encode(phrase) == [tokenizer.convert_tokens_to_ids(phrase)] and phrase in text
