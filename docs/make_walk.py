"""Runs what docs/walk.md shows, and writes what came of it into the page.

    python docs/make_walk.py

Blocks marked ``console`` hold commands after ``$``, blocks marked ``pycon`` Python after ``>>>``; all run in one new folder, in
order. A slow test runs them too and compares, ids aside: an id follows from the bytes of a video, and those from the encoder.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "walk.md"
BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOISE = re.compile(r"^\d\d:\d\d:\d\d |it/s\]|Warning: |^  warnings\.warn\(")
SECONDS = re.compile(r", \d+ s$")
"""What a stage took, which is no part of the page."""
TIMEOUT_S = 1800


def filled(page: str, folder: Path) -> str:
    """The page with the output of all its blocks, run in an empty folder.

    Raises: CalledProcessError when a command fails, and whatever the Python raises.
    """
    names: dict[str, Any] = {}

    def run(match: re.Match[str]) -> str:
        parts = _commands(match[2], folder) if match[1] == "console" else _python(match[2], folder, names)
        body = "".join(parts).replace(str(folder), "/home/you/walk")
        return f"```{match[1]}\n{body}```"

    return BLOCK.sub(run, page)


def comparable(page: str) -> str:
    """The page without ids, which may differ from machine to machine."""
    return re.sub(r"\b([a-z_]+)-[0-9a-f]{16}\b", r"\1-#", page)


def _commands(block: str, folder: Path) -> list[str]:
    parts = []
    for shown in re.findall(r"^\$ (?:.*\\\n)*.*\n", block, re.MULTILINE):
        words = shlex.split(shown[2:].replace("\\\n", " "))
        command = [sys.executable, "-m", "flows", *words[1:]] if words[0] == "deepsport" else words
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPSPORT_")}
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, "COLUMNS": "120", "TERM": "dumb", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stdout)
            done.check_returncode()
        kept = [SECONDS.sub("", said.rstrip()) for said in done.stdout.splitlines() if said.strip() and not NOISE.search(said)]
        parts += [shown, *(f"{said}\n" for said in kept)]
    return parts


def _python(block: str, folder: Path, names: dict[str, Any]) -> list[str]:
    parts = []
    for example in doctest.DocTestParser().get_examples(block):
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(example.source, str(PAGE), "single"), names)  # our own page
        first, *more = example.source.splitlines()
        parts += [f">>> {first}\n", *(f"... {line}\n" for line in more), out.getvalue()]
    return parts


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), Path(name)), encoding="utf-8")
