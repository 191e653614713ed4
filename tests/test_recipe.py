"""Recipes: found by name or path, strict about keys, and hashed stage by stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepsport.errors import RecipeError, UserError
from flows.recipe import STAGES, load_recipe, recipe_names
from flows.stages import with_settings


def test_every_recipe_that_comes_with_the_project_loads() -> None:
    assert "tiny" in recipe_names()
    for name in recipe_names():
        assert load_recipe(name).description, name


def test_a_recipe_is_found_by_path_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nseed = 3\n')
    assert load_recipe(str(path)).seed == 3


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(RecipeError, match=r"there are .*tiny"):
        load_recipe("huge")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe file"):
        load_recipe(str(tmp_path / "x.toml"))


def test_text_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("name = \n")
    with pytest.raises(RecipeError, match=r"x\.toml: not TOML"):
        load_recipe(str(tmp_path / "x.toml"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("annotate.templates.num_option=3", "did you mean 'num_options'"),
        ("ingest.shot.treshold=3", "did you mean 'threshold'"),
        ("sead=3", "did you mean 'seed'"),
        ("export.qqqq=3", "known here: shards"),
        ("train.grpo.num_steps=0", "train.grpo.num_steps = 0: Input should be greater"),
        ("seed=often", "seed = 'often': Input should be a valid integer"),
        ("seed", "write table.key=value"),
        ("seed.x=3", "'seed' is a value, not a table"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("tiny", [override])


def test_overrides_take_toml_values_and_bare_words() -> None:
    recipe = load_recipe(
        "tiny", ["seed=7", "ingest.transcription=false", "train.grpo.reward=gated", 'curriculum.split.transfer_sports=["tennis"]']
    )
    assert (recipe.seed, recipe.ingest.transcription, recipe.train.grpo.reward) == (7, False, "gated")
    assert recipe.curriculum.split.transfer_sports == ("tennis",)


@pytest.mark.parametrize(
    ("override", "first_changed"),
    [
        ("ingest.clip.min_s=6.0", "ingest"),
        ("annotate.templates.num_options=3", "annotate"),
        ("seed=1", "annotate"),
        ("base.pretrain.training.num_steps=11", "curriculum"),
        ("curriculum.schedule.bands.look_rate=0.6", "curriculum"),
        ("export.gop=12", "export"),
        ("train.grpo.num_steps=31", "train"),
    ],
)
def test_a_change_makes_its_stage_and_all_after_it_anew(override: str, first_changed: str) -> None:
    before, after = load_recipe("tiny"), load_recipe("tiny", [override])
    changed = [stage for stage in STAGES if before.stage_hash(stage) != after.stage_hash(stage)]
    assert changed == list(STAGES[STAGES.index(first_changed) :])


def test_name_description_and_limits_change_no_hash() -> None:
    before, after = load_recipe("tiny"), load_recipe("tiny", ["name=other", "description=x", "max_failure_share=0.9"])
    assert before.recipe_hash == after.recipe_hash


def test_the_base_model_does_not_depend_on_the_broadcasts() -> None:
    before, after = load_recipe("tiny"), load_recipe("tiny", ["ingest.clip.min_s=6.0", "simulate.duration_s=30.0"])
    assert before.base_hash == after.base_hash


def test_hashes_are_the_same_in_another_process() -> None:
    import subprocess
    import sys

    code = "from flows.recipe import load_recipe; print(load_recipe('tiny').recipe_hash)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True).stdout
    assert printed.strip() == load_recipe("tiny").recipe_hash


def test_a_stage_without_hash_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="no stage 'demo'"):
        load_recipe("tiny").stage_hash("demo")


def test_a_speech_model_from_the_settings_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    from deepsport.settings import Settings

    recipe = load_recipe("tiny")
    other = with_settings(recipe, Settings(whisper_model="small.en"))
    assert other.ingest.speech.model == "small.en"
    assert other.stage_hash("ingest") != recipe.stage_hash("ingest")
    assert with_settings(recipe, Settings()) == recipe


def test_more_tools_are_a_setting_that_changes_hashes_only_where_it_is_used(tmp_path: Path) -> None:
    from deepsport.taxonomy import Tool
    from flows.learning import run_train
    from flows.session import open_session

    tools = 'annotate.distill.episode.tools=["frame_extraction_tool", "rule_tool"]'
    plain, offering = load_recipe("tiny"), load_recipe("tiny", [tools])
    assert offering.episode.tools == (Tool.FRAMES, Tool.RULES)
    assert "tools" not in plain.episode.model_dump() and offering.recipe_hash != plain.recipe_hash
    same = load_recipe("tiny", ['annotate.distill.episode.tools=["frame_extraction_tool"]'])
    assert same.recipe_hash == plain.recipe_hash
    with pytest.raises(RecipeError, match=r"annotate.distill.episode.tools"):
        load_recipe("tiny", ['annotate.distill.episode.tools=["crystal_ball"]'])
    with pytest.raises(UserError, match="training plays with frame_extraction_tool alone"):
        run_train(open_session(workspace=tmp_path, overrides=[tools]))


def test_a_refused_recipe_leaves_no_folder(tmp_path: Path) -> None:
    from flows.session import open_session

    with pytest.raises(RecipeError, match="num_steps"):
        open_session(workspace=tmp_path / "new", overrides=["train.sft.num_steps=0"])
    assert not (tmp_path / "new").exists()


def test_the_transcript_of_a_clip_is_on_its_own_frames() -> None:
    from deepsport.records import Clip, Utterance
    from deepsport.taxonomy import Sport
    from deepsport.timebase import FrameRate, FrameWindow, Span
    from flows.asking import transcript_of

    clip = Clip(clip_id="c", broadcast_id="b", sport=Sport.SOCCER, span=Span(start_s=10, end_s=14), first_frame=250,
                num_frames=100, rate=FrameRate(num=25))  # fmt: skip
    said = [
        Utterance(utterance_id=text, broadcast_id="b", span=Span(start_s=start, end_s=start + 1), text=text, avg_logprob=0,
                  no_speech_prob=0)
        for start, text in ((12.0, "Goal!"), (9.5, "Here he comes."), (20.0, "Elsewhere."))
    ]  # fmt: skip
    assert [(line.text, line.window) for line in transcript_of(clip, said)] == [
        ("Here he comes.", FrameWindow(idx_start=0, idx_end=12)),
        ("Goal!", FrameWindow(idx_start=50, idx_end=74)),
    ]


def test_reading_a_recipe_loads_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, flows.session, flows.status, flows.running; from flows.recipe import load_recipe; load_recipe('tiny'); "
    code += (
        "print([name for name in ('torch', 'transformers', 'trl', 'prefect', 'cv2', 'faster_whisper') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True).stdout
    assert printed.strip() == "[]"
