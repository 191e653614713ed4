"""``deepsport demo``: the whole thread on broadcasts that it makes for itself, ending with a table and where everything lies."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deepsport.records import Evaluation
from deepsport.taxonomy import Band, Split
from export.figures import ModelScore, score_model
from flows.checkpoints import LABELS, trained_folder, wanted
from flows.exams import EXAMS, evaluation_unit
from flows.lessons import shards_dir
from flows.reporting import report_paths, run_report
from flows.running import RUNNERS, run_stage
from flows.session import Session
from flows.simulation import make_broadcasts
from flows.stage import StageFailed, StageResult, cpu_seconds, peak_memory_bytes, timed

NAME = "demo"


def run_demo(session: Session) -> int:
    """Makes broadcasts, runs every stage, prints the table. Run again, it finds everything done."""
    session.workspace.make()
    worst = 0
    try:
        with session.progress():
            made = StageResult("simulate")
            with timed(made):
                simulate = session.recipe.simulate
                folder = session.workspace.root / "simulated"
                manifest = make_broadcasts(
                    folder,
                    simulate.broadcasts,
                    simulate.duration_s,
                    simulate.first_seed,
                    simulate.simulator,
                    workers=session.workers,
                    reporter=session.reporter,
                )
                made.num_items = made.num_records = sum(simulate.broadcasts.values())
            session.results.append(made)
            for stage in RUNNERS:
                if stage == "report":
                    continue
                result = run_stage(session, stage, [str(manifest)])
                session.results.append(result)
                session.tell(result)
                worst = max(worst, result.exit_code)
            run_report(session, NAME)
    except StageFailed as error:
        return session.fail(error)
    scores = [
        score
        for which in wanted(session.recipe)
        for exam in EXAMS
        for score in score_model(
            LABELS[which], session.workspace.catalog.read(Evaluation, [evaluation_unit(session, which, exam)])
        )
    ]
    out = Console(emoji=False)
    out.print()
    for table in score_tables(scores):
        out.print(table)
        out.print()
    _say_where(session, out)
    return worst


def score_tables(scores: list[ModelScore]) -> list[Table]:
    """The result of a run: held-out broadcasts, then the sport never trained on; a column a model."""
    titles = {Split.TEST: "Held-out broadcasts", Split.TRANSFER: "A sport never trained on"}
    return [
        _table(title, [score for score in scores if score.split is split])
        for split, title in titles.items()
        if any(score.split is split for score in scores)
    ]


def _table(title: str, scores: list[ModelScore]) -> Table:
    table = Table(title=f"{title}, {scores[0].num_questions} questions", title_justify="left", title_style="bold")
    table.add_column("")
    for score in scores:
        table.add_column(escape(score.name), justify="right", style="bold" if score.name == LABELS["grpo"] else None)

    def percent(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f} %"

    table.add_row("accuracy", *(percent(score.accuracy) for score in scores), end_section=True)
    for task in scores[0].tasks:
        cells = [next((percent(row.accuracy) for row in score.tasks if row.task is task.task), "–") for score in scores]
        last = task is scores[0].tasks[-1]
        table.add_row(f"  {task.task.value.replace('_', ' ')} ({task.num_questions})", *cells, end_section=last)
    table.add_row(f"tool use, {Band.GLANCE.value.replace('_', ' ')}", *(percent(score.tool_rate_glance) for score in scores))
    table.add_row(f"tool use, {Band.LOOK.value.replace('_', ' ')}", *(percent(score.tool_rate_look) for score in scores))
    table.add_row("frames per question", *(f"{score.mean_frames:.2f}" for score in scores), end_section=True)
    for failure in scores[0].failures:
        cells = [str(next(row.num_questions for row in score.failures if row.failure is failure.failure)) for score in scores]
        table.add_row(f"wrong: {failure.failure.value}", *cells)
    return table


def _say_where(session: Session, out: Console) -> None:
    page, figures = report_paths(session, NAME)
    where = {
        "report": page,
        "figures": figures,
        "broadcasts": session.workspace.root / "simulated",
        "tables": session.workspace.catalog.tables_dir,
        "shards": shards_dir(session.workspace, session.recipe),
        "model": trained_folder(session.workspace, session.recipe, "grpo") / "model",
    }
    for label, path in where.items():
        out.print(f"{label:11} {path}", markup=False, highlight=False, soft_wrap=True)
    taken = f"{cpu_seconds() / 60:.1f} CPU minutes, {peak_memory_bytes() / 1e9:.1f} GB at most in one process"
    out.print(f"{'taken':11} {taken}", markup=False, highlight=False)
