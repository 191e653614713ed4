"""The pages say what the code does: commands exist, links lead somewhere, generated tables are those of the code."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cyclopts.exceptions import CycloptsError, MissingArgumentError

from deepsport.records import TABLES, Evaluation
from deepsport.taxonomy import Band, FailureClass, Split, Sport, Task
from export.figures import ModelScore, score_model
from flows.cli import app
from flows.recipe import load_recipe

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def script(path: str) -> ModuleType:
    """A script of the repository as a module; it is no part of a package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem.strip("_"), ROOT / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> Iterator[Any]:
    """Every command in a code block of a page, and every `command` in its running text."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for _, block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"`((?:deepsport|make|python) [^`]+)`", FENCED.sub("", text))
        for line in dict.fromkeys(line.removeprefix("$ ").strip() for line in lines):
            if line.split(" ")[0] in ("deepsport", "make", "python"):
                yield pytest.param(line, id=f"{page.relative_to(ROOT).as_posix()}: {line}")


def test_the_readme_shows_the_commands_that_matter() -> None:
    shown = {param.values[0].split("  ")[0] for param in commands() if param.id.startswith("README.md")}
    assert {"make demo", "make test", "deepsport status"} <= shown


@pytest.mark.parametrize("line", list(commands()))
def test_commands_in_the_pages_exist(line: str) -> None:
    program, *words = shlex.split(line, comments=True)
    if program == "deepsport":
        try:
            _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        except MissingArgumentError:
            assert words[0] in app and not words[1:], "only a bare mention may leave out what the command needs"
            return
        except CycloptsError as error:
            pytest.fail(str(error))
        given = bound.arguments.get("common")
        for override in getattr(given, "set", ()):
            load_recipe("tiny", [override])
    elif program == "make":
        done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
    elif words[0] == "-m":
        assert importlib.util.find_spec(words[1]) or (ROOT / words[1].replace(".", "/")).with_suffix(".py").is_file()
    elif words[0] == "-c":
        compile(words[1], line, "exec")
    else:
        assert (ROOT / words[0]).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_named_in_the_pages_exist(page: Path) -> None:
    folders = "deepsport|ingest|annotate|curriculum|export|train|flows|recipes|benchmarks|docs"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs").glob("*.png"):
        assert picture.stat().st_size < 300_000, picture


def test_the_page_of_tables_is_that_of_the_records() -> None:
    made = script("docs/make_records.py").records_page()
    assert (ROOT / "docs" / "records.md").read_text(encoding="utf-8") == made, "run python docs/make_records.py > docs/records.md"


def test_the_page_of_feeds_is_that_of_the_code() -> None:
    made = script("docs/make_feeds.py").feeds_page()
    assert (ROOT / "docs" / "feeds.md").read_text(encoding="utf-8") == made, "run python docs/make_feeds.py > docs/feeds.md"


def test_every_table_and_column_is_on_the_page() -> None:
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    for record_type, table in TABLES.items():
        section = page.split(f"## {table}: {record_type.__name__}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(record_type.model_fields)


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"], ["train", "--help"]], ids=" ".join)
def test_help_loads_neither_torch_nor_prefect(words: list[str]) -> None:
    heavy = ("torch", "transformers", "trl", "prefect", "faster_whisper", "cv2", "av", "duckdb", "pyarrow")
    code = (
        "import sys\nfrom flows.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"print(*[name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    assert "Usage: deepsport" in done.stdout and done.stderr.split() == []


def test_the_large_recipe_has_the_papers_values() -> None:
    recipe = load_recipe("qwen2.5-vl-7b")
    assert recipe.base.checkpoint == "Qwen/Qwen2.5-VL-7B-Instruct" and recipe.base.frame_size == (640, 360)
    assert recipe.base.instructions and recipe.episode.initial_frames == 8
    grpo = recipe.train.grpo
    assert (grpo.num_steps, grpo.prompts_per_step, grpo.num_generations) == (300, 32, 8)
    assert (grpo.max_completion_tokens, grpo.reward) == (12_800, "adaptive") and grpo.beta > 0
    # One epoch over the trajectories of v2.
    assert 0 <= recipe.train.sft.num_steps * recipe.train.sft.batch_size - 14_599 < recipe.train.sft.batch_size


def test_the_readmes_table_is_made_from_the_figures_of_a_run(tmp_path: Path) -> None:
    table = script("benchmarks/readme_table.py")
    figures: dict[str, Any] = {"recipe": "tiny", "recipe_hash": "0123", "seed": 3, "deepsport_version": "0.1.0"}
    figures |= {"cpu_s": 600.0, "peak_memory_bytes": 2e9}
    figures["models"] = [
        score.model_dump(mode="json")
        for name, right in (("SFT", 2), ("SFT + GRPO", 3))
        for split in (Split.TEST, Split.TRANSFER)
        for score in measured(name, split, right)
    ]
    lines = table.result_block(figures).splitlines()
    assert lines[0] == "| | SFT | **SFT + GRPO** |"
    assert lines[2] == "| held-out broadcasts, 4 questions | 50.0 % | **75.0 %** |"
    assert "| tool use where a look is needed | 100.0 % | **100.0 %** |" in lines
    assert "| wrong answers: grounding | 2 | **1** |" in lines
    assert lines[-3] == "| a sport never trained on, 4 questions | 50.0 % | **75.0 %** |"
    assert "seed 3" in lines[-1] and "10.0 CPU minutes, 2.0 GB" in lines[-1]


def measured(name: str, split: Split, num_right: int) -> list[ModelScore]:
    """The scores of a model with so many right answers of four, the wrong ones for want of looking."""
    return score_model(
        name,
        [
            Evaluation(
                evaluation_id=f"evaluation-{i}",
                checkpoint=name,
                question_id=f"question-{i}",
                sport=Sport.SOCCER,
                task=Task.COUNTING,
                split=split,
                band=Band.LOOK,
                answer="2",
                accuracy=float(i < num_right),
                used_tool=True,
                num_frames=16,
                evidence_seen=i < num_right,
                failure=None if i < num_right else FailureClass.GROUNDING,
            )
            for i in range(4)
        ],
    )


def test_the_readme_holds_the_markers_of_its_table_once() -> None:
    table = script("benchmarks/readme_table.py")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{table.BEGIN}\nnew\n{table.END}" in table.with_block(readme, "new")
    with pytest.raises(ValueError, match="once each"):
        table.with_block("no markers", "new")


def test_all_benchmarks_are_found_and_explained() -> None:
    runner = script("benchmarks/__main__.py")
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert set(runner.FIGURES) <= set(runner.names())
    for name in runner.names():
        assert f"| `{name}` |" in page, f"benchmarks/README.md says nothing of {name}"
        assert '"--json"' in (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8"), f"{name} prints no JSON"


def test_a_benchmark_that_cannot_run_is_skipped_and_one_that_fails_fails() -> None:
    judge = script("benchmarks/__main__.py").judge
    missing = judge("x", 1.0, 1, "", "Traceback\nModuleNotFoundError: No module named 'jiwer'")
    assert missing.skipped == "No module named 'jiwer'" and not missing.failed
    assert judge("x", 1.0, 1, "", "Traceback\nValueError: wrong").failed == "ValueError: wrong"
    assert judge("x", 1.0, 0, '{"skipped": "no film"}', "").skipped == "no film"
    assert judge("x", 1.0, 0, "no JSON", "").failed


def test_figures_are_found_in_what_benchmarks_print() -> None:
    runner = script("benchmarks/__main__.py")
    heard = [{"sound": "commentary", "recogniser": name, "wer": wer, "cpu_over_plain": ratio}
             for name, wer, ratio in (("ours", 0.08, 0.5), ("plain", 0.1, 1.0))]
    found = {figure.path: value for figure, value in runner.rows_of("speech", heard)}
    assert (found["commentary ours/wer"], found["commentary plain/wer"]) == ("0.08", "0.1")
    assert (found["commentary ours/cpu_over_plain"], found["uneven crowd ours/num_utterances"]) == ("0.5", "missing")
    assert [value for _, value in runner.rows_of("new", {"rounds": 5, "ours_over_theirs": 12.345})] == ["12.3"]
    assert [value for _, value in runner.rows_of("ingest", {"one_pass_to_separate": 0.5})][:2] == ["missing", "0.5"]


def test_the_ci_script_is_sound_bash_and_names_no_host() -> None:
    path = ROOT / ".ci" / "run"
    text = path.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text and path.stat().st_mode & 0o111
    assert "://" not in text and "index-url" not in text
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=600)
    targets = re.findall(r"^\s*step [\w-]+ make ([\w-]+)", text, re.MULTILINE)
    assert targets[:2] == ["check", "test"]
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True, timeout=600)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a minute of CPU, but the machine may be busy
def test_the_walk_happens_as_it_is_told(tmp_path: Path) -> None:
    walk = script("docs/make_walk.py")
    page = walk.PAGE.read_text(encoding="utf-8")
    assert walk.comparable(walk.filled(page, tmp_path)) == walk.comparable(page), "run python docs/make_walk.py"
