"""The stages by name, for the command line and for Prefect alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deepsport.errors import UserError
from flows.lessons import run_curriculum, run_export
from flows.questions import FROM_EVENTS, passed_questions, run_annotate
from flows.session import Session
from flows.stage import StageFailed, StageResult
from flows.stages import run_ingest

Places = Sequence[str]


def _ingest(session: Session, places: Places) -> StageResult:
    if not places:
        return StageResult("ingest")
    return run_ingest(session.workspace, session.recipe, places, **session.hands, reporter=session.reporter)


def _annotate(session: Session, places: Places) -> StageResult:
    return run_annotate(session.workspace, session.recipe, session.settings, **session.hands, reporter=session.reporter)


def _base(session: Session, places: Places) -> StageResult:
    from flows.learning import make_base

    return make_base(session)


def _curriculum(session: Session, places: Places) -> StageResult:
    from flows.learning import make_base, open_base

    # A base model takes minutes: first see that there is something to grade.
    if not passed_questions(session.workspace, session.recipe).questions:
        raise UserError(f"{session.workspace.root}: no question to grade; {FROM_EVENTS}")
    made = make_base(session)
    result = run_curriculum(session.workspace, session.recipe, open_base(session), reporter=session.reporter)
    result.num_new += made.num_new
    result.wall_s, result.cpu_s = result.wall_s + made.wall_s, result.cpu_s + made.cpu_s
    return result


def _export(session: Session, places: Places) -> StageResult:
    from flows.checkpoints import base_name

    return run_export(
        session.workspace,
        session.recipe,
        base_name(session.workspace, session.recipe),
        **session.hands,
        reporter=session.reporter,
    )


def _train(session: Session, places: Places) -> StageResult:
    from flows.learning import run_train

    return run_train(session)


def _evaluate(session: Session, places: Places) -> StageResult:
    from flows.learning import run_evaluate

    return run_evaluate(session)


def _report(session: Session, places: Places) -> StageResult:
    from flows.reporting import run_report

    return run_report(session)


RUNNERS: dict[str, Callable[[Session, Places], StageResult]] = {
    "ingest": _ingest,
    "annotate": _annotate,
    "base": _base,
    "curriculum": _curriculum,
    "export": _export,
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
}
"""Stages in the order in which a pipeline runs them; each does only what is not done."""


def run_stage(session: Session, stage: str, places: Places = ()) -> StageResult:
    """Runs one stage.

    Raises: UserError, StageFailed.
    """
    return RUNNERS[stage](session, places)


def run_all(session: Session, places: Places = ()) -> int:
    """Runs all stages, each with its account; stops at the first that fails. Gives the exit code."""
    worst = 0
    for stage in RUNNERS:
        try:
            result = run_stage(session, stage, places)
        except StageFailed as error:
            return session.fail(error)
        session.results.append(result)
        if result.num_items:
            session.tell(result)
        worst = max(worst, result.exit_code)
    return worst
