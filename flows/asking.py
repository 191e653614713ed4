"""``deepsport ask``: one question, put to a trained model, with every turn shown as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepsport.agent.environment import Episode
from deepsport.agent.protocol import parse_turn, turn_message
from deepsport.agent.tools import FrameSource, Said
from deepsport.errors import MediaError, UserError
from deepsport.ids import make_id
from deepsport.records import Broadcast, Clip, Question, Utterance
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, Sport, StopReason, Task
from deepsport.timebase import FrameWindow
from flows.checkpoints import trained, trained_folder
from flows.learning import instructions_of, policy_of
from flows.questions import clip_frames
from flows.session import Session

MAX_FRAMES = 1500
"""A film longer than a minute is not a clip: eight frames would show nothing of it."""


def run_ask(session: Session, clip: str, text: str, checkpoint: Path | None = None) -> int:
    """Plays the question and prints the turns.

    Raises: UserError when there is no such clip or no model.
    """
    if not text.strip():
        raise UserError("the question is empty")
    if checkpoint is not None and not checkpoint.is_dir():
        raise UserError(f"{checkpoint}: no such folder; give the folder of a checkpoint")
    folder = checkpoint or _newest(session)
    path = Path(clip)
    if path.is_file():
        return _ask_file(session, path, text, folder)
    found = session.workspace.catalog.read(Clip, where="clip_id = ?", params=[clip])
    if not found:
        raise UserError(
            f"{clip}: neither a video file nor a clip of {session.workspace.root}; `deepsport status` says what is there"
        )
    broadcasts = session.workspace.catalog.read(Broadcast, where="broadcast_id = ?", params=[found[0].broadcast_id])
    said = session.workspace.catalog.read(Utterance, where="broadcast_id = ?", params=[found[0].broadcast_id])
    with clip_frames(session.workspace, broadcasts[-1:], session.recipe.base.frame_size) as frames_of:
        question = _free_question(clip, text, found[0].num_frames, found[0].sport)
        return _play(session, frames_of(found[0]), question, folder, transcript_of(found[0], said))


def transcript_of(clip: Clip, utterances: Sequence[Utterance]) -> list[Said]:
    """What is said in a clip, in order, with its frames; utterances are those of its broadcast."""
    spans = [(said.span.shifted(-clip.span.start_s), said.text) for said in sorted(utterances, key=lambda u: u.span.start_s)]
    placed = [(clip.rate.window_of(span, clip.num_frames), text) for span, text in spans]
    return [Said(window, text) for window, text in placed if window is not None]


def _ask_file(session: Session, path: Path, text: str, folder: Path) -> int:
    from deepsport.video import FrameReader, probe

    info = probe(path)
    if info.variable_rate or info.rotation:
        raise MediaError(f"{path}: its frame rate varies or it is rotated; `deepsport ingest` it and ask about one of its clips")
    with FrameReader(path, size=session.recipe.base.frame_size) as reader:
        if reader.num_frames > MAX_FRAMES:
            raise UserError(
                f"{path}: {reader.num_frames} frames are no clip; `deepsport ingest` it and ask about one of its clips"
            )
        return _play(session, reader, _free_question(path.name, text, reader.num_frames), folder)


def _newest(session: Session) -> Path:
    """The last checkpoint that training has made: GRPO's, else SFT's, else the base model."""
    try:
        return trained_folder(session.workspace, session.recipe, trained(session.workspace, session.recipe)[-1])
    except UserError:
        raise UserError(f"{session.workspace.root}: no model yet; run `deepsport train` first, or give --checkpoint") from None


def _play(session: Session, frames: FrameSource, question: Question, folder: Path, transcript: Sequence[Said] = ()) -> int:
    policy = policy_of(session, folder)
    episode = Episode(question, frames, session.recipe.episode, transcript)
    conversation = [episode.opening(instructions_of(session.recipe))]
    session.show(
        f"{policy.name} sees {len(episode.initial_indices)} of {frames.num_frames} frames: {_listed(episode.initial_indices)}"
    )
    while episode.stop is None:
        (said,) = policy.complete([conversation])
        if said is None:
            episode.fail()
            break
        turn = parse_turn(said, episode.config.tools)
        session.show(f"thinks: {turn.think if turn.think is not None else said}")
        shown = episode.step(said)
        if shown is not None:
            if shown.words is not None:
                session.show(f"looks up and is told: {shown.words}")
            elif turn.call is not None:
                session.show(f"looks at {turn.call.idx_start}-{turn.call.idx_end}: {_listed(shown.frame_indices)}")
            conversation += [turn_message(said), shown.message()]
    if episode.stop is StopReason.ANSWERED:
        session.show(f"answers: {episode.answer}")
        return 0
    error = episode.turns[-1].error if episode.turns else None
    session.show(f"gave no answer: {error or episode.stop}")
    return 1


def _free_question(clip_id: str, text: str, num_frames: int, sport: Sport = Sport.OTHER) -> Question:
    """A question without a key: it is played, not scored."""
    return Question(
        question_id=make_id("question", clip_id, text),
        clip_id=clip_id,
        broadcast_id="",
        sport=sport,
        task=Task.COMMENTARY,
        dimension=DIMENSION_OF[Task.COMMENTARY],
        text=text,
        answer_kind=KIND_OF[Task.COMMENTARY],
        answers=("",),
        evidence=FrameWindow(idx_start=0, idx_end=num_frames - 1),
        event_ids=(),
        template_id="ask",
    )


def _listed(indices: tuple[int, ...]) -> str:
    return ", ".join(map(str, indices))
