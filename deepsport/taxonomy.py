"""The closed vocabularies of the project, each value with a line of meaning. Records refer to these, never to bare strings."""

from __future__ import annotations

from enum import StrEnum


class Sport(StrEnum):
    """The sports of the paper (arXiv 2511.12908) and tennis. A sport is *known* when deepsport/sports has a file for it."""

    SOCCER = "soccer"
    BASKETBALL = "basketball"
    VOLLEYBALL = "volleyball"
    AMERICAN_FOOTBALL = "american_football"
    ICE_HOCKEY = "ice_hockey"
    BASEBALL = "baseball"
    TABLE_TENNIS = "table_tennis"
    BADMINTON = "badminton"
    FENCING = "fencing"
    BOXING = "boxing"
    DIVING = "diving"
    GYMNASTICS = "gymnastics"
    TENNIS = "tennis"
    OTHER = "other"
    """A video of no sport we know: it is cut and transcribed, and gets no questions."""


class Dimension(StrEnum):
    """The four capability dimensions of the paper."""

    RECOGNITION = "fine_grained_recognition"
    RULES = "rule_and_procedural_logic"
    COACHING = "assessment_and_coaching"
    COMMENTARY = "live_commentary_and_reporting"


class Task(StrEnum):
    """What a question asks for. Each task belongs to one dimension and has one kind of answer (see DIMENSION_OF, KIND_OF)."""

    EVENT_RECOGNITION = "event_recognition"
    """Which event happens in the given stretch?"""
    TEAM_RECOGNITION = "team_recognition"
    """Which team (by the colour of its kit) made the event?"""
    COUNTING = "counting"
    """How many players take part in the event?"""
    LOCALISATION = "localisation"
    """In which of two stretches of frames does the event happen?"""
    RULE_CONSEQUENCE = "rule_consequence"
    """What do the rules make of the event: restart, point, sanction?"""
    TACTIC = "tactic"
    """Down which side, with which pattern, was it played?"""
    COMMENTARY = "commentary"
    """One line a commentator would say about the event."""


class AnswerKind(StrEnum):
    """How an answer is scored; all are deterministic."""

    CHOICE = "choice"
    """One of the options, by its letter or its text."""
    NUMBER = "number"
    """A number, equal up to the stated tolerance."""
    WINDOW = "window"
    """A window of frames, scored by temporal IoU."""
    TEXT = "text"
    """A line that must hold the key facts, whatever the wording."""


DIMENSION_OF: dict[Task, Dimension] = {
    Task.EVENT_RECOGNITION: Dimension.RECOGNITION,
    Task.TEAM_RECOGNITION: Dimension.RECOGNITION,
    Task.COUNTING: Dimension.RECOGNITION,
    Task.LOCALISATION: Dimension.RECOGNITION,
    Task.RULE_CONSEQUENCE: Dimension.RULES,
    Task.TACTIC: Dimension.COACHING,
    Task.COMMENTARY: Dimension.COMMENTARY,
}

KIND_OF: dict[Task, AnswerKind] = {
    Task.EVENT_RECOGNITION: AnswerKind.CHOICE,
    Task.TEAM_RECOGNITION: AnswerKind.CHOICE,
    Task.COUNTING: AnswerKind.NUMBER,
    Task.LOCALISATION: AnswerKind.CHOICE,
    Task.RULE_CONSEQUENCE: AnswerKind.CHOICE,
    Task.TACTIC: AnswerKind.CHOICE,
    Task.COMMENTARY: AnswerKind.TEXT,
}


class Split(StrEnum):
    """Where a lesson may be used. All questions of one broadcast lie in one split."""

    TRAIN = "train"
    TEST = "test"
    """Held-out broadcasts of the sports that were trained on."""
    TRANSFER = "transfer"
    """Broadcasts of sports never trained on."""


class Band(StrEnum):
    """What the base model's pass rates say of a question."""

    GLANCE = "solved_at_a_glance"
    """The initial frames alone are enough."""
    LOOK = "needs_a_look"
    """The initial frames are not enough, the frames of the evidence are."""
    UNSOLVED = "unsolved"
    """Not even the frames of the evidence are enough: too hard, or the key is wrong."""


class Budget(StrEnum):
    """Which frames the base model was shown when its pass rate was measured."""

    INITIAL = "initial"
    EVIDENCE = "evidence"


class Transition(StrEnum):
    """How a shot begins."""

    START = "start"
    CUT = "cut"
    DISSOLVE = "dissolve"
    """The picture before is mixed away."""
    FADE = "fade"
    """Through one colour, mostly black."""
    WIPE = "wipe"
    """An edge or a graphic moves across; live and replay are parted by it."""


class CameraKind(StrEnum):
    """What a shot is framed for."""

    WIDE = "wide"
    """The main camera: the field of play, players small."""
    CLOSE = "close"
    """One or a few people fill the picture."""
    GRAPHIC = "graphic"
    """Drawn, not filmed: line-ups, tables, logos."""
    OTHER = "other"
    """The crowd, the stadium, or not known."""


class Tool(StrEnum):
    """What a policy may call in an episode; the values are the names in its calls."""

    FRAMES = "frame_extraction_tool"
    """Shows frames of a window."""
    RULES = "rule_tool"
    """Finds rules of the sport, in words."""
    TRANSCRIPT = "transcript_tool"
    """Gives what is said in a window, in words."""


class StopReason(StrEnum):
    """Why an episode ended."""

    ANSWERED = "answered"
    FORMAT_ERROR = "format_error"
    BUDGET = "budget"
    POLICY_FAILED = "policy_failed"
    """The policy gave no completion (time-out, refusal): this says nothing about the question."""


class FormatErrorKind(StrEnum):
    """How a turn broke the protocol (METHOD: a missing tag, an unparsable call, an empty answer, a repeated window)."""

    NO_THINK = "no_think"
    NO_ACTION = "no_action"
    """Neither a tool call nor an answer."""
    TWO_ACTIONS = "two_actions"
    BAD_CALL = "bad_call"
    """The tool call is not JSON, names a tool that is not offered, or its arguments are not that tool's."""
    BAD_WINDOW = "bad_window"
    """Outside the clip, or its end before its start."""
    REPEATED_WINDOW = "repeated_window"
    EMPTY_ANSWER = "empty_answer"


class FailureClass(StrEnum):
    """Why a held-out question was answered wrongly; the paper read 70 by hand, we count all."""

    GROUNDING = "grounding"
    """No frame inside the evidence was ever seen."""
    PERCEPTION = "perception"
    """A frame inside the evidence was seen and the answer is wrong all the same."""
    FORMAT = "format"
    """The episode ended without an answer."""


class Verdict(StrEnum):
    """What a curator says of a question."""

    ACCEPT = "accept"
    FIX = "fix"
    REJECT = "reject"


class DropReason(StrEnum):
    """Why an item was quarantined or left out. Counted, shown by ``deepsport status``, and readable as rows."""

    UNREADABLE_MEDIA = "unreadable_media"
    """Truncated, empty, or not a video at all."""
    UNREACHABLE_MEDIA = "unreachable_media"
    """Its host or object store did not answer, refused, or broke off; the next run tries again."""
    CHANGED_MEDIA = "changed_media"
    """It changed while it was read or copied; the next run tries again."""
    NO_VIDEO_STREAM = "no_video_stream"
    MISSING_FILE = "missing_file"
    BAD_MANIFEST_ROW = "bad_manifest_row"
    BAD_FEED = "bad_feed"
    """The event feed cannot be trusted (fps -1, unknown shape, broken file)."""
    EVENT_OUTSIDE_VIDEO = "event_outside_video"
    EVENT_NOT_SHOWN = "event_not_shown"
    """The feed itself says that the broadcast does not show it."""
    FEED_NOT_ALIGNED = "feed_not_aligned"
    """The feed's clock could not be fitted to the video with certainty: another match, or too little to tell."""
    IMPOSSIBLE_EVENT = "impossible_event"
    """The sport's ledger refused the event."""
    DUPLICATE_MEDIA = "duplicate_media"
    """The same bytes were already ingested under another name."""
    SPEECH_LOOP = "speech_loop"
    """The recogniser repeats itself or the segment before."""
    LOW_CONFIDENCE_SPEECH = "low_confidence_speech"
    NO_SPEECH = "no_speech"
    """Words where nobody speaks: what a recogniser makes up for a crowd's noise."""
    IMPOSSIBLE_SPEAKING_RATE = "impossible_speaking_rate"
    """More or fewer words than a mouth says in the time."""
    CLIP_TOO_SHORT = "clip_too_short"
    EVIDENCE_TOO_LONG = "evidence_too_long"
    """The evidence of an event, or of events that overlap, fits in no clip."""
    NO_QUESTION = "no_question"
    """No template applies to the event."""
    AMBIGUOUS = "ambiguous"
    """More than one answer would be right."""
    WRONG_KEY = "wrong_key"
    """A question whose key does not follow from its event and the rules."""
    TEACHER_FAILED = "teacher_failed"
    """No completion: time-out, refusal, server fault."""
    TEACHER_NONSENSE = "teacher_nonsense"
    """A completion that is not what was asked for, or contradicts the ledger."""
    WRONG_ANSWER = "wrong_answer"
    """A trajectory that ends in a wrong answer."""
    UNSUPPORTED = "unsupported"
    """A trajectory whose frames do not show the evidence."""
    FORMAT_ERROR = "format_error"
    BLIND_SOLVABLE = "blind_solvable"
    """A question-only predictor answers it."""
    CURATOR_REJECTED = "curator_rejected"
    CURATOR_FIXED = "curator_fixed"
    """A curator corrected the question; the corrected one stands in its place under its own id."""
    UNSOLVED = "unsolved"
    """The base model fails even on the evidence."""
    NO_LICENCE = "no_licence"
    """The licence of the broadcast forbids export."""
    BAD_REVIEW = "bad_review"
    """A review that came back in a shape the labelling config does not allow."""
