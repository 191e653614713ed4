"""The report opens offline, shows the figures, escapes what came from outside, and its JSON keys are documented."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepsport.records import Evaluation, Lesson, Question, Trajectory, Turn
from deepsport.taxonomy import (
    DIMENSION_OF,
    KIND_OF,
    Band,
    DropReason,
    FailureClass,
    Split,
    Sport,
    StopReason,
    Task,
)
from deepsport.timebase import FrameWindow
from export.charts import funnel_chart, line_chart, nice_ticks
from export.figures import (
    BandCount,
    BlindFigure,
    Chart,
    DropFigure,
    FunnelStep,
    Line,
    ReportData,
    ShardSet,
    StageFigure,
    TruthFigures,
    key_table,
    make_headline,
    score_model,
    wilson_interval,
)
from export.report import make_episode_strip, render_html, render_json, sheet_picture, write_report

NASTY = "<script>alert(1)</script>\" onload='x' & {{ 7*7 }}"


def evaluation(
    index: int,
    *,
    split: Split = Split.TEST,
    task: Task = Task.COUNTING,
    band: Band = Band.LOOK,
    accuracy: float = 1.0,
    tool: bool = True,
) -> Evaluation:
    return Evaluation(
        evaluation_id=f"e{index}",
        checkpoint="c",
        question_id=f"q{index}",
        sport=Sport.VOLLEYBALL if split is Split.TRANSFER else Sport.SOCCER,
        task=task,
        split=split,
        band=band,
        answer="2",
        accuracy=accuracy,
        used_tool=tool,
        num_frames=12 if tool else 8,
        evidence_seen=tool,
        failure=None if accuracy == 1 else FailureClass.PERCEPTION if tool else FailureClass.GROUNDING,
    )


def evaluations(right: float, look: float, glance: float, seed: int = 0) -> list[Evaluation]:
    rng = random.Random(seed)
    rows = []
    for index in range(210):
        band = Band.LOOK if index % 2 else Band.GLANCE
        rows.append(
            evaluation(
                index,
                split=Split.TRANSFER if index >= 140 else Split.TEST,
                task=list(Task)[index % 7],
                band=band,
                accuracy=float(rng.random() < right),
                tool=rng.random() < (look if band is Band.LOOK else glance),
            )
        )
    return rows


def question(text: str = "In frames 48-76, which event happens?") -> Question:
    task = Task.EVENT_RECOGNITION
    return Question(
        question_id="q",
        clip_id="c",
        broadcast_id="b",
        sport=Sport.SOCCER,
        task=task,
        dimension=DIMENSION_OF[task],
        text=text,
        answer_kind=KIND_OF[task],
        options=("goal", "corner kick", "foul", "offside"),
        answers=("corner kick",),
        evidence=FrameWindow(idx_start=52, idx_end=66),
        event_ids=("e",),
        template_id="t",
    )


def lesson() -> Lesson:
    return Lesson(
        lesson_id="l",
        question_id="q",
        broadcast_id="b",
        sport=Sport.SOCCER,
        task=Task.EVENT_RECOGNITION,
        split=Split.TEST,
        band=Band.LOOK,
        initial_pass_rate=0.25,
        evidence_pass_rate=1.0,
        rank=0,
    )


def picture_of(index: int) -> np.ndarray:
    frame = np.zeros((36, 64, 3), np.uint8)
    frame[...] = (30, 90 + index % 90, 50)
    frame[8:28, (index % 44) : (index % 44) + 12] = (220, 60, 40) if 52 <= index <= 66 else (235, 235, 225)
    return frame


def episode(thought: str = "The picture between frames 42 and 63 matters; it is not among those I have.") -> Trajectory:
    call = '<tool_call>{"name": "frame_extraction_tool", "arguments": {"idx_start": 48, "idx_end": 76}}</tool_call>'
    return Trajectory(
        trajectory_id="t",
        question_id="q",
        clip_id="c",
        policy="p",
        initial_frames=(0, 21, 42, 63, 84, 105, 126, 147),
        turns=(
            Turn(
                text=f"<think>{thought}</think>{call}",
                window=FrameWindow(idx_start=48, idx_end=76),
                frame_indices=(48, 52, 56, 60, 64, 68, 72, 76),
            ),
            Turn(text="<think>Frame 56: a flag and a ball at the corner.</think><answer>corner kick</answer>"),
        ),
        stop=StopReason.ANSWERED,
        answer="corner kick",
        accuracy=1,
    )


def report(text: str = "In frames 48-76, which event happens?", thought: str = "Not among those I have.") -> ReportData:
    models = [
        *score_model("base model", evaluations(0.3, 0, 0, 1)),
        *score_model("SFT", evaluations(0.66, 0.6, 0.55, 2)),
        *score_model("SFT, longer", evaluations(0.72, 0.6, 0.6, 3)),
        *score_model("SFT + GRPO", evaluations(0.95, 0.98, 0.03, 4)),
    ]
    rng = random.Random(3)
    steps = range(0, 300, 5)

    def curve(label: str, low: float, high: float) -> Line:
        return Line(
            label=label,
            points=tuple((float(s), min(1, max(0, low + (high - low) * s / 300 + rng.gauss(0, 0.03)))) for s in steps),
        )

    indices = [0, 21, 42, 63, 84, 105, 126, 147, 48, 52, 56, 60, 64, 68, 72, 76]
    frames = np.stack([picture_of(i) for i in indices])
    return ReportData(
        title="DeepSport demo",
        deepsport_version="0.1.0",
        recipe="tiny",
        recipe_hash="0123456789abcdef",
        seed=0,
        made_at="2026-01-01T00:00:00Z",
        workspace="/tmp/workspace",
        headline=make_headline(models, "SFT", "SFT + GRPO"),
        models=tuple(models),
        curves=(
            Chart(title="GRPO reward", x_label="step", lines=(curve("reward", 0.5, 0.95),)),
            Chart(
                title="Tool use",
                x_label="step",
                share=True,
                lines=(curve("glance is enough", 0.6, 0.03), curve("a look is needed", 0.55, 0.98)),
            ),
            Chart(title="SFT loss", x_label="step", lines=(curve("loss", 0.9, 0.1),)),
            Chart(title="Accuracy", x_label="step", share=True, lines=(curve("train", 0.6, 0.95),)),
        ),
        funnel=(
            FunnelStep(label="broadcasts", count=30),
            FunnelStep(label="clips", count=310),
            FunnelStep(label="questions", count=2010),
            FunnelStep(label="not blind-solvable", count=1830),
            FunnelStep(label="lessons", count=1702),
        ),
        bands=tuple(
            BandCount(split=split, band=band, num_lessons=n)
            for split, counts in ((Split.TRAIN, (700, 510, 40)), (Split.TEST, (150, 140, 9)), (Split.TRANSFER, (60, 80, 22)))
            for band, n in zip(Band, counts, strict=True)
        ),
        drops=(
            DropFigure(step="ingest", reason=DropReason.UNREADABLE_MEDIA, num_drops=1),
            DropFigure(step="filter_blind", reason=DropReason.BLIND_SOLVABLE, num_drops=180),
        ),
        blind=tuple(BlindFigure(task=task, num_questions=200, accuracy=0.27, chance=0.25) for task in Task),
        truth=TruthFigures(
            num_broadcasts=30,
            num_cuts=412,
            shot_precision=1.0,
            shot_recall=0.993,
            shot_f1=0.996,
            num_words=2311,
            word_error_rate=0.081,
        ),
        shards=(ShardSet(name="sft", num_samples=512, size_bytes=31_000_000, licences={"CC0-1.0": 512}),),
        stages=tuple(
            StageFigure(stage=s, wall_s=30, cpu_s=42.3, num_units=30, num_records=1200, num_drops=3)
            for s in ("ingest", "annotate")
        ),
        cpu_s=644.0,
        peak_memory_bytes=1_900_000_000,
        episodes=(make_episode_strip("SFT + GRPO", lesson(), question(text), episode(thought), indices, frames),),
        contact_sheet=tuple(sheet_picture(f"soccer {i}", picture_of(i)) for i in range(0, 60, 6)),
    )


def test_the_page_asks_no_other_host_and_runs_no_script(parse: Callable[[str], Any]) -> None:
    page = parse(render_html(report()))
    assert "script" not in page.tags and "link" not in page.tags
    links = [value for name, value in page.attributes if name in {"src", "href", "srcset", "action"}]
    assert links and all(link.startswith("data:image/jpeg;base64,") for link in links)
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_text_from_outside_is_escaped(parse: Callable[[str], Any]) -> None:
    plain, nasty = parse(render_html(report())), parse(render_html(report(text=NASTY, thought=NASTY)))
    assert plain.tags == nasty.tags
    text = render_html(report(text=NASTY))
    assert "&lt;script&gt;alert(1)" in text and "{{ 7*7 }}" in text


def test_chart_labels_are_escaped(parse: Callable[[str], Any]) -> None:
    chart = Chart(title=NASTY, x_label=NASTY, lines=(Line(label=NASTY, points=((0, 0), (1, 1))),))
    assert parse(line_chart(chart)).tags.count("script") == 0
    assert "script" not in parse(funnel_chart([FunnelStep(label=NASTY, count=3)])).tags


def test_every_json_key_is_documented_and_every_documented_key_exists() -> None:
    docs = (Path(__file__).parents[1] / "docs" / "report.md").read_text(encoding="utf-8")
    assert key_table() in docs
    assert all(meaning for _, meaning in re.findall(r"\| `([^`]+)` \| (.*) \|", key_table()))
    documented = set(re.findall(r"^\| `([^`]+)` \|", docs, re.MULTILINE))
    found: set[str] = set()

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                here = f"{path}.{key}".lstrip(".")
                repeated = isinstance(inner, list) and (not inner or not isinstance(inner[0], str))
                here += "[]" if repeated or here in {"episodes[].options", "episodes[].gold"} else ""
                found.add(here)
                if here != "shards[].licences":
                    walk(inner, here)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    walk(inner, path)

    walk(json.loads(render_json(report())), "")
    assert {key.removesuffix("[]") for key in found} == {key.removesuffix("[]") for key in documented}


def test_pictures_stay_out_of_the_json() -> None:
    assert "jpeg" not in render_json(report())


def test_page_and_json_are_written_under_their_names_only(tmp_path: Path) -> None:
    write_report(report(), tmp_path / "reports" / "demo.html", tmp_path / "reports" / "demo.json")
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["demo.html", "demo.json"]
    assert json.loads((tmp_path / "reports" / "demo.json").read_text())["headline"]["gain_points"] > 15


def test_a_run_that_finds_all_done_leaves_the_report_with_what_making_it_took(tmp_path: Path) -> None:
    page, figures = tmp_path / "demo.html", tmp_path / "demo.json"
    first = report()
    assert first.cpu_s and first.stages
    assert write_report(first, page, figures)
    before = (page.read_bytes(), figures.read_bytes())
    again = first.model_copy(update={"made_at": "2031-01-01T00:00:00+00:00", "cpu_s": 1.5, "stages": (), "peak_memory_bytes": 7})
    assert not write_report(again, page, figures)
    assert (page.read_bytes(), figures.read_bytes()) == before
    page.unlink()
    assert write_report(again, page, figures), "half of a report is none"
    assert json.loads(figures.read_text())["cpu_s"] == 1.5
    figures.write_text("{")
    assert write_report(first, page, figures)
    assert write_report(first.model_copy(update={"models": first.models[:2]}), page, figures), "it says something else"
    assert len(json.loads(figures.read_text())["models"]) == 2


def test_an_empty_report_still_opens(parse: Callable[[str], Any]) -> None:
    empty = report().model_copy(
        update=dict.fromkeys(("models", "curves", "funnel", "bands", "drops", "blind", "shards", "stages", "episodes"), ())
        | {"headline": None, "truth": None, "cpu_s": None, "contact_sheet": ()}
    )
    parse(render_html(empty))


def test_scores_by_band_count_tool_use_and_failures() -> None:
    rows = [
        evaluation(0, band=Band.GLANCE, tool=False),
        evaluation(1, band=Band.GLANCE, tool=True),
        evaluation(2, band=Band.LOOK, tool=True, accuracy=0.0),
        evaluation(3, band=Band.LOOK, tool=False, accuracy=0.0, task=Task.TACTIC),
    ]
    (score,) = score_model("m", rows)
    assert (score.accuracy, score.accuracy_glance, score.accuracy_look) == (0.5, 1.0, 0.0)
    assert (score.tool_rate_glance, score.tool_rate_look) == (0.5, 0.5)
    assert score.mean_frames == 10.0
    assert {count.failure: count.num_questions for count in score.failures} == {
        FailureClass.GROUNDING: 1,
        FailureClass.PERCEPTION: 1,
        FailureClass.FORMAT: 0,
    }
    assert [(t.task, t.accuracy) for t in score.tasks] == [(Task.COUNTING, pytest.approx(2 / 3)), (Task.TACTIC, 0.0)]


def test_headline_needs_both_models() -> None:
    models = score_model("SFT", evaluations(0.5, 0.5, 0.5))
    assert make_headline(models, "SFT", "SFT + GRPO") is None


@pytest.mark.parametrize(("right", "count"), [(0, 5), (37, 128), (128, 128)])
def test_wilsons_bounds_lie_z_standard_errors_of_their_own_away(right: int, count: int) -> None:
    """What defines the interval (Wilson 1927): at a bound p, |share - p| = z sqrt(p (1 - p) / n), z the 97.5 % point."""
    share = right / count
    low, high = wilson_interval(share, count)
    assert 0 <= low <= share <= high + 1e-9 and high <= 1 and high - low > 0.02
    for bound in (low, high):
        assert abs(share - bound) == pytest.approx(1.959964 * (bound * (1 - bound) / count) ** 0.5, abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 17.0), (0.001, 0.0017), (5.0, 5.0), (0.0, 123456.0)])
def test_ticks_cover_the_range(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low and ticks[-1] >= high and 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))


def test_a_point_that_is_not_finite_is_left_out() -> None:
    chart = Chart(title="t", x_label="s", lines=(Line(label="a", points=((0, 1), (1, float("nan")), (2, 3))),))
    assert "nan" not in line_chart(chart)
    assert "No points" in line_chart(Chart(title="t", x_label="s", lines=(Line(label="a", points=()),)))
