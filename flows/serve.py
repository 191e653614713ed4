"""``deepsport serve``: a schedule that fires, with nothing to set up.

It registers one deployment with the Prefect server of PREFECT_API_URL and runs what the schedule fires, one run at a time. Where
that is not set, it starts a server of its own on 127.0.0.1, with its state in ``<workspace>/prefect``. Runs that a killed server
or worker left behind as *running* are marked crashed at the start: nobody else would (measured: they stay so for ever).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deepsport.errors import UserError
from flows.session import Session
from ingest.search import check_place

log = logging.getLogger(__name__)

_START_TIMEOUT_S = 600.0
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_EXTRA_LOGGERS": "flows,ingest,train"}


def parse_every(text: str) -> timedelta:
    """A stretch of time: a number and s, m, h or d.

    Raises: UserError for anything else, and for less than ten seconds.

    >>> parse_every("90s"), parse_every("6h")
    (datetime.timedelta(seconds=90), datetime.timedelta(seconds=21600))
    """
    match = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip())
    if not match:
        raise UserError(f"--every {text}: write a number and s, m, h or d, e.g. 30s, 15m, 6h, 1d")
    every = timedelta(seconds=int(match[1]) * _UNITS_S[match[2]])
    if every < timedelta(seconds=10):
        raise UserError(f"--every {text}: at least 10s")
    return every


def check_cron(text: str) -> None:
    """Sees that a cron line is one, before a server is started for it.

    Raises: UserError when Prefect would not take it.

    >>> check_cron("0 3 * * *")
    """
    from cronsim import CronSim, CronSimError

    try:
        CronSim(text, datetime.now(UTC))
    except CronSimError as error:
        raise UserError(f"--cron {text!r}: {error}; write minute, hour, day, month, weekday, e.g. '0 3 * * *'") from None


def run_serve(session: Session, *, stage: str, places: Sequence[str], every: str | None, cron: str | None) -> int:
    """Registers the schedule and runs it until the process is told to stop.

    Raises: UserError for a schedule that is none, or a server that does not answer.
    """
    if (every is None) == (cron is None):
        raise UserError("say either --every, e.g. --every 6h, or --cron, e.g. --cron '0 3 * * *'")
    interval = parse_every(every) if every else None
    if cron is not None:
        check_cron(cron)
    if stage in ("ingest",) and not places:
        raise UserError("say what to ingest: deepsport serve --stage ingest --every 1h PLACES")
    for place in places:
        check_place(place)
    session.workspace.make()
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with _server(session) as url:
        _serve(session, stage, places, interval, cron, url)
    return 0


def _serve(session: Session, stage: str, places: Sequence[str], interval: timedelta | None, cron: str | None, url: str) -> None:
    from prefect.types.entrypoint import EntrypointType

    from flows.pipeline import FLOWS

    served = FLOWS[stage]
    name = session.recipe.name
    try:
        asyncio.run(_tidy(f"{served.name}/{name}"))
        session.say(
            f"serving {served.name} {'every ' + str(interval) if interval else 'at ' + str(cron)}; {url} (Ctrl-C ends it)"
        )
        served.serve(
            name=name,
            interval=interval,
            cron=cron,
            parameters={
                "workspace": str(session.workspace.root),
                "recipe": _portable(session.recipe_source),
                "overrides": list(session.overrides),
                "workers": session.workers,
                "places": [str(place) if "://" in place else str(Path(place).absolute()) for place in places],
            },
            limit=1,
            print_starting_message=False,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
    except ValueError as error:
        raise UserError(f"the schedule is not accepted: {error}") from None


def _portable(recipe: str) -> str:
    """A recipe's path as a run finds it from any folder; names stay names."""
    path = Path(recipe)
    return str(path.absolute()) if path.suffix == ".toml" or path.parent != Path() else recipe


async def _tidy(deployment: str) -> None:
    """Marks runs of an earlier, killed ``serve`` as crashed, and forgets those that were due meanwhile."""
    from prefect import get_client
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Cancelled, Crashed

    async with get_client() as client:
        try:
            found = await client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return
        alive = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED]
        runs = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[found.id])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=alive))),
        )
        for run in runs:
            if run.state_type is StateType.SCHEDULED:
                if run.expected_start_time is not None and run.expected_start_time < datetime.now(UTC):
                    await client.set_flow_run_state(run.id, Cancelled(message="nobody served it when it was due"), force=True)
            else:
                await client.set_flow_run_state(run.id, Crashed(message="its worker was gone"), force=True)


@contextmanager
def _server(session: Session) -> Iterator[str]:
    """The API that Prefect's client will speak to; a server of our own ends with the block."""
    given = os.environ.get("PREFECT_API_URL")
    if given:
        _await_health(given, None, 30.0, Path())
        yield given
        return
    home = Path(os.environ.setdefault("PREFECT_HOME", str(session.workspace.root / "prefect")))
    home.mkdir(parents=True, exist_ok=True)
    note = home / "deepsport-server.json"
    adopted = _running(note)
    process: subprocess.Popen[bytes] | None = None
    if adopted is None:
        port = _free_port()
        url, log_path = f"http://127.0.0.1:{port}/api", home / "server.log"
        os.environ["PREFECT_API_URL"] = url
        session.say("starting a Prefect server on 127.0.0.1 (the first time takes half a minute)")
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with log_path.open("ab") as output:
            # Its own session: Ctrl-C is for the runner, which must still say goodbye to the server.
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        pid = process.pid
        note.write_text(json.dumps({"pid": pid, "url": url}), encoding="utf-8")
    else:
        pid, url = adopted
        os.environ["PREFECT_API_URL"] = url
    try:
        _await_health(url, process, _START_TIMEOUT_S, home / "server.log")
        yield url
    finally:
        _end(pid, process)
        note.unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _running(note: Path) -> tuple[int, str] | None:
    """Process and URL of the server that an earlier ``serve`` left running when it was killed."""
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        pid, url = int(known["pid"]), str(known["url"])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (pid, url) if b"prefect" in words and _healthy(url) else None


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _await_health(url: str, process: subprocess.Popen[bytes] | None, timeout_s: float, log_path: Path) -> None:
    deadline = time.monotonic() + timeout_s
    while not _healthy(url):
        if process is not None and process.poll() is not None:
            raise UserError(f"the Prefect server ended with code {process.returncode}; see {log_path}")
        if time.monotonic() > deadline:
            raise UserError(f"{url}: no Prefect server answers; start one, or unset PREFECT_API_URL to have one started")
        time.sleep(0.5)


def _end(pid: int, process: subprocess.Popen[bytes] | None) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                return
            if process is None and not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.2)
