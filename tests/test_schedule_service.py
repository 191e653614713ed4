"""A schedule really fires: a Prefect server on loopback, ``deepsport serve``, and a run that nobody started by hand."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from deepsport.catalog import Catalog
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from flows.recipe import load_recipe
from flows.simulation import make_broadcasts

pytestmark = [pytest.mark.service, pytest.mark.timeout(2400)]


def post(url: str, path: str, body: dict[str, object]) -> list[dict[str, object]]:
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        rows: list[dict[str, object]] = json.load(answer)
        return rows


def runs(url: str) -> list[dict[str, object]]:
    try:
        return post(url, "/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
    except OSError:
        return []


def wait_for(what: str, found, process: subprocess.Popen[bytes], log: Path, timeout_s: float = 600):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + timeout_s
    while not (value := found()):
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, f"no {what}: {log.read_text()[-3000:]}"
        time.sleep(1)
    return value


def listening(port: int) -> set[str]:
    """Local addresses on which the port listens, as /proc/net/tcp writes them."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}


def test_the_schedule_fires_a_run_that_completes(tmp_path: Path) -> None:
    recipe = load_recipe("tiny")
    quiet = recipe.simulate.simulator.model_copy(update={"commentary": False})
    manifest = make_broadcasts(tmp_path / "films", {Sport.TENNIS: 1}, 8.0, 0, quiet)
    workspace, log = tmp_path / "workspace", tmp_path / "serve.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DEEPSPORT_"))}
    environment["PREFECT_HOME"] = str(tmp_path / "prefect")
    command = [sys.executable, "-m", "flows", "serve", str(manifest), "--stage", "ingest", "--every", "15s", "-w", str(workspace)]
    command += ["--set", "ingest.transcription=false"]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=tmp_path, start_new_session=True)

    process = start()
    try:
        note = wait_for("server", lambda: next(iter((tmp_path / "prefect").glob("deepsport-server.json")), None), process, log)
        url = json.loads(note.read_text())["url"]

        def completed() -> list[dict[str, object]]:
            return [run for run in runs(url) if run["state_type"] == "COMPLETED"]

        (first, *_) = wait_for("completed run", completed, process, log)
        assert first["auto_scheduled"] is True and first["state_name"] == "Completed"
        assert len(Catalog(workspace).read(Broadcast)) == 1
        port = int(re.search(r":(\d+)/", url)[1])  # type: ignore[index]
        assert listening(port) == {"0100007F"}, "the server listens on 127.0.0.1 only"

        # A second run finds everything done, and it is the schedule's too.
        again = wait_for("second run", lambda: completed()[1:], process, log)
        assert again[0]["auto_scheduled"] is True
        assert len(Catalog(workspace).units("ingest")) == 1

        # Killed, its server is found again, and what was left running is not left so.
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=300)
        before = len(completed())
        process = start()
        wait_for("run after a kill", lambda: len(completed()) > before, process, log)
        states = {run["state_type"] for run in runs(url) if str(run["expected_start_time"]) < str(first["end_time"])}
        assert "RUNNING" not in states and "PENDING" not in states
        assert json.loads(note.read_text())["url"] == url

        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=300) in (0, 130)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "the server it started is gone"
    finally:
        for pid in {process.pid, *server_pids(tmp_path)}:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def server_pids(tmp_path: Path) -> list[int]:
    return [int(json.loads(note.read_text())["pid"]) for note in (tmp_path / "prefect").glob("deepsport-server.json")]
