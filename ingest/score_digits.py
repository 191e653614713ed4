"""Reads the digits of a score bug, by PP-OCR's recogniser in the package rapidocr (extra ``ocr``), whose weights it brings along.

Only the recogniser runs, on lines that ingest/scoreboard.py cuts out where the score changes: nothing looks for text in pictures,
which is what is dear (a hundred times).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from deepsport.errors import UserError
from ingest.scoreboard import Gray, Reader

Digits = Literal["installed", "always", "never"]


def reader_for(digits: Digits) -> Reader | None:
    """The reader that a setting asks for; None for ``never``, and for ``installed`` where rapidocr is not.

    Raises: UserError for ``always`` where rapidocr is not installed.
    """
    if digits == "never":
        return None
    if find_spec("rapidocr") is not None:
        return _load_reader()
    if digits == "always":
        raise UserError("align.digits is 'always' but rapidocr is not installed; pip install 'deepsport[ocr]', or set it 'never'")
    return None


@lru_cache(maxsize=1)
def _load_reader() -> Reader:
    from rapidocr import RapidOCR

    one_thread = {f"EngineConfig.onnxruntime.{name}_op_num_threads": 1 for name in ("intra", "inter")}
    recogniser: Any = RapidOCR(params={"Global.log_level": "error", **one_thread})

    def read(line: Gray) -> str:
        found = recogniser(np.repeat(line[:, :, None], 3, axis=2), use_det=False, use_cls=False)
        return " ".join(found.txts or ())

    return read
