"""The stages over a workspace: each does what is new, quarantines what is bad, and never does anything twice."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from rich.console import Console
from werkzeug import Request, Response

from annotate.distill import TEACHER_NAME
from deepsport.agent.policies import ScriptedPolicy
from deepsport.agent.protocol import Conversation, question_prompt, render_answer
from deepsport.catalog import Catalog
from deepsport.errors import UserError
from deepsport.records import Broadcast, Clip, Completion, Drop, Event, Lesson, PassRate, Question, Review, Trajectory
from deepsport.settings import Settings
from deepsport.taxonomy import Band, DropReason, Split, Sport, Task, Verdict
from deepsport.timebase import FrameWindow
from export.shards import ShardReader
from flows.cli import main
from flows.learning import run_train
from flows.lessons import SETS, BaseModel, manifest_of, run_curriculum, run_export
from flows.questions import passed_questions, run_annotate
from flows.recipe import Recipe, load_recipe
from flows.running import run_stage
from flows.session import Session
from flows.simulation import make_broadcasts
from flows.stage import StageFailed, StageResult
from flows.stages import current_units, run_ingest
from flows.status import show_status
from flows.workspace import Workspace, open_workspace

SMALL = """
name = "small"
[ingest]
transcription = false
[curriculum]
num_rollouts = 1
[curriculum.schedule]
keep_unsolved = false
[export]
clip_width = 96
clip_height = 54
"""


@pytest.fixture(scope="module")
def recipe_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def recipe(recipe_path: Path) -> Recipe:
    return load_recipe(str(recipe_path))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    """Four broadcasts of a few plays each, and their manifest."""
    out = tmp_path_factory.mktemp("films")
    counts = {Sport.SOCCER: 2, Sport.TENNIS: 1, Sport.VOLLEYBALL: 1}
    return make_broadcasts(out, counts, 13.0, 0, recipe.simulate.simulator.model_copy(update={"commentary": False}))


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, films: Path) -> Workspace:
    """A workspace with the four broadcasts ingested and annotated; tests copy it before they change it."""
    workspace = open_workspace(tmp_path_factory.mktemp("workspace"))
    assert run_ingest(workspace, recipe, [films]).exit_code == 0
    run_annotate(workspace, recipe, Settings())
    return workspace


@pytest.fixture
def workspace(ingested: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(ingested.root, tmp_path / "copy")
    return open_workspace(tmp_path / "copy")


def everything(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and bytes, but for locks and what is remembered of sources."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".locks" not in path.parts and path.name != "hashes.json"
    }


def oracle(questions: Sequence[Question]) -> BaseModel:
    """A model that answers rightly whenever it is shown a frame of the evidence, and never otherwise."""
    asked = {question_prompt(question, 0): question for question in questions}

    def say(conversation: Conversation) -> str:
        parts = [part["text"] for part in conversation[0]["content"] if part["type"] == "text"]
        question = asked[parts[-1].strip()]
        shown = [int(part.removeprefix("Frame ").removesuffix(": ")) for part in parts[:-1]]
        seen = any(question.evidence.contains(frame) for frame in shown)
        return render_answer("Looking.", question.answers[0].replace(";", ", ") if seen else "not visible")

    return BaseModel(ScriptedPolicy("oracle", say), (64, 36))


# ---------------------------------------------------------------------------------------------------------- whole thread


def test_ingest_gives_clips_with_one_event_each(ingested: Workspace) -> None:
    catalog = ingested.catalog
    assert Counter(b.sport for b in catalog.read(Broadcast)) == {Sport.SOCCER: 2, Sport.TENNIS: 1, Sport.VOLLEYBALL: 1}
    assert all(broadcast.simulated and broadcast.licence == "Apache-2.0" for broadcast in catalog.read(Broadcast))
    assert len(catalog.read(Clip)) == len(catalog.read(Event)) >= 8


def test_every_question_is_asked_and_played(ingested: Workspace, recipe: Recipe) -> None:
    asked = passed_questions(ingested, recipe)
    trajectories = ingested.catalog.read(Trajectory, asked.units)
    assert len(asked.questions) > 40
    assert {trajectory.policy for trajectory in trajectories} == {TEACHER_NAME}
    assert len(trajectories) > 0.9 * len(asked.questions)


def test_a_second_run_of_everything_writes_nothing(workspace: Workspace, recipe: Recipe, films: Path) -> None:
    def run() -> list[StageResult]:
        results = [run_ingest(workspace, recipe, [films]), run_annotate(workspace, recipe, Settings())]
        base = oracle(passed_questions(workspace, recipe).questions)
        return [*results, run_curriculum(workspace, recipe, base), run_export(workspace, recipe, "oracle")]

    run()
    before = everything(workspace.root)
    second = run()
    assert [result.num_new for result in second] == [0, 0, 0, 0]
    assert [result.num_items > 0 and result.num_records > 0 for result in second] == [True] * 4
    assert everything(workspace.root) == before


def test_lessons_are_banded_by_what_the_base_model_could_see(workspace: Workspace, recipe: Recipe) -> None:
    asked = passed_questions(workspace, recipe)
    run_curriculum(workspace, recipe, oracle(asked.questions))
    catalog = workspace.catalog
    clips = {clip.clip_id: clip for clip in catalog.read(Clip)}
    lessons = catalog.read(Lesson)
    assert len(lessons) == len(asked.questions)
    assert len(catalog.read(PassRate)) == 2 * len(asked.questions)
    question_of = {question.question_id: question for question in asked.questions}
    for lesson in lessons:
        question = question_of[lesson.question_id]
        initial = FrameWindow(idx_start=0, idx_end=clips[question.clip_id].num_frames - 1).uniform(8)
        at_a_glance = any(question.evidence.contains(frame) for frame in initial)
        assert lesson.band is (Band.GLANCE if at_a_glance else Band.LOOK), question
    assert {lesson.split for lesson in lessons if lesson.sport is Sport.VOLLEYBALL} == {Split.TRANSFER}


def test_export_writes_sets_for_training_and_for_exams(workspace: Workspace, recipe: Recipe) -> None:
    asked = passed_questions(workspace, recipe)
    run_curriculum(workspace, recipe, oracle(asked.questions))
    run_export(workspace, recipe, "oracle")
    readers = {name: ShardReader(manifest_of(workspace, recipe, name)) for name in SETS}
    by_split = Counter(lesson.split for lesson in workspace.catalog.read(Lesson))
    assert len(readers["rl"]) == by_split[Split.TRAIN]
    assert (len(readers["test"]), len(readers["transfer"])) == (by_split[Split.TEST], by_split[Split.TRANSFER])
    assert 0 < len(readers["sft"]) <= len(readers["rl"])
    assert readers["sft"].manifest.licences == {"Apache-2.0": len(readers["sft"])}
    assert readers["rl"].blob(readers["rl"].keys[0], "mp4")[4:8] == b"ftyp"


def test_two_processes_make_the_same_tables(tmp_path: Path, recipe: Recipe, films: Path, ingested: Workspace) -> None:
    workspace = open_workspace(tmp_path / "two")
    run_ingest(workspace, recipe, [films], workers=2)
    run_annotate(workspace, recipe, Settings(), workers=2)
    assert tables(workspace.root) == tables(ingested.root)


def tables(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.glob("tables/*/*.parquet"))}


def test_stages_in_the_wrong_order_say_what_to_run(tmp_path: Path, recipe: Recipe, workspace: Workspace) -> None:
    empty = open_workspace(tmp_path / "empty")
    with pytest.raises(UserError, match="deepsport ingest"):
        run_annotate(empty, recipe, Settings())
    with pytest.raises(UserError, match="deepsport annotate"):
        passed_questions(empty, recipe)
    with pytest.raises(UserError, match="deepsport curriculum"):
        run_export(workspace, recipe, "oracle")


def test_another_recipe_does_not_see_this_ones_units(workspace: Workspace, recipe_path: Path) -> None:
    other = load_recipe(str(recipe_path), ["ingest.clip.min_s=5.5"])
    with pytest.raises(UserError, match="nothing was ingested with recipe"):
        run_annotate(workspace, other, Settings())


def test_where_all_lessons_are_held_out_nothing_is_trained_and_that_is_said(workspace: Workspace, recipe_path: Path) -> None:
    everyone = "curriculum.split.transfer_sports=['soccer', 'tennis', 'volleyball']"
    recipe = load_recipe(str(recipe_path), [everyone])
    run_curriculum(workspace, recipe, oracle(passed_questions(workspace, recipe).questions))
    run_export(workspace, recipe, "oracle")
    said = io.StringIO()
    session = Session(workspace, recipe, Settings(), workers=1, console=Console(file=said))
    assert run_train(session).num_items == 0
    assert re.search(r"all lessons are held out \(transfer \d+\)", said.getvalue())


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.fixture
def mixed(tmp_path: Path, films: Path) -> Path:
    """A manifest of good and bad: cut short, empty, text, sound only, a feed with fps -1, a missing file, nonsense, a copy."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    good = (films.parent / "soccer-0.mp4").read_bytes()
    (folder / "good.mp4").write_bytes(good)
    (folder / "copy.mp4").write_bytes(good)
    (folder / "cut.mp4").write_bytes((films.parent / "soccer-1.mp4").read_bytes()[:60_000])
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("this is no film\n" * 50)
    shutil.copy(films.parent / "tennis-0.mp4", folder / "badfeed.mp4")
    (folder / "bad.json").write_text(
        '{"format": "deepsport-feed-1", "sport": "tennis", "fps": -1, "unit": "frames", "events": []}'
    )
    write_sound_only(folder / "sound.mp4")
    rows = [
        {"path": "good.mp4", "sport": "soccer"},
        {"path": "copy.mp4", "sport": "soccer"},
        {"path": "cut.mp4"},
        {"path": "empty.mp4"},
        {"path": "text.mp4"},
        {"path": "sound.mp4"},
        {"path": "badfeed.mp4", "sport": "tennis", "feed": "bad.json"},
        {"path": "missing.mp4"},
        {"path": "good.mp4", "sport": "underwater chess"},
    ]
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "manifest.jsonl"


def write_sound_only(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_bad_sources_are_quarantined_and_the_rest_goes_on(tmp_path: Path, mixed: Path, recipe_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    lenient = load_recipe(str(recipe_path), ["max_failure_share=0.9"])
    result = run_ingest(workspace, lenient, [mixed])
    assert result.exit_code == 3
    assert len(workspace.catalog.read(Broadcast)) == 2
    reasons = {
        Path(d.item.split(":")[0]).name + d.item[len(d.item.split(":")[0]) :]: d.reason for d in workspace.catalog.read(Drop)
    }
    assert reasons == {
        "copy.mp4": DropReason.DUPLICATE_MEDIA,
        "cut.mp4": DropReason.UNREADABLE_MEDIA,
        "empty.mp4": DropReason.UNREADABLE_MEDIA,
        "text.mp4": DropReason.UNREADABLE_MEDIA,
        "sound.mp4": DropReason.NO_VIDEO_STREAM,
        "bad.json": DropReason.BAD_FEED,
        "manifest.jsonl:8": DropReason.MISSING_FILE,
        "manifest.jsonl:9": DropReason.BAD_MANIFEST_ROW,
    }
    before = everything(workspace.root)
    again = run_ingest(workspace, lenient, [mixed])
    assert (again.exit_code, again.num_new, again.drops) == (3, 0, result.drops)
    assert everything(workspace.root) == before


def test_more_bad_sources_than_the_recipe_allows_fail_the_stage(tmp_path: Path, mixed: Path, recipe: Recipe) -> None:
    workspace = open_workspace(tmp_path / "w")
    with pytest.raises(StageFailed, match=r"6 of 8 items failed, the .* 50% \(.*\); for the others see `deepsport status`$"):
        run_ingest(workspace, recipe, [mixed])
    assert len(workspace.catalog.read(Broadcast)) == 2


def test_a_mended_file_takes_the_place_of_its_quarantine(tmp_path: Path, films: Path, recipe: Recipe) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"")
    shutil.copy(films.parent / "tennis-0.mp4", folder / "b.mp4")
    workspace = open_workspace(tmp_path / "w")
    assert run_ingest(workspace, recipe, [folder]).exit_code == 3
    shutil.copy(films.parent / "soccer-0.mp4", folder / "a.mp4")
    result = run_ingest(workspace, recipe, [folder])
    assert (result.exit_code, result.num_new) == (0, 1)
    units = [unit.unit for unit in current_units(workspace.catalog, "ingest")]
    assert len(workspace.catalog.read(Broadcast, units)) == 2
    assert workspace.catalog.read(Drop, units) == []


def test_what_a_manifest_says_anew_replaces_what_it_said(workspace: Workspace, recipe: Recipe, films: Path) -> None:
    rows = [json.loads(line) for line in films.read_text().splitlines()]
    for row in rows:
        row["path"], row["feed"] = str(films.parent / row["path"]), str(films.parent / row["feed"])
        if row["sport"] == "volleyball":
            row["exportable"] = False
    again = workspace.root / "again.jsonl"
    again.write_text("\n".join(map(json.dumps, rows)))
    result = run_ingest(workspace, recipe, [again])
    assert (result.num_new, result.exit_code) == (1, 0)
    current = [unit.unit for unit in current_units(workspace.catalog, "ingest")]
    assert len(workspace.catalog.read(Broadcast, current)) == 4
    run_annotate(workspace, recipe, Settings())
    run_curriculum(workspace, recipe, oracle(passed_questions(workspace, recipe).questions))
    exported = run_export(workspace, recipe, "oracle")
    assert exported.drops[DropReason.NO_LICENCE] > 0
    assert len(ShardReader(manifest_of(workspace, recipe, "transfer"))) == 0
    assert run_ingest(workspace, recipe, [again]).num_new == 0
    assert run_ingest(workspace, recipe, [films]).num_new == 0, "a manifest that does not speak of it opens nothing"
    # And back again: the first unit exists, but what counts is what was said last.
    again.write_text("\n".join(json.dumps({**row, "exportable": True}) for row in rows))
    assert run_ingest(workspace, recipe, [again]).num_new == 1
    broadcasts = workspace.catalog.read(Broadcast, [unit.unit for unit in current_units(workspace.catalog, "ingest")])
    assert all(broadcast.exportable for broadcast in broadcasts)


def test_a_licence_that_the_recipe_does_not_name_stays_in_and_status_says_so(
    workspace: Workspace, recipe: Recipe, recipe_path: Path, films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_curriculum(workspace, recipe, oracle(passed_questions(workspace, recipe).questions))
    open_only = load_recipe(str(recipe_path), ['export.licences=["CC0-1.0", "apache-2.0"]'])
    assert run_export(workspace, open_only, "oracle").drops[DropReason.NO_LICENCE] == 0
    reader = ShardReader(manifest_of(workspace, recipe, "rl"))
    sample = reader.json(reader.keys[0])
    assert (sample["licence"], sample["rights"]) == ("Apache-2.0", "") and sample["title"].split()[0] in ("soccer", "tennis")
    closed = load_recipe(str(recipe_path), ['export.licences=["CC0-1.0"]'])
    result = run_export(workspace, closed, "oracle")
    assert result.drops[DropReason.NO_LICENCE] > 20
    assert all(len(ShardReader(manifest_of(workspace, closed, name))) == 0 for name in SETS)
    session = Session(workspace, closed, Settings(), workers=1, console=Console(file=io.StringIO()))
    assert show_status(session, as_json=True) == 0
    counted = json.loads(capsys.readouterr().out)["stages"]["export"]["drops"]
    assert set(counted) == {"export_sft/no_licence", "export_rl/no_licence"}
    assert sum(counted.values()) == result.drops[DropReason.NO_LICENCE]


def test_a_renamed_copy_is_not_ingested_again(workspace: Workspace, recipe: Recipe, films: Path, tmp_path: Path) -> None:
    shutil.copy(films.parent / "tennis-0.mp4", tmp_path / "other.mp4")
    shutil.copy(films.parent / "tennis-0.feed.json", tmp_path / "other.feed.json")
    row = {"path": "other.mp4", "sport": "tennis", "title": "tennis 0", "licence": "Apache-2.0", "feed": "other.feed.json"}
    (tmp_path / "m.jsonl").write_text(json.dumps(row | {"simulated": True}))
    result = run_ingest(workspace, recipe, [tmp_path / "m.jsonl"])
    assert result.drops == {DropReason.DUPLICATE_MEDIA: 1}
    assert len(workspace.catalog.read(Broadcast)) == 4


@pytest.mark.parametrize("left", [None, 0, 1000, -1])
def test_a_lost_proxy_is_made_anew_and_nothing_else(
    workspace: Workspace, recipe: Recipe, films: Path, left: int | None
) -> None:
    """It is gone, or cut short."""
    proxies = {broadcast.proxy_key: broadcast for broadcast in workspace.catalog.read(Broadcast)}
    lost = workspace.store.path(min(proxies))
    told = run_ingest(workspace, recipe, [films])
    before = everything(workspace.root)
    original = lost.read_bytes()
    lost.unlink()
    if left is not None:
        lost.write_bytes(original[:left])
    again = run_ingest(workspace, recipe, [films])
    assert (again.num_new, again.exit_code) == (0, 0)
    assert (again.num_records, again.drops) == (told.num_records, told.drops), "nothing is counted twice"
    assert lost.read_bytes() == original
    after = everything(workspace.root)
    assert {name for name in after if after[name] != before.get(name)} == {str(lost.relative_to(workspace.root))}


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code of a command, and what it said on stderr."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return int(ended.value.code or 0), said


def test_a_partition_that_is_gone_is_told_in_one_line_and_made_anew(
    workspace: Workspace, recipe_path: Path, films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("-w", workspace.root, "-r", recipe_path)
    lost = next((workspace.root / "tables" / "broadcasts").glob("*.parquet"))
    row = lost.read_bytes()
    lost.unlink()
    for command in (("ingest", films), ("show",), ("status",)):
        code, said = call(capsys, *command, *common)
        assert code == 2 and said.startswith(f"deepsport: {lost}: not a readable partition (it is gone); restore it"), said
        assert said.count("\n") == 1
    Path(re.search(r"or delete (\S+)", said)[1]).unlink()  # type: ignore[index]
    assert call(capsys, "ingest", films, *common)[0] == 0
    assert lost.read_bytes() == row


@pytest.mark.parametrize("workers", [1, 2])
def test_what_lies_in_the_way_of_media_is_told_with_the_remedy(
    workspace: Workspace, recipe_path: Path, films: Path, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    media, *ingest = workspace.root / "media", "ingest", films, "-w", workspace.root, "-r", recipe_path, "--workers", workers
    proxy = min((media / "proxies").iterdir())
    proxy.unlink()
    proxy.mkdir()
    code, said = call(capsys, *ingest)
    told = f"cannot write {proxy} (Is a directory); move away what is in its way"
    assert (code, said.count(told)) == (3, 1) and "1 failed and will be tried again" in said, said
    media.rename(workspace.root / "away")
    media.write_text("")
    code, said = call(capsys, *ingest)
    assert code == 1 and f"cannot write {media}/proxies (Not a directory); move away what is in its way" in said, said
    assert "4 of 4 items failed" in said and said.splitlines()[-1].endswith("for the others see the log")
    media.unlink()
    (workspace.root / "hashes.json").unlink()
    (workspace.root / "hashes.json").mkdir()
    code, said = call(capsys, *ingest)
    assert (code, said.count("\n")) == (2, 1) and "hashes.json: cannot be read (Is a directory); move it away" in said, said


def test_a_folder_does_not_unsay_what_a_manifest_said(workspace: Workspace, recipe: Recipe, films: Path) -> None:
    result = run_ingest(workspace, recipe, [films.parent])
    assert (result.num_items, result.num_new) == (4, 0)


# --------------------------------------------------------------------------------------------------------------- reviews


def review(question: Question, verdict: Verdict, answer: str | None = None) -> Review:
    return Review(
        review_id=f"review-{question.question_id}",
        question_id=question.question_id,
        curator="kim",
        verdict=verdict,
        corrected_answer=answer,
        updated_at="2026-01-01T00:00:00Z",
    )


def test_who_gets_no_questions_is_told_where_they_come_from(
    tmp_path: Path, films: Path, recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(films.parent / "tennis-0.mp4", tmp_path / "a.mp4")
    workspace = open_workspace(tmp_path / "w")
    run_ingest(workspace, recipe, [tmp_path / "a.mp4"])
    run_annotate(workspace, recipe, Settings())
    assert "1 of 1 broadcasts give no questions; questions come from events: give a film its sport and a feed" in caplog.text
    session = Session(workspace, recipe, Settings(), 1, Console(file=io.StringIO()))
    with pytest.raises(UserError, match="no question to grade; questions come from events"):
        run_stage(session, "curriculum")


def test_reviews_take_questions_out_and_put_corrected_ones_in(workspace: Workspace, recipe: Recipe) -> None:
    before = passed_questions(workspace, recipe).questions
    rejected = before[0]
    fixed = next(
        question for question in before[1:] if question.options and len(question.options) > 2 and question.rule_ids == ()
    )
    answer = next(option for option in fixed.options if option not in fixed.answers)
    reviews = [review(rejected, Verdict.REJECT), review(fixed, Verdict.FIX, answer)]
    workspace.catalog.commit("pull-1", "review_pull", "", [], {Review: reviews})
    with pytest.raises(UserError, match="deepsport annotate"):
        passed_questions(workspace, recipe)
    assert run_annotate(workspace, recipe, Settings()).num_new == 1
    asked = passed_questions(workspace, recipe)
    after = {question.question_id: question for question in asked.questions}
    assert rejected.question_id not in after and fixed.question_id not in after
    (new,) = [question for question in asked.questions if question.question_id not in {q.question_id for q in before}]
    assert new.answers == (answer,)
    assert len(after) == len(before) - 1
    assert [t.answer for t in workspace.catalog.read(Trajectory, asked.units) if t.question_id == new.question_id] == [answer]
    drops = {drop.item: drop.reason for drop in workspace.catalog.read(Drop, [asked.unit])}
    assert drops[rejected.question_id] is DropReason.CURATOR_REJECTED
    assert drops[fixed.question_id] is DropReason.CURATOR_FIXED
    assert run_annotate(workspace, recipe, Settings()).num_new == 0


# --------------------------------------------------------------------------------------------------------------- teacher


ONE_TASK = "annotate.templates.tasks=['counting']"


@pytest.fixture(scope="module")
def taught(recipe_path: Path) -> Recipe:
    """The recipe with a teacher that words the questions, of which there are few."""
    teacher = ["annotate.teacher.words=true", "annotate.teacher.timeout_s=60.0", ONE_TASK]
    return load_recipe(str(recipe_path), teacher)


def test_a_recipe_with_a_teacher_needs_its_address(workspace: Workspace, taught: Recipe) -> None:
    with pytest.raises(UserError, match="DEEPSPORT_TEACHER_BASE_URL"):
        run_annotate(workspace, taught, Settings())


def test_a_teacher_that_talks_nonsense_changes_no_question(
    workspace: Workspace, recipe: Recipe, taught: Recipe, httpserver
) -> None:  # type: ignore[no-untyped-def]
    message = {"role": "assistant", "content": "Colourless green ideas sleep furiously."}
    httpserver.expect_request("/v1/chat/completions").respond_with_json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
        }
    )
    before = [question for question in passed_questions(workspace, recipe).questions if question.task is Task.COUNTING]
    settings = Settings(teacher_base_url=httpserver.url_for("/v1"), teacher_model="m")
    result = run_annotate(workspace, taught, settings)
    assert result.drops[DropReason.TEACHER_NONSENSE] == len(before) > 4
    assert {q.text for q in passed_questions(workspace, taught).questions} == {q.text for q in before}
    assert len(workspace.catalog.read(Completion)) == len(before)


def test_a_teacher_that_times_out_on_one_question_leaves_its_template_and_the_exit_code_says_so(
    workspace: Workspace, recipe: Recipe, recipe_path: Path
) -> None:
    taught = load_recipe(str(recipe_path), ["annotate.teacher.words=true", "annotate.teacher.timeout_s=3", ONE_TASK])
    unlucky = next(question for question in passed_questions(workspace, recipe).questions if question.task is Task.COUNTING)
    awake = threading.Event()

    def answer(request: Request) -> Response:
        if unlucky.text in json.loads(request.data)["messages"][-1]["content"]:
            awake.wait(600)
        choice = {"index": 0, "message": {"role": "assistant", "content": "Green ideas."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
        body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
        return Response(json.dumps(body), content_type="application/json")

    with HTTPServer(threaded=True) as server:  # one request sleeps, the others must not wait for it
        server.expect_request("/v1/chat/completions").respond_with_handler(answer)
        try:
            result = run_annotate(workspace, taught, Settings(teacher_base_url=server.url_for("/v1"), teacher_model="m"))
        finally:
            awake.set()
    assert result.exit_code == 3 and result.drops[DropReason.TEACHER_FAILED] >= 1
    drops = [drop for drop in workspace.catalog.read(Drop) if drop.reason is DropReason.TEACHER_FAILED]
    assert unlucky.question_id in {drop.item for drop in drops} and all("Timeout" in drop.detail for drop in drops)
    assert unlucky.text in {question.text for question in passed_questions(workspace, taught).questions}


def test_a_teacher_that_is_not_there_fails_the_stage_and_leaves_no_unit(workspace: Workspace, taught: Recipe) -> None:
    settings = Settings(teacher_base_url="http://127.0.0.1:9/v1", teacher_model="m")
    with pytest.raises(StageFailed, match="4 of 4 items failed"):
        run_annotate(workspace, taught, settings)
    assert workspace.catalog.units("annotate", taught.stage_hash("annotate")) == []


# ----------------------------------------------------------------------------------------------------------------- kills


def test_a_killed_ingest_goes_on_and_ends_like_an_uninterrupted_one(
    tmp_path: Path, films: Path, ingested: Workspace, recipe_path: Path
) -> None:
    root = tmp_path / "killed"
    command = [sys.executable, "-m", "flows", "ingest", str(films), "--workspace", str(root), "--recipe", str(recipe_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not list(root.glob("tables/units/*.parquet")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=600)
    assert 0 < len(Catalog(root).read(Broadcast)) < 4
    assert subprocess.run(command, stderr=subprocess.DEVNULL, timeout=600, check=False).returncode == 0
    done = {name: data for name, data in tables(ingested.root).items() if "/ingest-" in name}
    assert {name: data for name, data in tables(root).items() if "/ingest-" in name} == done
