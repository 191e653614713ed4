"""The whole thread by one command, with a model that hardly learns: every stage runs, reports, and runs only once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HASTY = """
name = "hasty"
[simulate]
broadcasts = { soccer = 2, tennis = 2, volleyball = 1 }
duration_s = 13.0
[ingest]
transcription = false
[annotate.templates]
tasks = ["event_recognition", "counting", "localisation"]
[base.perception]
num_broadcasts = 3
plays_per_broadcast = 2
[base.pretrain.words]
num_steps = 3
batch_size = 2
[base.pretrain.training]
num_steps = 3
batch_size = 2
[curriculum]
num_rollouts = 1
temperature = 0.0
[curriculum.schedule]
keep_unsolved = true
[export]
clip_width = 96
clip_height = 54
[train]
max_new_tokens = 8
[train.sft]
num_steps = 2
batch_size = 2
[train.grpo]
num_steps = 1
prompts_per_step = 2
num_generations = 2
max_completion_tokens = 16
"""


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows", "demo", "--recipe", "hasty.toml", "--workspace", "w"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500, check=False)


@pytest.mark.timeout(3200)
def test_the_demo_ends_with_a_table_and_a_second_one_finds_all_done(tmp_path: Path) -> None:
    (tmp_path / "hasty.toml").write_text(HASTY)
    first = demo(tmp_path)
    assert first.returncode == 0, first.stderr[-3000:]
    for words in ("Held-out broadcasts", "A sport never trained on", "SFT + GRPO", "tool use", "report", "CPU minutes"):
        assert words in first.stdout, words
    figures = json.loads((tmp_path / "w" / "reports" / "demo.json").read_text())
    assert {model["name"] for model in figures["models"]} == {"base model", "SFT", "SFT + GRPO"}
    assert {model["split"] for model in figures["models"]} == {"test", "transfer"}
    assert figures["headline"]["num_questions"] == figures["models"][0]["num_questions"] > 0
    assert [stage["stage"] for stage in figures["stages"]][:3] == ["simulate", "ingest", "annotate"]
    assert [line["label"] for chart in figures["curves"] for line in chart["lines"]]
    assert figures["truth"]["num_cuts"] > 5
    page = (tmp_path / "w" / "reports" / "demo.html").read_text()
    assert page.count("data:image/jpeg;base64,") > 10

    def made() -> dict[Path, int]:
        # What is remembered of files leaves out those that were written moments before they were read: they may change unseen.
        files = (path for path in (tmp_path / "w").rglob("*") if ".locks" not in path.parts and path.name != "hashes.json")
        return {path: path.stat().st_mtime_ns for path in files if path.is_file()}

    before = made()
    second = demo(tmp_path)
    assert second.returncode == 0, second.stderr[-3000:]
    assert made() == before, "nothing is written again, the report included"
    assert second.stderr.count("nothing new") == len(figures["stages"]) - 1, "of all stages but the making of broadcasts"
