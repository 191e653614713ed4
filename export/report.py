"""The report of a run: one HTML page that opens offline, and the same figures as JSON beside it (docs/report.md).

The page holds its style, charts and pictures; it has no script and asks no other host for anything. All text from outside
(titles, questions, thoughts) is escaped.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from deepsport.agent.protocol import parse_turn
from deepsport.files import replace_atomically
from deepsport.records import Lesson, Question, Trajectory
from deepsport.taxonomy import Split
from export.charts import funnel_chart, line_chart
from export.figures import EpisodeStrip, ModelScore, Picture, ReportData, SheetPicture, TurnStrip

PICTURE_WIDTH = 208
"""Pixels across of the pictures in the page, twice the width they are shown at."""


def encode_picture(frame_HWC: NDArray[np.uint8], width: int = PICTURE_WIDTH) -> bytes:
    """A small JPEG of a frame (RGB uint8), its sides in proportion."""
    from PIL import Image

    image = Image.fromarray(frame_HWC)
    image.thumbnail((width, width), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def make_episode_strip(
    model: str, lesson: Lesson, question: Question, trajectory: Trajectory, indices: Sequence[int], frames_THWC: NDArray[np.uint8]
) -> EpisodeStrip:
    """An episode as pictures and words; ``indices`` and ``frames_THWC`` hold at least every frame that it saw."""
    pixels = dict(zip(indices, frames_THWC, strict=True))

    def pictures(shown: Sequence[int]) -> tuple[Picture, ...]:
        return tuple(
            Picture(frame_index=i, in_evidence=question.evidence.contains(i), jpeg=encode_picture(pixels[i])) for i in shown
        )

    turns = []
    for turn in trajectory.turns:
        parsed = parse_turn(turn.text)
        window = f"{turn.window.idx_start}-{turn.window.idx_end}" if turn.window else None
        turns.append(
            TurnStrip(
                thought=parsed.think if parsed.think is not None else turn.text,
                window=window,
                answer=parsed.answer,
                error=turn.error.value if turn.error else None,
                frames=pictures(turn.frame_indices),
            )
        )
    return EpisodeStrip(
        model=model,
        sport=lesson.sport,
        task=lesson.task,
        band=lesson.band,
        question=question.text,
        options=question.options,
        gold=question.answers,
        accuracy=trajectory.accuracy,
        evidence=f"{question.evidence.idx_start}-{question.evidence.idx_end}",
        initial=pictures(trajectory.initial_frames),
        turns=tuple(turns),
    )


def sheet_picture(label: str, frame_HWC: NDArray[np.uint8]) -> SheetPicture:
    """A picture for the contact sheet."""
    return SheetPicture(label=label, jpeg=encode_picture(frame_HWC, 300))


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _words(value: str) -> str:
    return value.replace("_", " ")


def _data_uri(jpeg: bytes) -> Markup:
    # base64 holds no character that HTML minds.
    return Markup("data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"))


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size = size / 1000
    raise AssertionError


def _minutes(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def page_environment() -> Environment:
    """Templates and filters of all pages; text is escaped unless it says that it is markup."""
    environment = Environment(
        loader=PackageLoader("export", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent, words=_words, data_uri=_data_uri, file_size=_bytes, minutes=_minutes, clock=clock
    )
    return environment


def render_html(data: ReportData) -> str:
    """The page as text."""
    environment = page_environment()
    by_split: dict[Split, list[ModelScore]] = {}
    for model in data.models:
        by_split.setdefault(model.split, []).append(model)
    return environment.get_template("report.html.jinja").render(
        data=data, by_split=by_split, line_chart=line_chart, funnel_chart=funnel_chart, Split=Split
    )


def clock(seconds: float) -> str:
    """Seconds of a film as its viewers count them.

    >>> clock(83.26), clock(5003)
    ('1:23.3', '1:23:23.0')
    """
    tenths = round(10 * seconds)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest // 10:02d}.{rest % 10}"


def render_json(data: ReportData) -> str:
    """The figures as JSON, two spaces a level; pictures are left out."""
    return json.dumps(data.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


OF_THE_RUN = frozenset({"made_at", "stages", "cpu_s", "peak_memory_bytes"})
"""What a report says of the run that wrote it, and not of what there is."""


def write_report(data: ReportData, out_html: Path, out_json: Path) -> bool:
    """Writes the page and the JSON, each under a temporary name first; gives whether it did.

    Where they say the same already they stay, with what the run took that made it all: one that found it done takes seconds.
    """
    if out_html.exists() and _findings(out_json) == _findings_of(render_json(data)):
        return False
    for path, text in ((out_html, render_html(data)), (out_json, render_json(data))):
        write_page(path, text)
    return True


def write_page(path: Path, text: str) -> None:
    """Writes a text, whole or not at all; its folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_atomically(path, lambda file: file.write(text.encode()))


def _findings(path: Path) -> object:
    try:
        return _findings_of(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _findings_of(text: str) -> object:
    said = json.loads(text)
    return {key: value for key, value in said.items() if key not in OF_THE_RUN} if isinstance(said, dict) else None
