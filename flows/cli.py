"""The command line: ``deepsport --help``. Heavy libraries are imported by the command that needs them, so help comes at once."""

from __future__ import annotations

import gc
import io
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import App, Group, Parameter, Token
from cyclopts.exceptions import CycloptsError, UnknownCommandError

from deepsport.errors import DeepSportError, UserError
from deepsport.files import disk_fault
from deepsport.log import redact

if TYPE_CHECKING:
    from types import FrameType

    from flows.session import Session

EXIT_FAILED, EXIT_USER, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 2, 130, 143


def _version() -> str:
    from importlib import metadata

    return metadata.version("deepsport")


app = App(
    name="deepsport",
    help="""From sports broadcasts to provable questions, graded lessons, shards, and a trained and measured model.

    A dataset is a folder, the workspace. Each stage adds what is missing and does nothing twice. `deepsport demo` shows all of
    them on simulated broadcasts; with your own, begin with `deepsport ingest FOLDER`.

    Exit codes: 0 done; 3 done, but items were quarantined (see `deepsport status`); 1 failed; 2 a mistake in the command.
    """,
    version=_version,
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,  # run() says that the same command goes on
)
STAGES = Group("Stages, in order", sort_key=1)
LOOKING = Group("Looking", sort_key=2)
KEEPING = Group("Keeping it going", sort_key=3)
app["--help"].group = app["--version"].group = KEEPING
review = App(name="review", help="Let people judge the questions in Label Studio: push, then pull.", group=LOOKING, sort_key=4)
app.command(review)
sports = App(name="sports", help="What is known of the sports: rules that play real matches again.", group=LOOKING, sort_key=5)
app.command(sports)

COMMON = Group("Common", sort_key=9)


def _whole(kind: object, tokens: Sequence[Token]) -> int:
    """A whole number in plain digits: cyclopts by itself rounds 1.5."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is no whole number.") from None


def _folder(kind: object, tokens: Sequence[Token]) -> Path:
    """A folder that was named: of an unset variable of the shell nothing is left, and that means this folder to pathlib."""
    if not tokens[0].value.strip():
        raise ValueError("no folder is named; a . means this one.")
    return Path(tokens[0].value)


Whole: TypeAlias = Annotated[int, Parameter(converter=_whole)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes."""

    workspace: Annotated[Path | None, Parameter(name=["--workspace", "-w"], group=COMMON, converter=_folder)] = None
    """Folder of the dataset (or DEEPSPORT_WORKSPACE; else ./workspace)."""
    recipe: Annotated[str, Parameter(name=["--recipe", "-r"], group=COMMON)] = "tiny"
    """A recipe's name, or a path to a .toml file."""
    set: Annotated[tuple[str, ...], Parameter(name="--set", negative=(), group=COMMON, show_default=False)] = ()
    """Change one setting of the recipe: table.key=value. May be repeated."""
    workers: Annotated[int | None, Parameter(group=COMMON, converter=_whole)] = None
    """Processes that work at once (or DEEPSPORT_NUM_WORKERS; else 1)."""
    log_json: Annotated[bool, Parameter(negative=(), group=COMMON)] = False
    """Log as JSON lines, for machines."""


DEFAULTS = Common()
MAX_COUNT = 10_000
Places: TypeAlias = Annotated[
    str,
    Parameter(help="Files, folders, URLs, manifests (CSV, JSONL, Parquet; columns: path or url, sport, title, licence, feed …)."),
]


def _session(common: Common, *, needs_workspace: bool = True) -> Session:
    from flows.session import open_session

    gc.freeze()  # what is loaded stays: to look through it once more at the end took a tenth of a second
    return open_session(
        workspace=common.workspace,
        recipe=common.recipe,
        overrides=common.set,
        workers=common.workers,
        log_json=common.log_json,
        needs_workspace=needs_workspace,
    )


def _stage(name: str, common: Common) -> int:
    from flows.running import run_stage

    session = _session(common)
    return session.run(lambda: run_stage(session, name))


@app.command(group=LOOKING, sort_key=1)
def demo(
    *,
    seed: Annotated[int | None, Parameter(help="Seed of the run, in place of the recipe's.", converter=_whole)] = None,
    common: Common = DEFAULTS,
) -> int:
    """Run the whole thread on simulated broadcasts: make, ingest, ask, grade, shard, train, measure, report.

    Takes minutes on two CPU cores and needs no network. Ends with a table and says where everything lies.
    """
    from flows.demo import run_demo

    common = common if seed is None else replace(common, set=(*common.set, f"seed={seed}"))
    return run_demo(_session(common, needs_workspace=False))


@app.command(group=KEEPING, sort_key=4)
def simulate(
    out: Annotated[Path, Parameter(help="Folder to write into.")] = Path("simulated"),
    *,
    sport: Annotated[
        tuple[str, ...],
        Parameter(
            help="A sport to make; may be repeated. [default: soccer, tennis, volleyball]", negative=(), show_default=False
        ),
    ] = (),
    minutes: Annotated[float, Parameter(help="Length of each broadcast.")] = 2.0,
    count: Annotated[Whole, Parameter(help="Broadcasts of each sport.")] = 1,
    first_seed: Annotated[Whole, Parameter(help="Seed of the first; the others follow.")] = 0,
    production: Annotated[
        Literal["broadcast", "plain"],
        Parameter(help="As on television (replays, wipes, graphics), or plays and cuts only, as the demo's recipe has it."),
    ] = "broadcast",
    fps: Annotated[Literal["25", "29.97"], Parameter(help="Frames per second.")] = "25",
    common: Common = DEFAULTS,
) -> int:
    """Make broadcasts with commentary, and the truth about them: something to try everything else on.

    Beside each film lie its event feed, its truth (every shot, event, replay and spoken line, with times) and a contact sheet to
    look at. The manifest is for `deepsport ingest` and lists every simulated film in the folder. The same command again makes
    nothing new; a film that was made with another length or other settings is never replaced.
    """
    from flows.simulation import filmed_sport, make_broadcasts
    from ingest.simulator.schedule import FILMED, NTSC, PAL, Production

    if not 1 <= count <= MAX_COUNT:
        raise UserError(f"--count {count}: at least one broadcast of each sport, and at most {MAX_COUNT:,}")
    if str(out) in FILMED and not out.is_dir():
        raise UserError(f"{out}: is where to write, not what to film; write --sport {out}, or name another folder")
    if first_seed < 0:
        raise UserError(f"--first-seed {first_seed}: a seed is 0 or more")
    sports = dict.fromkeys(map(filmed_sport, sport or ("soccer", "tennis", "volleyball")))
    session = _session(common, needs_workspace=False)
    with session.progress() as reporter:
        manifest = make_broadcasts(
            out,
            dict.fromkeys(sports, count),
            60 * minutes,
            first_seed,
            session.recipe.simulate.simulator.model_copy(
                update={"production": Production(production), "rate": NTSC if fps == "29.97" else PAL}
            ),
            collect=True,
            sheets=True,
            workers=session.workers,
            reporter=reporter,
        )
    made = count * len(sports)
    made_words = "1 broadcast" if made == 1 else f"{made} broadcasts"
    session.say(f"{made_words} in {out}, each with a .png to look at; next: deepsport ingest {shlex.quote(str(manifest))}")
    return 0


@app.command(group=STAGES, sort_key=1)
def ingest(
    *places: Places,
    sport: Annotated[str, Parameter(help="Sport of what names none itself.")] = "other",
    common: Common = DEFAULTS,
) -> int:
    """Take broadcasts in: proxy, shots, transcript, events, clips."""
    from flows.stages import run_ingest

    if not places:
        raise UserError("say what to ingest: files, folders, URLs or manifests")
    session = _session(common, needs_workspace=False)
    known = session.sport(sport)
    return session.run(
        lambda: run_ingest(session.workspace, session.recipe, places, sport=known, **session.hands, reporter=session.reporter)
    )


@app.command(group=STAGES, sort_key=2)
def annotate(*, common: Common = DEFAULTS) -> int:
    """Ask questions about the clips, prove their answers, and play them to get trajectories."""
    return _stage("annotate", common)


@app.command(group=STAGES, sort_key=3)
def curriculum(*, common: Common = DEFAULTS) -> int:
    """Measure how hard each question is for the base model, split by broadcast, and put the lessons in order."""
    return _stage("curriculum", common)


@app.command(group=STAGES, sort_key=4)
def export(*, common: Common = DEFAULTS) -> int:
    """Write the lessons as WebDataset shards for SFT, for RL and for evaluation."""
    return _stage("export", common)


@app.command(group=STAGES, sort_key=5)
def train(*, common: Common = DEFAULTS) -> int:
    """Train: SFT on the trajectories, then GRPO with the frame tool. Goes on where a killed run stopped."""
    return _stage("train", common)


@app.command(group=STAGES, sort_key=6)
def evaluate(*, common: Common = DEFAULTS) -> int:
    """Put the held-out questions to every trained model, and say how it failed where it did."""
    return _stage("evaluate", common)


@app.command(group=STAGES, sort_key=7)
def report(*, common: Common = DEFAULTS) -> int:
    """Write the report: reports/RECIPE.html and .json in the workspace."""
    return _stage("report", common)


@app.command(group=STAGES, sort_key=8)
def pipeline(*places: Places, common: Common = DEFAULTS) -> int:
    """Run all stages in order, from ingest to report."""
    from flows.running import run_all

    session = _session(common, needs_workspace=not places)
    with session.progress():
        return run_all(session, places)


@app.command(group=LOOKING, sort_key=2)
def ask(
    clip: Annotated[str, Parameter(help="A clip's id, or a video file of at most a minute.")],
    question: Annotated[str, Parameter(help="The question.")],
    *,
    checkpoint: Annotated[Path | None, Parameter(help="Folder of the model; else the last that was trained.")] = None,
    common: Common = DEFAULTS,
) -> int:
    """Put a question to a trained model and watch it look: every turn, what it asked to see, its answer."""
    from flows.asking import run_ask

    return run_ask(_session(common, needs_workspace=False), clip, question, checkpoint)


@app.command(group=LOOKING, sort_key=3)
def status(
    *, json: Annotated[bool, Parameter(negative=(), help="As JSON, for programs.")] = False, common: Common = DEFAULTS
) -> int:
    """Say what the workspace holds and what was left out, by reason."""
    from flows.status import show_status

    return show_status(_session(common), as_json=json)


@app.command(group=LOOKING, sort_key=3)
def show(
    *names: Annotated[str, Parameter(help="Broadcasts, by id, title, path or file name. [default: all]", show_default=False)],
    common: Common = DEFAULTS,
) -> int:
    """Draw what ingest made of a broadcast: a page of its shots, words, events and clips to look through, offline."""
    from flows.showing import run_show

    return run_show(_session(common), names)


@app.command(group=LOOKING, sort_key=6)
def probe(
    *places: Places,
    json: Annotated[bool, Parameter(negative=(), help="As JSON, for programs.")] = False,
    common: Common = DEFAULTS,
) -> int:
    """Say of films what is odd about them, what ingest does about it, and how to mend them; nothing is ingested.

    Exit code 3 when one of them cannot be used.
    """
    from flows.probing import run_probe

    if not places:
        raise UserError("say what to look at: files, folders, URLs or manifests")
    return run_probe(_session(common, needs_workspace=False), places, as_json=json)


ProjectTitle: TypeAlias = Annotated[str | None, Parameter(help="Title of the project.")]


@review.command(sort_key=1)
def push(*, project: ProjectTitle = None, common: Common = DEFAULTS) -> int:
    """Put the questions into a Label Studio project; those that are there already stay as they are."""
    from flows.reviewing import push_questions

    return push_questions(_session(common), project)


@review.command(sort_key=2)
def pull(*, project: ProjectTitle = None, common: Common = DEFAULTS) -> int:
    """Fetch what the curators said since the last pull; `deepsport annotate` then applies it."""
    from flows.reviewing import pull_reviews

    return pull_reviews(_session(common), project)


@sports.command
def replay(
    *files: Annotated[Path, Parameter(help="Event feeds, and the line-ups or match data that belong to them.")],
    json: Annotated[bool, Parameter(negative=(), help="As JSON, for programs.")] = False,
) -> int:
    """Play event feeds again by the rules of their sport: what was replayed, what was refused and why, whether scores agree.

    Exit codes: 0 every event was replayed and no score is wrong; 1 a score is wrong; 3 events were refused, or a file could not
    be read or held nothing to replay; 2 no file could be read.
    """
    from flows.replaying import run_replay

    if not files:
        raise UserError("say what to replay: event feeds of a match")
    return run_replay(files, as_json=json)


@sports.command
def rules(
    *query: Annotated[str, Parameter(help="What you want to know: who serves next.")],
    sport: Annotated[str | None, Parameter(help="Look in this sport only.")] = None,
    limit: Annotated[Whole, Parameter(help="How many rules to show.")] = 3,
) -> int:
    """Find the rules that answer a question, with the official law they stand on."""
    from flows.replaying import show_rules

    return show_rules(" ".join(query), sport, limit)


Scheduled: TypeAlias = Literal["pipeline", "ingest", "annotate", "curriculum", "export", "train", "evaluate", "report"]


@app.command(group=KEEPING, sort_key=1)
def serve(
    *places: Places,
    every: Annotated[str | None, Parameter(help="How often: 30s, 15m, 6h, 1d.")] = None,
    cron: Annotated[str | None, Parameter(help="Or when, as a cron line: '0 3 * * *'.")] = None,
    stage: Annotated[Scheduled, Parameter(help="What to run.")] = "pipeline",
    common: Common = DEFAULTS,
) -> int:
    """Run the stages on a schedule, with Prefect; stays until Ctrl-C.

    Without PREFECT_API_URL it starts a Prefect server of its own on 127.0.0.1, its state in the workspace.
    """
    from flows.serve import run_serve

    session = _session(common, needs_workspace=not places)
    return run_serve(session, stage=stage, places=places, every=every, cron=cron)


@app.command(group=KEEPING, sort_key=2)
def compact(*, common: Common = DEFAULTS) -> int:
    """Merge the small files of the tables; readers see no difference."""
    session = _session(common)
    merged = session.workspace.catalog.compact()
    session.say(f"{merged} partitions merged")
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and ends the process with its exit code."""
    gc.set_threshold(20_000)  # libraries make objects by the ten thousand as they load, and no garbage
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal's encoding lacks is escaped, not a crash
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        code = run(lambda: app(arguments, exit_on_error=False, print_error=False, result_action="return_value"))
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(code)


class Terminated(KeyboardInterrupt):
    """SIGTERM, of ``kill`` or a service manager: ends a command as Ctrl-C does."""


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends two; the second must not break off the tidying up
    raise Terminated


def run(command: Callable[[], object]) -> int:
    """The command's exit code; a person's mistake becomes one line on stderr and 2."""
    try:
        code = command()
    except UserError as error:
        return _complain(str(error), EXIT_USER)
    except CycloptsError as error:
        return _complain(f"{error} {_help_on(error)}", EXIT_USER)
    except DeepSportError as error:
        return _complain(f"failed: {error}", EXIT_FAILED)
    except KeyboardInterrupt as stop:
        how, code = ("terminated", EXIT_TERMINATED) if isinstance(stop, Terminated) else ("interrupted", EXIT_INTERRUPTED)
        return _complain(f"{how}; the same command goes on where it stopped", code)
    except BrokenPipeError:
        return EXIT_FAILED
    except OSError as error:
        if not (no_room := disk_fault(error)):
            raise
        return _complain(f"failed: {no_room}", EXIT_FAILED)
    else:
        return code if isinstance(code, int) else 0


def _help_on(error: CycloptsError) -> str:
    """Where the options of the command that was meant stand, or which commands there are."""
    chain = tuple(error.command_chain or ())
    if not chain or isinstance(error, UnknownCommandError):
        return "`deepsport --help` shows the commands."
    return f"`{' '.join(('deepsport', *chain))} --help` shows the options."


def _complain(message: str, code: int) -> int:
    print(f"deepsport: {redact(' '.join(message.split()))}", file=sys.stderr)
    return code
