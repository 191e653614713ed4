"""The README's result table, from the figures that ``make demo`` leaves behind.

    python -m benchmarks.readme_table workspace/demo/reports/demo.json [--write README.md]

Prints Markdown; with --write it takes the place of what stands between the markers ``<!-- demo:begin -->`` and
``<!-- demo:end -->``. So the table is never typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deepsport.files import replace_atomically
from deepsport.taxonomy import FailureClass, Split
from export.figures import ModelScore

BEGIN, END = "<!-- demo:begin -->", "<!-- demo:end -->"


def result_table(scores: Sequence[ModelScore]) -> str:
    """Markdown: a column a model, held-out broadcasts first, then the sport never trained on.

    Raises: ValueError when no model was measured on held-out broadcasts.
    """
    models = [model for model in scores if model.split is Split.TEST]
    if not models:
        raise ValueError("no model was measured on held-out broadcasts; run `deepsport evaluate` and `deepsport report` first")
    transfer = {model.name: model for model in scores if model.split is Split.TRANSFER}
    best = models[-1].name

    def row(label: str, cell: Callable[[ModelScore], str], of: Sequence[ModelScore | None] = models) -> str:
        cells = ["–" if model is None else f"**{cell(model)}**" if model.name == best else cell(model) for model in of]
        return f"| {label} | {' | '.join(cells)} |"

    def task_cell(task: str) -> Callable[[ModelScore], str]:
        return lambda model: next((_percent(score.accuracy) for score in model.tasks if score.task == task), "–")

    def failure_cell(failure: FailureClass) -> Callable[[ModelScore], str]:
        return lambda model: str(sum(count.num_questions for count in model.failures if count.failure is failure))

    names = [f"**{model.name}**" if model.name == best else model.name for model in models]
    lines = [
        f"| | {' | '.join(names)} |",
        f"|---|{'---:|' * len(models)}",
        row(f"held-out broadcasts, {models[0].num_questions} questions", lambda model: _percent(model.accuracy)),
        row("95 % interval", lambda model: f"{100 * model.accuracy_low:.0f}–{100 * model.accuracy_high:.0f} %"),
        *(row(f"· {score.task.value.replace('_', ' ')}", task_cell(score.task)) for score in models[0].tasks),
        row("tool use where a glance is enough", lambda model: _percent(model.tool_rate_glance)),
        row("tool use where a look is needed", lambda model: _percent(model.tool_rate_look)),
        row("frames per question", lambda model: f"{model.mean_frames:.1f}"),
        *(row(f"wrong answers: {failure.value}", failure_cell(failure)) for failure in FailureClass),
    ]
    if transfer:
        count = next(iter(transfer.values())).num_questions
        others = [transfer.get(model.name) for model in models]
        lines.append(row(f"a sport never trained on, {count} questions", lambda model: _percent(model.accuracy), others))
    return "\n".join(lines)


def result_block(figures: dict[str, Any]) -> str:
    """The table and the line that says how it was made, from the JSON of a report (docs/report.md)."""
    made = "recipe `{recipe}` ({recipe_hash}), seed {seed}, DeepSport {deepsport_version}".format(**figures)
    if figures["cpu_s"] is not None and figures["peak_memory_bytes"] is not None:
        memory_gb = figures["peak_memory_bytes"] / 1e9
        made += f"; {figures['cpu_s'] / 60:.1f} CPU minutes, {memory_gb:.1f} GB at most in one process"
    return f"{result_table([ModelScore.model_validate(model) for model in figures['models']])}\n\n<sub>{made}.</sub>"


def with_block(text: str, block: str) -> str:
    r"""The text with the block between its markers. Raises: ValueError when it does not have each marker once, in order.

    >>> with_block("a\n<!-- demo:begin -->\nold\n<!-- demo:end -->\nb", "new")
    'a\n<!-- demo:begin -->\nnew\n<!-- demo:end -->\nb'
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the text must hold {BEGIN} and then {END}, once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{block}\n{END}{rest.split(END)[1]}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, help="reports/demo.json of a workspace")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the markers of this file")
    args = parser.parse_args(argv)
    block = result_block(json.loads(args.figures.read_text(encoding="utf-8")))
    if args.write:
        text = with_block(args.write.read_text(encoding="utf-8"), block).encode()
        replace_atomically(args.write, lambda file: file.write(text))
    else:
        print(block)


if __name__ == "__main__":
    main()
