"""``deepsport review push`` and ``pull``: the workspace's side of review (annotate/review.py)."""

from __future__ import annotations

from annotate.review import PROJECT_TITLE, clip_cutter, pull, push, watermark
from annotate.review_server import connect
from deepsport.ids import unit_id
from deepsport.records import Broadcast, Clip, Drop, Question, Review, Trajectory, Utterance
from deepsport.taxonomy import DropReason
from flows.questions import STEP, annotate_units, passed_questions
from flows.session import Session
from flows.stage import EXIT_DONE, EXIT_QUARANTINED

PULL = "review_pull"


def push_questions(session: Session, project: str | None = None) -> int:
    """Pushes the questions that passed the gate; 3 when a clip could not be cut."""
    server = connect(session.settings.label_studio_url, session.settings.label_studio_token)
    catalog, store = session.workspace.catalog, session.workspace.store
    asked = passed_questions(session.workspace, session.recipe)
    broadcasts = catalog.read(Broadcast, asked.ingest_units)
    pushed = push(
        server,
        asked.questions,
        catalog.read(Clip, asked.ingest_units),
        broadcasts,
        media_root=session.workspace.root / "review",
        cut=clip_cutter(store.path, broadcasts),
        utterances=catalog.read(Utterance, asked.ingest_units),
        trajectories=catalog.read(Trajectory, asked.units),
        project_title=project or PROJECT_TITLE,
    )
    session.say(f"review: {pushed.created} questions pushed, {pushed.already} were there; {pushed.project_url}")
    for drop in pushed.drops:
        session.say(f"left out: {drop.line}")
    return EXIT_QUARANTINED if pushed.drops else EXIT_DONE


def pull_reviews(session: Session, project: str | None = None) -> int:
    """Stores the reviews given since the last pull; 3 when some could not be used."""
    server = connect(session.settings.label_studio_url, session.settings.label_studio_token)
    catalog, title = session.workspace.catalog, project or PROJECT_TITLE
    # A review may be of a question that a newer recipe no longer asks, so all questions ever asked are known.
    questions, clips = catalog.read(Question), catalog.read(Clip)
    reviews = catalog.read(Review)
    bad = [drop.drop_id for drop in catalog.read(Drop) if drop.reason is DropReason.BAD_REVIEW]
    known = {review.review_id for review in reviews}.union(bad)
    pulled = pull(server, questions, clips, project_title=title, since=watermark(reviews, title), known=known)
    if pulled.items or pulled.drops:
        ids = [*(review.review_id for review in pulled.items), *(drop.drop_id for drop in pulled.drops)]
        catalog.commit(unit_id(PULL, "", ids), PULL, "", ids, {Review: pulled.items}, pulled.drops)
    session.say(f"review: {len(pulled.items)} new reviews, {len(pulled.drops)} that cannot be used")
    if pulled.items and annotate_units(catalog, session.recipe):
        session.say(f"next: deepsport {STEP}")
    return EXIT_QUARANTINED if pulled.drops else EXIT_DONE
