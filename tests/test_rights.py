"""What keeps a film in the workspace is not lost: for no other recipe, name, copy, or fault."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

import ingest.fetch
from deepsport.records import Broadcast
from flows.recipe import Recipe, load_recipe
from flows.stages import current_units, run_ingest
from flows.workspace import Workspace

Say = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path, write_film: Callable[[Path, int], Path]) -> Path:
    return write_film(tmp_path / "films" / "a.mp4", 5)


@pytest.fixture
def say(film: Path) -> Say:
    """Writes a manifest of one row for the film, or for another path."""

    def write(path: str | Path = film, **cells: str) -> Path:
        manifest = film.parent / "said.csv"
        with manifest.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["path", *cells], [path, *cells.values()]])
        return manifest

    return write


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.fetch, "_PAUSE_S", 0.01)


def may_leave(workspace: Workspace, recipe: Recipe) -> dict[str, bool]:
    """By the name of the file, of the films that count."""
    units = [unit.unit for unit in current_units(workspace.catalog, "ingest", recipe.stage_hash("ingest")) if unit.num_records]
    return {Path(film.source_uri).name: film.exportable for film in workspace.catalog.read(Broadcast, units)}


def test_silence_and_another_licence_open_nothing(workspace: Workspace, recipe: Recipe, say: Say) -> None:
    seen = partial(may_leave, workspace, recipe)
    run_ingest(workspace, recipe, [say(licence="proprietary", exportable="false")])
    run_ingest(workspace, recipe, [say(licence="CC-BY-4.0")])
    assert seen() == {"a.mp4": False}
    run_ingest(workspace, recipe, [say(rights="free for all")])
    assert seen() == {"a.mp4": False}
    run_ingest(workspace, recipe, [say(exportable="true")])
    assert seen() == {"a.mp4": True}
    run_ingest(workspace, recipe, [say(licence="CC-BY-4.0", rights="free for all")])
    assert seen() == {"a.mp4": True}


def test_another_recipe_knows_what_was_said(workspace: Workspace, recipe: Recipe, film: Path, say: Say, tmp_path: Path) -> None:
    run_ingest(workspace, recipe, [say(rights="club", exportable="false")])
    (tmp_path / "other.toml").write_text(
        'name = "other"\nmax_failure_share = 1.0\n[ingest]\ntranscription = false\nshot = { min_shot_s = 1.0 }\n'
    )
    other = load_recipe(str(tmp_path / "other.toml"))
    run_ingest(workspace, other, [film])
    assert may_leave(workspace, other) == {"a.mp4": False}
    assert {film.rights for film in workspace.catalog.read(Broadcast)} == {"club"}


def test_a_replaced_film_that_turns_up_elsewhere_has_its_rights(
    workspace: Workspace, recipe: Recipe, film: Path, say: Say, write_film: Callable[[Path, int], Path]
) -> None:
    run_ingest(workspace, recipe, [say(exportable="false")])
    film.rename(film.with_name("b.mp4"))
    write_film(film, 9)
    run_ingest(workspace, recipe, [say(exportable="true")])
    run_ingest(workspace, recipe, [film.with_name("b.mp4")])
    assert may_leave(workspace, recipe) == {"a.mp4": True, "b.mp4": False}


def test_what_was_said_of_a_broken_film_holds_when_it_is_mended(
    workspace: Workspace, recipe: Recipe, film: Path, say: Say
) -> None:
    whole = film.read_bytes()
    film.write_bytes(whole[:300])
    run_ingest(workspace, recipe, [say(rights="club", exportable="false")])
    film.write_bytes(whole)
    run_ingest(workspace, recipe, [film.parent])
    assert may_leave(workspace, recipe) == {"a.mp4": False}
    assert [film.rights for film in workspace.catalog.read(Broadcast)] == ["club"]


@pytest.mark.parametrize("row_of_url_first", [True, False])
def test_a_copy_by_url_that_is_kept_in_keeps_the_film_in(
    workspace: Workspace, recipe: Recipe, film: Path, httpserver: HTTPServer, row_of_url_first: bool
) -> None:
    httpserver.expect_request("/copy.mp4").respond_with_data(film.read_bytes())
    rows = [f"{httpserver.url_for('/copy.mp4')},false", f"{film},"]
    manifest = film.parent / "said.csv"
    manifest.write_text("\n".join(["path,exportable", *(rows if row_of_url_first else rows[::-1])]))
    for _ in range(4):
        run_ingest(workspace, recipe, [manifest])
        assert list(may_leave(workspace, recipe).values()) == [False]
    assert run_ingest(workspace, recipe, [manifest]).num_new == 0


def test_a_film_that_is_gone_can_still_be_kept_in(
    workspace: Workspace, recipe: Recipe, film: Path, say: Say, httpserver: HTTPServer
) -> None:
    url = httpserver.url_for("/far.mp4")
    whole = film.read_bytes()
    httpserver.expect_request("/far.mp4").respond_with_data(whole + b"\0" * 8)
    run_ingest(workspace, recipe, [film, url])
    rows = len(workspace.catalog.read(Broadcast))
    assert may_leave(workspace, recipe) == {"a.mp4": True, "far.mp4": True}
    film.unlink()
    httpserver.clear()
    assert run_ingest(workspace, recipe, [say(exportable="true")]).exit_code == 3
    assert may_leave(workspace, recipe)["a.mp4"]
    assert run_ingest(workspace, recipe, [say(rights="All rights reserved")]).exit_code == 3
    assert run_ingest(workspace, recipe, [say(url, exportable="false")]).exit_code == 3
    assert may_leave(workspace, recipe) == {"a.mp4": False, "far.mp4": False}
    assert [run_ingest(workspace, recipe, [say(exportable="false")]).num_new for _ in range(2)][1] == 0
    assert len(workspace.catalog.read(Broadcast)) == rows + 2, "nothing else was made anew"
    film.write_bytes(whole)
    run_ingest(workspace, recipe, [film])
    assert may_leave(workspace, recipe) == {"a.mp4": False, "far.mp4": False}


def test_a_feed_that_is_gone_hides_no_rights(workspace: Workspace, recipe: Recipe, say: Say, httpserver: HTTPServer) -> None:
    run_ingest(workspace, recipe, [say()])
    run_ingest(workspace, recipe, [say(exportable="false", feed=httpserver.url_for("/none.json"))])
    assert may_leave(workspace, recipe) == {"a.mp4": False}


def test_a_url_that_is_a_copy_is_no_failure(
    workspace: Workspace, recipe: Recipe, film: Path, httpserver: HTTPServer
) -> None:
    strict = recipe.model_copy(update={"max_failure_share": 0.0})
    for name in ("/a.mp4", "/b.mp4"):
        httpserver.expect_request(name).respond_with_data(film.read_bytes())
        run_ingest(workspace, strict, [httpserver.url_for(name)])
    result = run_ingest(workspace, strict, [httpserver.url_for("/b.mp4")])
    assert (result.num_new, dict(result.drops)) == (0, {"duplicate_media": 1})
