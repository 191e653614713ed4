"""The command line: quick help, one line for a person's mistake, exit codes that say what happened."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deepsport.errors import UserError
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameRate
from deepsport.video import write_video
from flows.checkpoints import outside
from flows.cli import app, main
from flows.running import RUNNERS
from flows.simulation import make_broadcasts
from ingest.simulator.schedule import SimulatorConfig
from ingest.simulator.truth import read_truth

STAGES = ("ingest", "annotate", "curriculum", "export", "train", "evaluate", "report", "pipeline")
COMMANDS = (*STAGES, "demo", "ask", "show", "status", "review push", "review pull", "serve", "compact", "simulate",
            "sports replay", "sports rules")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env, no settings and no workspace of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith("DEEPSPORT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr: one line, no traceback."""
    said = capsys.readouterr().err.strip()
    assert "\n" not in said and said.startswith("deepsport: "), said
    return said


def test_help_comes_within_half_a_cpu_second() -> None:
    code = "import sys; from flows.cli import main; main(['--help'])"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5 * 2
    )  # twice the goal: the machine may be busy
    for command in COMMANDS:
        assert f" {command.split()[0]} " in shown


def test_help_loads_nothing_heavy() -> None:
    heavy = ("torch", "prefect", "duckdb", "pyarrow", "av", "numpy", "pandas")
    code = f"import sys, flows.cli; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True).stdout
    assert shown.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*command.split(), "--help") == 0
    shown = capsys.readouterr().out
    assert f"Usage: deepsport {command}" in shown
    assert "--workspace" in shown or command.startswith("sports ")  # which need no dataset
    assert not re.search(r"--\w[\w-]* *(?:STR|INT|PATH|FLOAT)? *│", shown), "an option without a word of help"


def test_every_stage_has_a_command() -> None:
    names = {name for name in app if not name.startswith("-")}
    assert set(RUNNERS) - {"base"} <= names and set(STAGES) <= names


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert call("--version") == 0
    assert capsys.readouterr().out.strip() == version("deepsport")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingst"], 'Did you mean "ingest"'),
        (["ingest"], "say what to ingest"),
        (["ingest", "nowhere.mp4"], "nowhere.mp4: no such file"),
        (["ingest", ".", "--sport", "quidditch"], "no sport 'quidditch'"),
        (["status", "--recipe", "huge"], "no recipe 'huge'"),
        (["status", "--set", "sead=1"], "did you mean 'seed'"),
        (["status", "--wrkspace", "x"], "Unknown option"),
        (["status", "--workers", "0"], "at least one process"),
        (["annotate"], "run `deepsport ingest` first"),
        (["curriculum", "--set", "base.checkpoint='nowhere/model'"], "run `deepsport annotate` first"),
        (["export"], "run `deepsport curriculum` first"),
        (["serve"], "say either --every"),
        (["serve", "--every", "5 parsecs"], "write a number and s, m, h or d"),
        (["serve", "--every", "1s"], "at least 10s"),
        (["serve", "--cron", "at tea time"], "write minute, hour, day, month, weekday"),
        (["simulate", "--count", "0"], "at least one broadcast"),
        (["simulate", "--minutes", "nan"], "cannot last nan s"),
        (["simulate", "--minutes", "0"], "cannot last 0 s"),
        (["simulate", "--sport", "quidditch"], "no sport 'quidditch'; the simulator plays soccer, tennis"),
        (["simulate", "--sport", "baseball"], "does not play baseball; it plays soccer, tennis"),
        (["simulate", "--sport", "other"], "does not play other"),
        (["simulate", "--minutes", "0.1", "/dev/null/films"], "/dev/null/films: cannot be made, for a file has that name"),
        (["simulate", "--first-seed", "-1"], "--first-seed -1: a seed is 0 or more"),
        (["simulate", "--count", "1.5"], "'1.5' is no whole number"),
        (["simulate", "--count", "99999999"], "at most 10,000"),
        (["simulate", "tennis"], "write --sport tennis, or name another folder"),
        (["status", "--workers", "1.5"], "'1.5' is no whole number"),
        (["simulate", "--minutes", "abc"], "`deepsport simulate --help` shows the options"),
        (["simulate", "--minuts", "1"], "`deepsport simulate --help` shows the options"),
        (["review", "psh"], '"push"'),
        (["status", "--workspace", "/proc/workspace"], "choose another --workspace"),
        (["ask", "film.mp4", "Which event?"], "run `deepsport train` first"),
        (["ask", "film.mp4", "Which event?", "--checkpoint", "nowhere"], "nowhere: no such folder"),
        (["curriculum"], "run `deepsport annotate` first"),
        (["review", "push"], "DEEPSPORT_LABEL_STUDIO_URL"),
        (["ask", "nothing", ""], "the question is empty"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.learning.make_base", lambda session: pytest.fail("a model is made for a mistake"))
    Path("workspace").mkdir()
    assert call(*arguments) == 2
    assert said in one_line(capsys)
    assert [*Path().rglob("*")] == [Path("workspace")], "a mistake leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(
            ([*command.split(), "-w", "typo/deep"], "typo/deep: no such workspace; run `deepsport ingest` first, or choose")
            for command in ("status", "show", "compact", "annotate", "report", "review pull", "pipeline", "serve --every 1h")
        ),
        (["ingest", ".", "--sport", "quidditch", "-w", "wq"], "no sport 'quidditch'"),
        (["ingest", "-w", "wq"], "say what to ingest"),
        (["ingest", "nope", "-w", "wq"], "nope: no such file or folder"),
        (["pipeline", "nope", "-w", "wq"], "nope: no such file or folder"),
        (["serve", "nope", "--every", "1h", "-w", "wq"], "nope: no such file or folder"),
        (["serve", "nope", "--every", "1h", "--stage", "annotate", "-w", "wq"], "nope: no such file or folder"),
        (["probe", "nope", "-w", "wq"], "nope: no such file or folder"),
        (["ask", "film.mp4", "Which event?", "-w", "wq"], "no model yet"),
        (["ingest", ".", "-w", "/proc/workspace"], "/proc/workspace: cannot be made (No such file or directory); choose another"),
    ],
)
def test_a_refused_command_makes_no_workspace(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.serve._server", lambda session: pytest.fail("a server is started for a mistake"))
    assert call(*arguments) == 2
    assert said in one_line(capsys)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("checkpoint", ["/nowhere/model", "./model", "a/b/c", "model"])
def test_a_checkpoint_that_cannot_be_is_said_without_asking_the_hub(checkpoint: str) -> None:
    with pytest.raises(UserError, match=r"no such folder, and a hub id is written owner/name"):
        outside(checkpoint)
    assert str(outside("Qwen/Qwen2.5-VL-7B-Instruct")) == "Qwen/Qwen2.5-VL-7B-Instruct"


def test_a_folder_without_films_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "rules.txt").write_text("no film")
    assert call("ingest", "papers") == 0
    said = capsys.readouterr().err
    assert "no films in papers" in said and ".mp4" in said


def test_a_setting_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DEEPSPORT_WORKSPCE", "x")
    assert call("status") == 2
    assert "DEEPSPORT_WORKSPACE" in one_line(capsys)


def test_a_file_in_the_workspaces_place_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "w").write_text("")
    assert call("status", "-w", str(tmp_path / "w")) == 2
    assert "choose another --workspace" in one_line(capsys)


def test_status_of_an_empty_workspace_is_all_zero(capsys: pytest.CaptureFixture[str]) -> None:
    Path("workspace").mkdir()
    assert call("status", "--json") == 0
    state = json.loads(capsys.readouterr().out)
    assert state["tables"] == {} and state["quarantined"] == []
    assert all(stage == {"units": 0, "records": 0, "drops": {}} for stage in state["stages"].values())


def test_simulate_ingest_annotate_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ["--set", "ingest.transcription=false", "--set", "simulate.simulator.commentary=false"]
    assert call("simulate", "--sport", "tennis", "--production", "plain", "--minutes", "0.22", "films", *quiet) == 0
    rows = [json.loads(line) for line in Path("films/manifest.jsonl").read_text().splitlines()]
    assert [row["path"] for row in rows] == ["tennis-0.mp4"]
    (tmp_path / "films" / "[red]odd[.mp4").write_text("no film")
    assert call("ingest", "films/manifest.jsonl", *quiet) == 0
    assert call("ingest", "films/manifest.jsonl", *quiet) == 0
    assert "nothing new" in capsys.readouterr().err
    assert call("ingest", "films", *quiet) == 3  # one good film, one that is none
    assert call("annotate", *quiet) == 0
    capsys.readouterr()
    assert call("status", *quiet) == 3
    said = capsys.readouterr().out
    assert "unreadable_media" in said and "[red]odd[.mp4" in said
    assert call("status", "--json", *quiet) == 3
    state = json.loads(capsys.readouterr().out)
    assert state["stages"]["annotate"]["records"] > 10
    assert [entry["reason"] for entry in state["quarantined"]] == ["unreadable_media"]
    assert call("compact", *quiet) == 0
    assert call("status", "--json", *quiet) == 3
    assert json.loads(capsys.readouterr().out) == state


def test_films_of_several_calls_make_one_collection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = ["--production", "plain", "--set", "simulate.simulator.commentary=false", "films"]

    def listed() -> list[str]:
        return [json.loads(line)["path"] for line in Path("films/manifest.jsonl").read_text().splitlines()]

    assert call("simulate", "--sport", "tennis", "--minutes", "0.1", "--first-seed", "10", *plain) == 0
    assert call("simulate", "--sport", "tennis", "--sport", "soccer", "--minutes", "0.1", "--first-seed", "9", *plain) == 0
    assert call("simulate", "--sport", "soccer", "--sport", "soccer", "--minutes", "0.1", "--first-seed", "9", *plain) == 0
    assert "1 broadcast in films, each with a .png to look at; next: deepsport ingest films/man" in capsys.readouterr().err
    assert listed() == ["soccer-9.mp4", "tennis-9.mp4", "tennis-10.mp4"]
    assert not Path("workspace").exists()
    film = Path("films/tennis-9.mp4").read_bytes()
    for other in (["--minutes", "0.12"], ["--minutes", "0.1", "--fps", "29.97"]):
        assert call("simulate", "--sport", "tennis", "--first-seed", "9", *other, *plain) == 2
        assert "films/tennis-9.mp4: is there already, made with another length or other settings" in one_line(capsys)
    assert Path("films/tennis-9.mp4").read_bytes() == film
    Path("films/tennis-10.truth.json").unlink()  # as when it was killed before its end
    assert call("simulate", "--sport", "soccer", "--minutes", "0.1", "--first-seed", "9", *plain) == 0
    assert listed() == ["soccer-9.mp4", "tennis-9.mp4"]
    capsys.readouterr()
    (tmp_path / "mine").mkdir()
    Path("mine/manifest.jsonl").write_text('{"path": "match.mp4"}\n')
    assert call("simulate", "--sport", "soccer", "--minutes", "0.1", *plain[:-1], "mine") == 2
    assert "mine/manifest.jsonl: is there already and lists films that were not simulated" in one_line(capsys)
    assert [path.name for path in Path("mine").iterdir()] == ["manifest.jsonl"]


def test_a_run_that_makes_its_own_films_lists_no_others(tmp_path: Path) -> None:
    config = SimulatorConfig(commentary=False)
    make_broadcasts(tmp_path, {Sport.TENNIS: 2}, 6.0, 0, config)
    manifest = make_broadcasts(tmp_path, {Sport.SOCCER: 1}, 6.0, 0, config)
    assert [json.loads(line)["path"] for line in manifest.read_text().splitlines()] == ["soccer-0.mp4"]
    make_broadcasts(tmp_path, {Sport.SOCCER: 1}, 7.0, 0, config)  # the recipe has changed: so does its film
    assert read_truth(tmp_path / "soccer-0.mp4").num_frames == 175


def test_only_bad_input_is_exit_code_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.mp4").write_text("no film")
    assert call("ingest", "bad.mp4") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of 1 items failed" in said and "bad.mp4: not a video container" in said
    assert "others" not in said, "it is named here and nowhere above"


def test_a_log_for_machines_has_the_account_and_the_bad_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def events() -> list[tuple[str, str]]:
        said = capsys.readouterr()
        assert not said.out
        return [(event["level"], event["message"]) for event in map(json.loads, said.err.splitlines())]

    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "bad.mp4").write_text("no film")
    assert call("ingest", "films", "--log-json") == 1
    level, message = events()[-1]
    assert level == "ERROR" and "1 of 1 items failed" in message and "bad.mp4: not a video container" in message
    write_video(tmp_path / "films" / "grey.mp4", [np.full((90, 160, 3), i, np.uint8) for i in range(50)], FrameRate(num=25))
    assert call("ingest", "films", "--log-json", "--set", "ingest.transcription=false") == 3
    (warned, bad), (_, account) = events()[-2:]
    assert warned == "WARNING" and bad.startswith("ingest: quarantined: ") and "bad.mp4: not a video container" in bad
    assert account.startswith("ingest: 2 items, 2 new") and "unreadable_media 1" in account


def test_a_films_name_is_shown_as_it_is_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a:b.mp4", ":x: \x1b[31m.mp4", "two\nlines.mp4"):
        (tmp_path / name).write_text("no film")
    assert call("probe", ".") == 3
    out = capsys.readouterr().out
    assert "a:b.mp4: not a video" in out and r":x: \x1b[31m.mp4: not" in out and r"two\nlines.mp4: not" in out
    assert len(out.splitlines()) == 3


def test_no_folder_and_no_place_are_not_this_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("ingest", "") == 2
    assert "a place to ingest is empty" in one_line(capsys)
    assert call("status", "-w", "") == 2
    assert "no folder is named" in one_line(capsys)
    assert list(tmp_path.glob("tables")) == []


def test_ctrl_c_is_one_line_and_exit_code_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows", "simulate", "--sport", "tennis", "--minutes", "0.22", "--count", "40"]
    command += ["--production", "plain", "--set", "simulate.simulator.commentary=false"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, stderr=said, cwd=tmp_path, start_new_session=True)
        while not list(tmp_path.glob("simulated/*.mp4")):
            assert process.poll() is None, "it ended before it could be interrupted"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
        assert process.wait(timeout=600) == 130
    lines = (tmp_path / "said").read_text().splitlines()
    assert lines[-1] == "deepsport: interrupted; the same command goes on where it stopped"
    assert not any("Traceback" in line for line in lines)


def test_ask_wants_a_clip_or_a_film(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call("ask", "clip-1", "Which event happens?", "--checkpoint", str(tmp_path)) == 2
    assert "neither a video file nor a clip" in one_line(capsys)


def test_the_module_runs_as_well_as_the_script() -> None:
    command = [sys.executable, "-m", "flows", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout.strip()
    assert shutil.which("deepsport", path=str(Path(sys.executable).parent))
