"""Ingest again and again of places that grow and change: only what is new is done, and what changed names what it was."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from rich.console import Console
from werkzeug import Request, Response

import flows.hashes
import ingest.broadcast
import ingest.fetch
from deepsport.ids import make_id, sha256_file
from deepsport.records import Broadcast, ClockFit, Drop, Event
from deepsport.settings import Settings
from deepsport.taxonomy import DropReason, Sport
from flows.recipe import Recipe
from flows.session import Session
from flows.stages import current_units, run_ingest
from flows.status import show_status
from flows.workspace import Workspace


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.fetch, "_PAUSE_S", 0.001)
    monkeypatch.setattr(flows.hashes, "_SETTLED_S", 0.05)


def now(workspace: Workspace) -> dict[str, Broadcast]:
    units = [unit.unit for unit in current_units(workspace.catalog, "ingest")]
    return {broadcast.title: broadcast for broadcast in workspace.catalog.read(Broadcast, units)}


def drops(workspace: Workspace) -> list[tuple[str, DropReason]]:
    units = [unit.unit for step in ("find_sources", "ingest") for unit in current_units(workspace.catalog, step)]
    found = workspace.catalog.read(Drop, units)
    return sorted((drop.item.rsplit("/", 1)[-1], drop.reason) for drop in found if drop.reason is not DropReason.CLIP_TOO_SHORT)


def status(workspace: Workspace, recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, Any]]:
    """What `deepsport status` shows, and its JSON."""
    session = Session(workspace, recipe, Settings(), 1, Console(file=io.StringIO()))
    capsys.readouterr()
    show_status(session)
    shown = capsys.readouterr().out
    show_status(session, as_json=True)
    return " ".join(shown.split()), json.loads(capsys.readouterr().out)


def test_a_growing_folder_costs_its_new_films_only(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "films"
    write_film(folder / "a.mp4", 30), write_film(folder / "b.mp4", 31)
    time.sleep(0.1)  # a file that changed a moment ago is not yet taken as settled
    assert run_ingest(workspace, recipe, [folder]).num_new == 2
    write_film(folder / "c.mp4", 32)
    read: list[str] = []

    def sha256(path: Path) -> str:
        read.append(path.name)
        return sha256_file(path)

    monkeypatch.setattr(flows.hashes, "sha256_file", sha256)
    assert run_ingest(workspace, recipe, [folder]).num_new == 1
    assert read == ["c.mp4"], "the others were known by their size and time"
    again = run_ingest(workspace, recipe, [folder / ".." / "films", folder / "a.mp4"])
    assert (again.num_new, drops(workspace)) == (0, []), "another spelling of a path is no other film"
    # A new time alone has it read again, and nothing more.
    os.utime(folder / "a.mp4")
    read.clear()
    assert run_ingest(workspace, recipe, [folder]).num_new == 0
    assert "a.mp4" in read and set(now(workspace)) == {"a", "b", "c"}
    # What is remembered may be lost or damaged.
    (workspace.root / "hashes.json").write_text("[")
    assert run_ingest(workspace, recipe, [folder]).num_new == 0


def test_a_changed_file_is_a_new_broadcast_that_names_the_old_one(
    tmp_path: Path,
    workspace: Workspace,
    recipe: Recipe,
    write_film: Callable[[Path, int], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_film(tmp_path / "films" / "final.mp4", 30)
    (tmp_path / "films" / "list.jsonl").write_text(
        json.dumps({"path": "final.mp4", "sport": "tennis", "licence": "house", "rights": "the club", "exportable": False})
    )
    assert run_ingest(workspace, recipe, [path.parent / "list.jsonl"]).num_new == 1
    old = now(workspace)["final"]
    write_film(path, 40)
    assert run_ingest(workspace, recipe, [path.parent]).num_new == 1
    new = now(workspace)["final"]
    assert (new.proxy_num_frames, new.broadcast_id) == (40, make_id("broadcast", sha256_file(path)))
    assert (old.replaces, new.replaces) == (None, old.broadcast_id)
    assert (new.sport, new.licence, new.rights, new.exportable) == (Sport.TENNIS, "house", "the club", False)
    assert len(workspace.catalog.read(Broadcast)) == 2, "the old one's rows stay"
    assert run_ingest(workspace, recipe, [path.parent]).num_new == 0
    shown, told = status(workspace, recipe, capsys)
    assert f"changed: {path}: {new.broadcast_id} stands in place of {old.broadcast_id}" in shown
    assert told["changed"] == [{"source_uri": str(path), "broadcast_id": new.broadcast_id, "replaces": old.broadcast_id}]
    # And back: what is there counts, not what was there first.
    write_film(path, 30)
    assert run_ingest(workspace, recipe, [path.parent]).num_new == 1
    assert now(workspace)["final"].replaces == new.broadcast_id


def test_a_film_that_was_moved_for_a_new_one_is_not_replaced(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path]
) -> None:
    folder = tmp_path / "films"
    write_film(folder / "today.mp4", 30)
    run_ingest(workspace, recipe, [folder])
    (folder / "today.mp4").rename(folder / "yesterday.mp4")
    write_film(folder / "today.mp4", 40)
    result = run_ingest(workspace, recipe, [folder])
    assert (result.num_new, drops(workspace)) == (1, [])
    units = [unit.unit for unit in current_units(workspace.catalog, "ingest")]
    found = workspace.catalog.read(Broadcast, units)
    assert sorted((b.proxy_num_frames, b.replaces) for b in found) == [(30, None), (40, None)]
    assert run_ingest(workspace, recipe, [folder]).num_new == 0


def test_a_file_that_changes_while_it_is_read_is_set_aside_until_it_is_complete(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "films"
    write_film(folder / "good.mp4", 30)
    growing = write_film(folder / "growing.mp4", 31)
    whole = growing.read_bytes()
    decode = ingest.broadcast.decode_once

    def decode_while_it_grows(source: Path, *args: Any, **kwargs: Any) -> Any:
        done = decode(source, *args, **kwargs)
        if source == growing:
            with source.open("ab") as file:
                file.write(b"\0" * 100)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(ingest.broadcast, "decode_once", decode_while_it_grows)
        result = run_ingest(workspace, recipe, [folder])
    assert (result.exit_code, drops(workspace)) == (3, [("growing.mp4", DropReason.CHANGED_MEDIA)])
    assert set(now(workspace)) == {"good"} and len(list(workspace.root.glob("media/proxies/*"))) == 1
    # Even when it is again what it was when it was first looked at.
    growing.write_bytes(whole)
    result = run_ingest(workspace, recipe, [folder])
    assert (result.exit_code, set(now(workspace)), drops(workspace)) == (0, {"good", "growing"}, [])


class Site:
    """A web site of films, in whatever state a test puts it."""

    def __init__(self, server: HTTPServer) -> None:
        self.films: dict[str, bytes] = {}
        self.down = False
        self.password = ""
        self.gets: list[str] = []
        self.url = server.url_for("/")
        server.expect_request("/").respond_with_handler(self.index)
        server.expect_request(__import__("re").compile("/.+")).respond_with_handler(self.answer)

    def index(self, request: Request) -> Response:
        links = "".join(f'<a href="{name}">{name}</a>' for name in [*self.films, "readme.txt"])
        return Response(links, content_type="text/html")

    def answer(self, request: Request) -> Response:
        if self.down:
            return Response(status=503)
        if self.password and (request.authorization is None or request.authorization.password != self.password):
            return Response(status=401)
        name = request.path.strip("/")
        if name not in self.films:
            return Response(status=404)
        if request.method == "GET":
            self.gets.append(name)
        response = Response(self.films[name], content_type="video/mp4")
        response.add_etag()
        return response.make_conditional(request, accept_ranges=True, complete_length=len(self.films[name]))


def test_a_site_that_grows_changes_and_goes_down(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path], httpserver: HTTPServer
) -> None:
    films = [write_film(tmp_path / f"{number}.mp4", number).read_bytes() for number in (30, 31, 32)]
    site = Site(httpserver)
    site.films = {"a.mp4": films[0]}
    (tmp_path / "list.jsonl").write_text(json.dumps({"url": f"{site.url}a.mp4", "licence": "house"}))
    assert run_ingest(workspace, recipe, [tmp_path / "list.jsonl"]).num_new == 1
    # A folder says nothing of the licence; what was said stays said, and nothing is copied again.
    site.gets.clear()
    assert run_ingest(workspace, recipe, [site.url]).num_new == 0
    assert site.gets == [] and now(workspace)["a"].licence == "house"
    site.films = {"a.mp4": films[1], "b.mp4": films[2]}
    assert run_ingest(workspace, recipe, [site.url]).num_new == 2
    broadcasts = now(workspace)
    assert broadcasts["a"].proxy_num_frames == 31 and broadcasts["a"].replaces == make_id("broadcast", _sha256(films[0]))
    assert broadcasts["b"].replaces is None and set(site.gets) == {"a.mp4", "b.mp4"}
    # Out of reach: what there is stays; what is new is set aside, and local films go on.
    rows = [{"url": f"{site.url}{name}.mp4"} for name in "abc"] + [{"path": str(write_film(tmp_path / "local.mp4", 33))}]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    site.films["c.mp4"], site.down = write_film(tmp_path / "c.mp4", 34).read_bytes(), True
    result = run_ingest(workspace, recipe, [tmp_path / "list.jsonl"])
    assert result.exit_code == 3 and set(now(workspace)) == {"a", "b", "local"}
    assert drops(workspace) == [(f"{name}.mp4", DropReason.UNREACHABLE_MEDIA) for name in "abc"]
    # Up again, one film gone for good.
    site.down = False
    del site.films["b.mp4"]
    result = run_ingest(workspace, recipe, [tmp_path / "list.jsonl"])
    assert result.num_new == 2, "the film, and the drops of before taken back"
    assert set(now(workspace)) == {"a", "b", "c", "local"}
    assert drops(workspace) == [("b.mp4", DropReason.MISSING_FILE)]
    assert run_ingest(workspace, recipe, [tmp_path / "list.jsonl"]).num_new == 0


def test_places_out_of_reach_are_set_aside_and_the_others_go_on(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path], httpserver: HTTPServer
) -> None:
    site = Site(httpserver)
    site.films = {"a.mp4": write_film(tmp_path / "a.mp4", 30).read_bytes()}
    bad = ["https://127.0.0.1:9/films/", f"{site.url}none/", "ftp://127.0.0.1:9/x.mp4", "ftp://127.0.0.1:9/films/"]
    result = run_ingest(workspace, recipe, [*bad, f"{site.url}a.mp4", f"{site.url}a.mp4"])
    assert (result.exit_code, result.num_items, set(now(workspace))) == (3, 5, {"a"})
    found = {drop.item: drop.reason for drop in workspace.catalog.read(Drop) if drop.reason is not DropReason.CLIP_TOO_SHORT}
    out_of_reach = DropReason.UNREACHABLE_MEDIA
    assert found == dict(zip(bad, [out_of_reach, DropReason.MISSING_FILE, out_of_reach, out_of_reach], strict=True))


def test_a_password_is_used_and_kept_nowhere(
    tmp_path: Path,
    workspace: Workspace,
    recipe: Recipe,
    write_film: Callable[[Path, int], Path],
    httpserver: HTTPServer,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site(httpserver)
    site.films = {"a.mp4": write_film(tmp_path / "a.mp4", 30).read_bytes(), "a.json": feed("foul"), "bad.mp4": b"no film"}

    def ingest(password: str) -> tuple[int, int]:
        site.password = password
        far = site.url.replace("//", f"//kim:{password}@")
        rows = [{"url": f"{far}{name}.mp4", "sport": "soccer"} for name in ("a", "bad", "gone")]
        rows[0]["feed"] = f"{far}a.json"
        site.films["list.jsonl"] = "\n".join(map(json.dumps, rows)).encode()
        result = run_ingest(workspace, recipe, [f"{far}list.jsonl", f"{far}none/"])
        return result.num_new, result.num_bad_items

    assert ingest("secretpw") == (4, 3)
    assert {event.kind for event in workspace.catalog.read(Event)} == {"foul"}, "its feed needs the password as well"
    site.gets.clear()
    assert ingest("otherpw") == (0, 3) and set(site.gets) == {"list.jsonl"}, "nothing is new but the password"
    site.films["a.mp4"] = write_film(tmp_path / "a.mp4", 31).read_bytes()
    assert ingest("secretpw")[0] == 1 and now(workspace)["a"].replaces, "a changed film is known by its URL all the same"
    run_ingest(workspace, recipe, [site.url.replace("//", "//kim:secretpw@") + "a.mp4"])
    assert "a.json: its password is not kept" in " ".join(drop.detail for drop in workspace.catalog.read(Drop))
    assert now(workspace)["a"].feed_sha256 == _sha256(feed("foul")), "the film stays as it is"
    shown = f"{status(workspace, recipe, capsys)} {caplog.text}"
    assert "kim" not in shown and site.url.partition("//")[2] in shown
    tables = [record.model_dump_json() for table in (Broadcast, ClockFit, Drop) for record in workspace.catalog.read(table)]
    units = [unit.model_dump_json() for step in ("find_sources", "ingest") for unit in workspace.catalog.units(step)]
    kept = [path.read_bytes().decode(errors="replace") for path in workspace.root.rglob("*") if path.is_file()]
    assert len(tables) > 4 and len(units) > 4 and len(kept) > 4
    assert not [text for text in (shown, *tables, *units, *kept) if "secretpw" in text or "otherpw" in text]


def feed(*kinds: str) -> bytes:
    """A feed of our own, with an event every fifth of a second."""
    rows = [{"kind": kind, "time_s": 0.2 * (i + 1), "team": "red"} for i, kind in enumerate(kinds)]
    header = {"format": "deepsport-feed-1", "sport": "soccer", "fps": [25, 1], "unit": "seconds"}
    return json.dumps({**header, "events": rows}).encode()


def test_feeds_by_url_are_read_noticed_when_they_change_and_missed_when_they_are_not_there(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path], httpserver: HTTPServer
) -> None:
    site = Site(httpserver)
    site.films = {"a.json": feed("foul", "goal"), "b.json": b"{}"}
    rows = [
        {"path": str(write_film(tmp_path / f"{name}.mp4", number)), "sport": "soccer", "feed": f"{site.url}{name}.json"}
        for number, name in enumerate("abc", 40)
    ]
    manifest = tmp_path / "list.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))

    def kinds() -> dict[str, list[str]]:
        catalog, broadcasts = workspace.catalog, now(workspace)
        events = catalog.read(Event, [unit.unit for unit in current_units(catalog, "ingest")])
        return {
            title: [event.kind for event in events if event.broadcast_id == broadcast.broadcast_id]
            for title, broadcast in broadcasts.items()
        }

    result = run_ingest(workspace, recipe, [manifest])
    assert result.exit_code == 3 and kinds() == {"a": ["foul", "goal"], "b": []}
    assert drops(workspace) == [("b.json", DropReason.BAD_FEED), ("c.mp4", DropReason.MISSING_FILE)]
    [odd] = [drop for drop in workspace.catalog.read(Drop) if drop.reason is DropReason.BAD_FEED]
    assert f"{site.url}b.json" in odd.detail and str(workspace.root) not in odd.detail
    known = now(workspace)["a"]
    assert (known.feed_uri, known.feed_sha256) == (f"{site.url}a.json", _sha256(feed("foul", "goal")))
    assert run_ingest(workspace, recipe, [manifest]).num_new == 0
    # A changed feed replaces what was read of the old one; out of reach, what there is stays.
    site.films["a.json"] = feed("foul", "goal", "offside")
    assert run_ingest(workspace, recipe, [manifest]).num_new == 1 and kinds()["a"] == ["foul", "goal", "offside"]
    site.down = True
    run_ingest(workspace, recipe, [manifest])
    assert kinds()["a"] == ["foul", "goal", "offside"]
    site.down, site.films["c.json"] = False, feed("goal")
    run_ingest(workspace, recipe, [manifest])
    assert kinds() == {"a": ["foul", "goal", "offside"], "b": [], "c": ["goal"]}


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_a_url_with_the_bytes_of_a_film_that_is_there_is_a_copy(
    tmp_path: Path, workspace: Workspace, recipe: Recipe, write_film: Callable[[Path, int], Path], httpserver: HTTPServer
) -> None:
    path = write_film(tmp_path / "films" / "a.mp4", 30)
    site = Site(httpserver)
    site.films = {"x.mp4": path.read_bytes()}
    run_ingest(workspace, recipe, [path.parent])
    result = run_ingest(workspace, recipe, [f"{site.url}x.mp4"])
    assert result.drops[DropReason.DUPLICATE_MEDIA] == 1 and set(now(workspace)) == {"a"}
    assert run_ingest(workspace, recipe, [f"{site.url}x.mp4"]).num_new == 0
    shutil.rmtree(workspace.root / "media" / "incoming")
    assert run_ingest(workspace, recipe, [f"{site.url}x.mp4"]).num_new == 0
