"""Whisper weights in CTranslate2's layout, turned into the checkpoint that openai-whisper loads.

faster-whisper reads a directory with a ``model.bin`` (CTranslate2); openai-whisper reads one file holding ``dims`` and
``model_state_dict``. Both describe the same network, so one download serves both engines. `read_ct2` reads the binary,
`to_checkpoint` renames and splits its arrays, `openai_checkpoint` does both once and keeps the file in a cache. Nothing is
unpickled on the way, and the checkpoint holds tensors and ints only, so ``torch.load(weights_only=True)`` accepts it.

Layout of model.bin (little-endian): u32 version, string spec, u32 revision, u32 count, then per array a string name, u8 rank,
u32 sizes, u8 dtype, u32 num_bytes, bytes; last u32 count of aliases, each two strings. A string is u16 length (its closing NUL
counted) and bytes.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deepsport.errors import UserError
from deepsport.ids import sha256_file

Array = npt.NDArray[Any]

_VERSION = 6
_DTYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2", 5: "<u2"}
_BFLOAT16 = 5
_CHECKPOINT_FORMAT = 1
"""Part of the cached file's name: raise it when `to_checkpoint` gives something else for the same weights."""


class _Reader:
    """Takes values off the front of a buffer, and says which file was cut short when they run out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.buffer = memoryview(path.read_bytes())
        self.offset = 0

    def take(self, num_bytes: int) -> memoryview:
        """The next bytes. Raises: UserError when the file ends before them."""
        end = self.offset + num_bytes
        if end > len(self.buffer):
            raise UserError(f"{self.path}: ends at byte {len(self.buffer)}, {end} expected; fetch the weights again")
        taken = self.buffer[self.offset : end]
        self.offset = end
        return taken

    def number(self, code: str) -> int:
        """The next unsigned integer, ``code`` being B, H or I."""
        value: int = struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]
        return value

    def string(self) -> str:
        """The next string, without its closing NUL."""
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode("utf-8", errors="replace")


def read_ct2(path: Path) -> dict[str, Array]:
    """All arrays of a CTranslate2 Whisper ``model.bin``, by name; aliases share their array; bfloat16 comes as float32.

    Raises: UserError when the file is not a Whisper model, of another layout version, or cut short.
    """
    reader = _Reader(path)
    version = reader.number("I")
    if version != _VERSION:
        raise UserError(f"{path}: not a CTranslate2 model of layout {_VERSION} (begins with {version}); convert it with ct2 >= 3")
    spec = reader.string()
    if spec != "WhisperSpec":
        raise UserError(f"{path}: holds a {spec!r}, not a WhisperSpec; point to a Whisper model")
    reader.number("I")
    arrays: dict[str, Array] = {}
    for _ in range(reader.number("I")):
        name = reader.string()
        shape = tuple(reader.number("I") for _ in range(reader.number("B")))
        dtype = reader.number("B")
        raw = reader.take(reader.number("I"))
        if dtype not in _DTYPES:
            raise UserError(f"{path}: {name} has dtype {dtype}, which is none of {sorted(_DTYPES)}; convert the model as float16")
        array: Array = np.frombuffer(raw, dtype=_DTYPES[dtype])
        if dtype == _BFLOAT16:
            array = (array.astype(np.uint32) << 16).view(np.float32)
        if array.size != int(np.prod(shape)):
            raise UserError(f"{path}: {name} holds {array.size} numbers for the shape {shape}; fetch the weights again")
        arrays[name] = array.reshape(shape)
    for _ in range(reader.number("I")):
        alias = reader.string()
        arrays[alias] = arrays[reader.string()]
    return arrays


def _floats(arrays: dict[str, Array], name: str) -> Array:
    """A weight as float32; int8 and int16 are scaled back, by row or as a whole."""
    weight: Array = arrays[name].astype(np.float32)
    scale = arrays.get(name + "_scale")
    if scale is None:
        return weight
    rows = scale.astype(np.float32).reshape(-1, *[1] * (weight.ndim - 1))
    scaled: Array = weight / rows
    return scaled


def _attention(block: str, decoder: bool) -> dict[str, tuple[str, ...]]:
    """Which openai-whisper layers each fused CTranslate2 layer of a block splits into."""
    layers: dict[str, tuple[str, ...]] = {
        "self_attention/linear_0": (f"{block}.attn.query", f"{block}.attn.key", f"{block}.attn.value"),
        "self_attention/linear_1": (f"{block}.attn.out",),
        "ffn/linear_0": (f"{block}.mlp.0",),
        "ffn/linear_1": (f"{block}.mlp.2",),
    }
    if decoder:
        layers["attention/linear_0"] = (f"{block}.cross_attn.query",)
        layers["attention/linear_1"] = (f"{block}.cross_attn.key", f"{block}.cross_attn.value")
        layers["attention/linear_2"] = (f"{block}.cross_attn.out",)
    return layers


def to_checkpoint(arrays: dict[str, Array]) -> tuple[dict[str, int], dict[str, Array]]:
    """The dims and the float32 state of openai-whisper's ``Whisper`` module, from CTranslate2's arrays.

    CTranslate2 fuses query, key and value (in cross attention key and value) into one layer and gives the key a bias of zeros;
    openai-whisper has three layers and no bias on the key. Raises: UserError when an array is missing.
    """
    state: dict[str, Array] = {}
    layers_of: dict[str, int] = {}
    try:
        for conv in ("conv1", "conv2"):
            state[f"encoder.{conv}.weight"] = _floats(arrays, f"encoder/{conv}/weight")
            state[f"encoder.{conv}.bias"] = _floats(arrays, f"encoder/{conv}/bias")
        for side in ("encoder", "decoder"):
            indices = {name.split("/")[1] for name in arrays if name.startswith(f"{side}/layer_")} - {"layer_norm"}
            layers_of[side] = len(indices)
            norms = {f"{side}/layer_norm": "encoder.ln_post" if side == "encoder" else "decoder.ln"}
            for index in range(layers_of[side]):
                source, block = f"{side}/layer_{index}", f"{side}.blocks.{index}"
                norms[f"{source}/self_attention/layer_norm"] = f"{block}.attn_ln"
                norms[f"{source}/ffn/layer_norm"] = f"{block}.mlp_ln"
                if side == "decoder":
                    norms[f"{source}/attention/layer_norm"] = f"{block}.cross_attn_ln"
                for fused, targets in _attention(block, side == "decoder").items():
                    weights = np.split(_floats(arrays, f"{source}/{fused}/weight"), len(targets))
                    biases = np.split(_floats(arrays, f"{source}/{fused}/bias"), len(targets))
                    for target, weight, bias in zip(targets, weights, biases, strict=True):
                        state[f"{target}.weight"] = weight
                        if not target.endswith(".key"):
                            state[f"{target}.bias"] = bias
            for source, target in norms.items():
                state[f"{target}.weight"] = _floats(arrays, f"{source}/gamma")
                state[f"{target}.bias"] = _floats(arrays, f"{source}/beta")
            state[f"{side}.positional_embedding"] = _floats(arrays, f"{side}/position_encodings/encodings")
        state["decoder.token_embedding.weight"] = _floats(arrays, "decoder/embeddings/weight")
        heads = int(arrays["encoder/num_heads"]), int(arrays["decoder/num_heads"])
    except (KeyError, ValueError) as error:
        raise UserError(f"the CTranslate2 model lacks what Whisper needs ({error}); fetch the weights again") from error
    audio_ctx, audio_state = state["encoder.positional_embedding"].shape
    text_ctx, _ = state["decoder.positional_embedding"].shape
    vocab, text_state = state["decoder.token_embedding.weight"].shape
    dims = {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": audio_ctx,
        "n_audio_state": audio_state,
        "n_audio_head": heads[0],
        "n_audio_layer": layers_of["encoder"],
        "n_vocab": vocab,
        "n_text_ctx": text_ctx,
        "n_text_state": text_state,
        "n_text_head": heads[1],
        "n_text_layer": layers_of["decoder"],
    }
    return dims, state


def cache_folder() -> Path:
    """Where converted weights are kept: ``$XDG_CACHE_HOME/deepsport/whisper``, by default under ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deepsport" / "whisper"


def openai_checkpoint(model_dir: Path, cache_dir: Path | None = None) -> Path:
    """The openai-whisper checkpoint (float32) of a CTranslate2 directory, converted on first use and then taken from the cache.

    The file's name is the sha256 of ``model.bin``, so other weights never meet an old conversion.
    Raises: UserError when the directory holds no usable ``model.bin``.
    """
    import torch

    source = model_dir / "model.bin"
    if not source.is_file():
        raise UserError(f"{model_dir}: holds no model.bin; point to a CTranslate2 Whisper directory or a .pt checkpoint")
    folder = cache_dir or cache_folder()
    target = folder / f"{sha256_file(source)[:32]}-v{_CHECKPOINT_FORMAT}.pt"
    if target.is_file():
        return target
    dims, state = to_checkpoint(read_ct2(source))
    checkpoint = {"dims": dims, "model_state_dict": {name: torch.tensor(array) for name, array in state.items()}}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
        try:
            torch.save(checkpoint, file)
            file.close()
            Path(file.name).replace(target)
        finally:
            Path(file.name).unlink(missing_ok=True)
    return target


def set_alignment_heads(model: Any, model_dir: Path) -> None:
    """Tell an openai-whisper model which attention heads follow the sound, from the ``config.json`` of its CTranslate2 folder.

    Words are timed by these heads (pairs of layer and head); without the file openai-whisper takes all of the later half.
    """
    import torch

    try:
        pairs = json.loads((model_dir / "config.json").read_text("utf-8"))["alignment_heads"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
    for layer, head in pairs:
        mask[layer, head] = True
    model.register_buffer("alignment_heads", mask.to(model.device).to_sparse(), persistent=False)


@contextmanager
def torch_threads(num_threads: int) -> Iterator[None]:
    """Let torch use num_threads on the CPU inside the block; more threads than idle cores spin and cost far more CPU."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
