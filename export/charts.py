"""Small inline SVG charts for the report: lines and bars, in the page's own colours, with no script."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from export.figures import Chart, FunnelStep

_WIDTH, _HEIGHT = 460.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 12.0, 30.0


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values that cover low to high, about ``count`` steps apart.

    >>> nice_ticks(0.0, 0.97)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> nice_ticks(3.0, 3.0)
    [3.0, 4.0]
    """
    if high <= low:
        return [low, low + 1.0]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _label(value: float, share: bool) -> str:
    return f"{100 * value:.0f} %" if share else f"{value:g}"


def line_chart(chart: Chart) -> Markup:
    """The chart as an SVG element; values that are not finite are left out."""
    lines = [[(x, y) for x, y in line.points if math.isfinite(x) and math.isfinite(y)] for line in chart.lines]
    points = [point for line in lines for point in line]
    if not points:
        return Markup('<p class="empty">No points yet.</p>')
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    x_high = x_high if x_high > x_low else x_low + 1
    ticks = nice_ticks(0.0, 1.0) if chart.share else nice_ticks(min(y for _, y in points), max(y for _, y in points))

    def at(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)
        return across, _TOP + (ticks[-1] - y) / (ticks[-1] - ticks[0]) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{escape(chart.title)}">']
    for tick in ticks:
        _, y = at(x_low, tick)
        parts.append(f'<line class="grid" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 7:g}" y="{y + 3.5:.1f}" text-anchor="end">{_label(tick, chart.share)}</text>'
        )
    for tick in nice_ticks(x_low, x_high):
        if x_low <= tick <= x_high and tick == int(tick):  # there is no half step
            x, _ = at(tick, ticks[0])
            parts.append(f'<text class="tick" x="{x:.1f}" y="{_HEIGHT - 13:g}" text-anchor="middle">{tick:g}</text>')
    parts.append(
        f'<text class="tick" x="{_WIDTH - _RIGHT:g}" y="{_HEIGHT - 1:g}" text-anchor="end">{escape(chart.x_label)}</text>'
    )
    for number, line in enumerate(lines):
        colour = f"var(--line-{number % 5})"
        if len(line) == 1:
            x, y = at(*line[0])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" style="fill:{colour}"/>')
        elif line:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line))
            parts.append(f'<polyline class="curve" points="{path}" style="stroke:{colour}"/>')
            x, y = at(*line[-1])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" style="fill:{colour}"/>')
    parts.append("</svg>")
    return Markup("".join(parts))


def funnel_chart(steps: Sequence[FunnelStep]) -> Markup:
    """The steps as bars below one another; lengths go with the square root, so that small counts stay visible."""
    if not steps:
        return Markup("")
    row, left, width = 30.0, 138.0, 460.0
    largest = max(1, *(step.count for step in steps))
    parts = [f'<svg viewBox="0 0 {width:g} {row * len(steps):g}" role="img" aria-label="From broadcasts to lessons">']
    for index, step in enumerate(steps):
        length = (width - left - 54) * math.sqrt(step.count / largest)
        y = index * row
        parts.append(f'<text class="label" x="{left - 12:g}" y="{y + 19:g}" text-anchor="end">{escape(step.label)}</text>')
        parts.append(f'<rect class="bar" x="{left:g}" y="{y + 5:g}" width="{max(length, 2):.1f}" height="{row - 10:g}" rx="3"/>')
        parts.append(f'<text class="value" x="{left + max(length, 2) + 8:.1f}" y="{y + 19:g}">{step.count:,}</text>')
    parts.append("</svg>")
    return Markup("".join(parts))
