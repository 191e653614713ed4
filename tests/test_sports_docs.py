"""docs/add-a-sport.md says what the code does: what is shown is in the files, what is typed gives what is printed."""

from __future__ import annotations

import doctest
import os
import re
from pathlib import Path

import pytest

from flows.cli import main
from ingest.replay import replay_feed

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-sport.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_what_the_page_shows_of_the_code_is_the_code():
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "deepsport" / "sports").glob("*.py")]
    shown = [text for language, text in BLOCKS if language == "python"]
    assert len(shown) == 5
    for text in shown:
        assert any(text in source for source in files), text


def test_what_is_typed_gives_what_is_printed():
    typed = "\n".join(text for language, text in BLOCKS if language == "pycon")
    test = doctest.DocTestParser().get_doctest(typed, {}, "add-a-sport", "docs/add-a-sport.md", 0)
    said: list[str] = []
    runner = doctest.DocTestRunner()
    runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0 and runner.tries > 15, "".join(said)


def console(words):
    """What the page shows of a command."""
    block = next(text for language, text in BLOCKS if language == "console" and words in text)
    command, printed = block.split("\n", 1)
    return command, printed


def test_the_rules_command_prints_what_the_page_shows(capsys):
    command, printed = console("sports rules")
    assert command == '$ deepsport sports rules "serve clips the net" --sport table_tennis --limit 1'
    with pytest.raises(SystemExit) as ended:
        main(["sports", "rules", "serve clips the net", "--sport", "table_tennis", "--limit", "1"])
    assert ended.value.code == 0 and capsys.readouterr().out == printed


def test_the_replay_command_prints_what_the_page_shows(capsys, tmp_path, monkeypatch):
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    real = Path(folder) / "annotations" / "CoachAI-Projects__First2Ball_demo.csv"
    (tmp_path / "CoachAI-demo.csv").write_bytes(real.read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["sports", "replay", "CoachAI-demo.csv"])
    assert ended.value.code == 0 and capsys.readouterr().out == console("sports replay")[1]
    assert replay_feed(Path("CoachAI-demo.csv")).feeds[0].score_right
