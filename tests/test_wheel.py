"""The wheel: it holds all that the source tree does, and works in an environment that has never seen the tree."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PACKAGES = ("deepsport", "ingest", "annotate", "curriculum", "train", "export", "flows", "recipes")
TIMEOUT_S = 1000


class Place(NamedTuple):
    """Where the wheel is installed, and a folder to work in."""

    wheel: Path
    venv: Path
    folder: Path

    def run(self, *command: str) -> str:
        """Run a program of the environment in the folder; gives what it printed. Raises: CalledProcessError."""
        program = self.venv / "bin" / command[0]
        return called([str(program), *command[1:]], self.folder)


def called(command: Sequence[str], folder: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPSPORT_", "PYTHON"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**clean, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The wheel, built with no network and installed in a new environment that borrows only the libraries of this one."""
    base = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    called([*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(base), str(ROOT)], base)
    (wheel,) = base.glob("deepsport-*.whl")
    venv = base / "venv"
    called([sys.executable, "-m", "venv", "--without-pip", str(venv)], base)
    called([*pip, "--python", str(venv / "bin" / "python"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)], base)
    (site,) = (venv / "lib").glob("python*/site-packages")
    # A plain line of a .pth is put on the path, but the .pth files in there, an editable install's among them, are not read.
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    folder = base / "elsewhere"
    folder.mkdir()
    return Place(wheel, venv, folder)


def test_every_file_of_the_packages_is_in_the_wheel(place: Place) -> None:
    packed = {name for name in zipfile.ZipFile(place.wheel).namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.parts)
    }
    assert here - packed == set()
    assert packed - here == set(), "the wheel installs what is no package of ours"


def test_the_installed_code_is_the_wheels(place: Place) -> None:
    code = "import sys, deepsport, flows, recipes; print(deepsport.__file__, flows.__file__, recipes.__file__); print(sys.path)"
    files, path = place.run("python", "-c", code).splitlines()
    assert files.count(str(place.venv)) == 3 and f"'{ROOT}'" not in path  # a .venv in the clone may lend its libraries
    assert place.run("deepsport", "--version").strip() == importlib.metadata.version("deepsport")


@pytest.mark.parametrize(
    ("package", "resource"),
    [
        ("recipes", "tiny.toml"),
        ("recipes", "qwen2.5-vl-7b.toml"),
        ("deepsport.agent", "prompts/instructions.txt"),
        ("annotate", "prompts/word_question.txt"),
        ("annotate", "prompts/judge_reasoning.txt"),
        ("annotate", "labelling.xml"),
        ("train", "chat_template.jinja"),
        ("export", "templates/report.html.jinja"),
        ("ingest.simulator", "sounds/lines.json"),
    ],
)
def test_resources_are_found_through_importlib(place: Place, package: str, resource: str) -> None:
    code = f"from importlib import resources as r; print(len((r.files({package!r}) / {resource!r}).read_bytes()))"
    assert int(place.run("python", "-c", code)) == (ROOT / package.replace(".", "/") / resource).stat().st_size


def test_the_demo_explains_itself_from_another_folder(place: Place) -> None:
    assert "Usage: deepsport demo" in place.run("deepsport", "demo", "--help")


def test_broadcasts_are_made_ingested_and_asked_about_from_another_folder(place: Place) -> None:
    place.run("deepsport", "simulate", "--sport", "tennis", "--production", "plain", "--minutes", "0.24", "made")
    assert "tennis-0.mp4" in (place.folder / "made" / "manifest.jsonl").read_text(encoding="utf-8")
    place.run("deepsport", "ingest", "made/manifest.jsonl")
    place.run("deepsport", "annotate")
    tables = json.loads(place.run("deepsport", "status", "--json"))["tables"]
    assert all(tables[name] for name in ("broadcasts", "utterances", "clips", "questions", "trajectories"))
