"""Faults that a night's run meets: the rest is done, the account says so, a re-run completes, and no row differs afterwards.

Each is made to real processes: `deepsport ingest` in one of its own, with its workers.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepsport.catalog import TABLES, Catalog
from deepsport.records import Broadcast, Unit
from deepsport.timebase import FrameRate
from deepsport.video import write_video
from flows.stages import current_units

DEADLINE_S = 600
SMALL_DISK_BYTES = 4_000_000
"""Holds the short films and what is made of them, and neither the big film nor its proxy."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, numbered_film: Any) -> Path:
    """A folder of two short films and one of noise, ``big``, that takes some seconds."""
    folder = tmp_path_factory.mktemp("films")
    for name, count in (("a", 60), ("c", 80)):
        write_video(folder / f"{name}.mp4", numbered_film.frames(count, 320, 180), FrameRate(num=25))
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 255, (180, 320, 3), np.uint8) for _ in range(200))
    write_video(folder / "big.mp4", noise, FrameRate(num=25), preset="ultrafast")
    assert (folder / "big.mp4").stat().st_size > SMALL_DISK_BYTES
    return folder


class Ingest:
    """`deepsport ingest` of some places, as processes of its own with their own folder for temporary files."""

    def __init__(self, root: Path) -> None:
        self.root, self.workspace = root, root / "workspace"
        (root / "tmp").mkdir(parents=True)
        (root / "bare.toml").write_text('name = "bare"\nmax_failure_share = 0.9\n[ingest]\ntranscription = false\n')

    def start(self, *places: str | Path, workers: int = 2, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "flows", "ingest", *map(str, places), "--workspace", str(self.workspace)]
        command += ["--recipe", str(self.root / "bare.toml"), "--workers", str(workers)]
        env = {**os.environ, "TMPDIR": str(self.root / "tmp"), "COLUMNS": "400", **options.pop("env", {})}
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, **options)

    def run(self, *places: str | Path, **options: Any) -> tuple[int, str]:
        """Exit code and what was said."""
        return self.end(self.start(*places, **options))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        said = process.communicate(timeout=DEADLINE_S)[1]
        return process.returncode, said

    def film_under_way(self, process: subprocess.Popen[str], source: Path, but: int = 0) -> int:
        """The worker, other than ``but``, that is in the middle of the source: has it open and writes its proxy."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and process.poll() is None:
            for folder in Path("/proc").glob("[0-9]*/fd"):
                opened = _links(folder)
                if folder.parent.name == str(but) or str(source) not in opened:
                    continue
                parts = [Path(p) for p in opened if p.startswith(str(self.root / "tmp")) and p.endswith(".part")]
                if any(part.exists() and part.stat().st_size > 0 for part in parts):
                    return int(folder.parent.name)
            time.sleep(0.01)
        raise AssertionError(f"no worker was seen at {source}: {process.communicate()[1]}")

    def rows(self) -> dict[str, list[str]]:
        """All rows of the current units, by table."""
        catalog = Catalog(self.workspace)
        units = [unit.unit for unit in current_units(catalog, "ingest")]
        return {
            table: sorted(row.model_dump_json() for row in catalog.read(kind, units))
            for kind, table in TABLES.items()
            if kind is not Unit
        }

    def titles(self) -> set[str]:
        """The broadcasts that are there."""
        return {broadcast.title for broadcast in Catalog(self.workspace).read(Broadcast)}


def _links(folder: Path) -> list[str]:
    try:
        return [str(link.readlink()) for link in folder.iterdir()]
    except OSError:  # ended, or a stranger's
        return []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, films: Path) -> dict[str, list[str]]:
    """The rows of a run that nothing befell."""
    ingest = Ingest(tmp_path_factory.mktemp("undisturbed") / "run")
    code, said = ingest.run(films)
    assert code == 0, said
    rows = ingest.rows()
    assert len(rows["broadcasts"]) == 3 and len(rows["shots"]) >= 3
    return rows


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    return Ingest(tmp_path / "run")


def test_a_worker_that_is_killed_in_the_middle_of_a_film_costs_nothing(
    ingest: Ingest, films: Path, undisturbed: dict[str, list[str]]
) -> None:
    run = ingest.start(films)
    os.kill(ingest.film_under_way(run, films / "big.mp4"), signal.SIGKILL)
    code, said = ingest.end(run)
    assert code == 0 and "3 new" in said, said
    assert ingest.rows() == undisturbed
    assert not list((ingest.root / "tmp").iterdir()), "the dead worker's proxy went with it"


@pytest.mark.slow
def test_a_film_that_kills_its_worker_each_time_is_told_and_a_re_run_completes(
    ingest: Ingest, films: Path, undisturbed: dict[str, list[str]]
) -> None:
    run = ingest.start(films)
    victim = 0
    for _ in range(2):
        victim = ingest.film_under_way(run, films / "big.mp4", but=victim)
        os.kill(victim, signal.SIGKILL)
    code, said = ingest.end(run)
    assert code == 3 and "1 failed and will be tried again" in said, said
    assert "big.mp4: the worker died 2 times on this item (SIGKILL)" in said
    assert ingest.titles() == {"a", "c"}
    code, said = ingest.run(films)
    assert code == 0 and "1 new" in said, said
    assert ingest.rows() == undisturbed


@pytest.mark.slow
def test_a_run_that_is_killed_whole_goes_on_where_it_was(
    ingest: Ingest, films: Path, undisturbed: dict[str, list[str]]
) -> None:
    run = ingest.start(films, start_new_session=True)
    ingest.film_under_way(run, films / "big.mp4")
    os.killpg(run.pid, signal.SIGKILL)
    assert ingest.end(run)[0] == -signal.SIGKILL
    assert "big" not in ingest.titles()
    assert list((ingest.root / "tmp").rglob("*.part"))
    code, said = ingest.run(films)
    assert code == 0, said
    assert ingest.rows() == undisturbed
    assert not list((ingest.root / "tmp").iterdir()), "what the killed run left is gone too"


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_ends_a_run_as_ctrl_c_does(ingest: Ingest, films: Path, workers: int) -> None:
    run = ingest.start(films, workers=workers, start_new_session=True)
    ingest.film_under_way(run, films / "big.mp4")
    run.send_signal(signal.SIGTERM)
    run.send_signal(signal.SIGTERM)  # as `timeout` does
    code, said = ingest.end(run)
    assert code == 143 and said.splitlines()[-1] == "deepsport: terminated; the same command goes on where it stopped", said
    assert "Traceback" not in said
    assert not list((ingest.root / "tmp").iterdir())
    deadline = time.monotonic() + DEADLINE_S
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:  # Python's own resource tracker follows its parent a moment later
            os.killpg(run.pid, 0)
            time.sleep(0.05)


def test_temporary_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    (tmp_path / "deepsport-run-not-ours").mkdir()
    (tmp_path / "other").mkdir()
    code = "import tempfile, deepsport.files as files; files.use_scratch(); print(tempfile.mkdtemp(), flush=True), input()"

    def start() -> tuple[subprocess.Popen[str], Path]:
        env = {**os.environ, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen([sys.executable, "-c", code], env=env, stdin=-1, stdout=-1, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    killed, left = start()
    living, kept = start()
    killed.kill()
    killed.wait(timeout=60)
    assert left.is_dir() and kept.is_dir()
    last, own = start()
    assert not left.parent.exists() and kept.is_dir() and own.is_dir()
    assert (last.communicate("\n"), living.communicate("\n")) == (("", None), ("", None))
    assert {path.name for path in tmp_path.iterdir()} == {"deepsport-run-not-ours", "other"}


@pytest.fixture
def small_disk(ingest: Ingest) -> Iterator[Callable[[int], None]]:
    """Has the workspace lie on a disk of so many bytes; a second call makes the same disk larger."""
    ingest.workspace.mkdir()

    def resize(size_bytes: int) -> None:
        how = "remount," if os.path.ismount(ingest.workspace) else ""
        mount = ["mount", "-t", "tmpfs", "-o", f"{how}size={size_bytes}", "tmpfs", str(ingest.workspace)]
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("no right to mount a small disk")

    yield resize
    if os.path.ismount(ingest.workspace):
        subprocess.run(["umount", "-l", str(ingest.workspace)], check=True)


def _as_urls(films: Path, folder: Path) -> Path:
    """A manifest that names the films by URL, the big one first."""
    rows = [{"url": (films / f"{name}.mp4").as_uri()} for name in ("big", "a", "c")]
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "list.jsonl"


@pytest.mark.slow
@pytest.mark.parametrize("by_url", [False, True])
def test_a_full_disk_costs_the_film_that_does_not_fit(
    ingest: Ingest, films: Path, small_disk: Callable[[int], None], by_url: bool, tmp_path: Path
) -> None:
    places = _as_urls(films, tmp_path) if by_url else films
    small_disk(SMALL_DISK_BYTES)
    code, said = ingest.run(places, workers=1)
    assert code == 3 and "1 failed and will be tried again" in said, said
    assert "big.mp4: no room to write" in said and "No space left on device" in said and "make room" in said
    assert "Traceback" not in said
    assert ingest.titles() == {"a", "c"}
    assert not [path for path in ingest.workspace.rglob("*") if path.suffix in (".part", ".tmp")], "what did not fit is gone"
    small_disk(100 << 20)
    code, said = ingest.run(places, workers=1)
    assert code == 0 and "1 new" in said, said
    whole = Ingest(tmp_path / "whole")
    assert whole.run(places)[0] == 0
    assert ingest.rows() == whole.rows()


def test_a_limit_on_the_size_of_files_is_told_as_a_full_disk(
    ingest: Ingest, films: Path, undisturbed: dict[str, list[str]]
) -> None:
    limit = (SMALL_DISK_BYTES, SMALL_DISK_BYTES)
    code, said = ingest.run(films, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert code == 3 and "big.mp4: no room to write" in said and "File too large" in said, said
    assert "Traceback" not in said and ingest.titles() == {"a", "c"}
    assert ingest.run(films)[0] == 0
    assert ingest.rows() == undisturbed


@pytest.mark.slow
def test_a_film_that_changes_while_it_is_read_waits_until_it_is_complete(
    ingest: Ingest, films: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "arriving"
    shutil.copytree(films, folder)
    run = ingest.start(folder)
    ingest.film_under_way(run, folder / "big.mp4")
    with (folder / "big.mp4").open("ab") as file:
        file.write(b"\0" * 1000)
    code, said = ingest.end(run)
    assert code == 3 and "changed_media 1" in said, said
    assert ingest.titles() == {"a", "c"}
    code, said = ingest.run(folder)
    assert code == 0, said
    whole = Ingest(tmp_path / "whole")
    assert whole.run(folder)[0] == 0
    assert ingest.rows() == whole.rows()


@pytest.mark.slow
def test_a_ray_cluster_gives_the_same_rows(
    ingest: Ingest, films: Path, undisturbed: dict[str, list[str]], ray_cluster: str
) -> None:
    code, said = ingest.run(films, env={"DEEPSPORT_RAY_ADDRESS": ray_cluster})
    assert code == 0 and "3 new" in said, said
    assert ingest.rows() == undisturbed


@pytest.mark.slow
def test_an_object_store_that_cannot_be_read_costs_its_own_films(
    ingest: Ingest, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    env = {
        "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_MAX_ATTEMPTS": "1",
    }  # fmt: skip
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    try:
        import s3fs

        bucket = s3fs.S3FileSystem(skip_instance_cache=True)
        bucket.mkdir("archive")
        bucket.put_file(str(films / "c.mp4"), "archive/c.mp4")
        rows = [{"url": "s3://archive/c.mp4"}, {"path": str(films / "a.mp4")}]
        (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
        # A port at which nobody is: as from a site whose line is cut.
        code, said = ingest.run(tmp_path / "list.jsonl", env={**env, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
        assert code == 3 and "unreachable_media 1" in said and "Traceback" not in said, said
        assert ingest.titles() == {"a"}
        code, said = ingest.run(tmp_path / "list.jsonl", env=env)
        assert code == 0 and ingest.titles() == {"a", "c"}, said
        whole = Ingest(tmp_path / "whole")
        assert whole.run(tmp_path / "list.jsonl", env=env)[0] == 0
        assert ingest.rows() == whole.rows()
    finally:
        server.stop()
