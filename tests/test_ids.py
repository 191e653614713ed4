"""Ids are a function of what they are made from, and of nothing else."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsport.ids import digest, make_id, sha256_file, unit_id
from deepsport.records import Made
from deepsport.timebase import Span

PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda p: st.lists(p, max_size=3), max_leaves=6
)


@given(st.lists(PARTS, max_size=4), st.lists(PARTS, max_size=4))
def test_different_parts_give_different_digests(a: list[object], b: list[object]) -> None:
    # repr tells True from 1 as JSON does
    assert (digest(*a) == digest(*b)) == (repr(a) == repr(b))


def test_digest_does_not_depend_on_the_process() -> None:
    code = "from deepsport.ids import digest; print(digest('clip', {'b': 1, 'a': 'ü'}, 0.1))"
    outs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert outs == {digest("clip", {"a": "ü", "b": 1}, 0.1) + "\n"}


def test_digest_is_the_sha256_of_canonical_json() -> None:
    assert digest("a", 1) == hashlib.sha256(b'["a",1]').hexdigest()[:16]


def test_models_count_by_their_values() -> None:
    assert digest(Span(start_s=1, end_s=2)) == digest(Span(start_s=1.0, end_s=2.0)) == digest({"start_s": 1.0, "end_s": 2.0})
    assert digest(Made(step="a", inputs=("x",))) != digest(Made(step="a", inputs=("y",)))


def test_models_count_wherever_they_stand() -> None:
    span = Span(start_s=1, end_s=2)
    assert digest([span]) == digest([{"start_s": 1.0, "end_s": 2.0}])
    assert digest({"span": span, "more": (span,)}) == digest({"span": span.model_dump(), "more": [span.model_dump()]})


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be made from a set"):
        digest({"a"})


def test_ids_say_what_they_name() -> None:
    assert make_id("clip", "b", 3).startswith("clip-") and len(make_id("clip", "b", 3)) == len("clip-") + 16


def test_unit_id_does_not_depend_on_the_order_of_inputs() -> None:
    assert unit_id("ingest", "h", ["b", "a"]) == unit_id("ingest", "h", iter(("a", "b")))
    assert (
        len({unit_id("ingest", "h", ["a"]), unit_id("ingest", "g", ["a"]), unit_id("ask", "h", ["a"]), unit_id("ask", "h", [])})
        == 4
    )


def test_sha256_of_a_file_longer_than_a_block(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"x" * ((1 << 20) + 17))
    assert sha256_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()
