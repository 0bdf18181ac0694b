"""A small plot as SVG, on two logarithmic axes: cost against size, with the line that grows in proportion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "plots"
WIDTH, HEIGHT = 640, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 30, 50, 60


@dataclass(frozen=True, slots=True)
class Curve:
    """Measured points; all numbers are positive."""

    title: str
    x_name: str
    y_name: str
    x: Sequence[float]
    y: Sequence[float]


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Slope of the straight line through log y against log x, least squares: 1 = in proportion."""
    across = [math.log(one) for one in x]
    up = [math.log(one) for one in y]
    x_mean, y_mean = sum(across) / len(across), sum(up) / len(up)
    joint = sum((a - x_mean) * (b - y_mean) for a, b in zip(across, up, strict=True))
    return joint / sum((a - x_mean) ** 2 for a in across)


def plot(name: str, curve: Curve, folder: Path = FOLDER) -> Path:
    """Write ``name``.svg."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.svg"
    path.write_text(svg(curve), encoding="utf-8")
    return path


def svg(curve: Curve) -> str:
    x_axis, y_axis = _Axis.over(curve.x), _Axis.over(curve.y)
    points = [
        (LEFT + x_axis.place(x) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y_axis.place(y) * (HEIGHT - TOP - BOTTOM))
        for x, y in zip(curve.x, curve.y, strict=True)
    ]
    line = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="28" font-size="15">{curve.title}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">{curve.x_name}</text>',
        f'<text transform="translate(18 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">{curve.y_name}</text>',
        *_grid(x_axis, y_axis),
        f'<polyline fill="none" stroke="#c2410c" stroke-width="2" points="{line}"/>',
    ]
    for (across, up), value in zip(points, curve.y, strict=True):
        parts.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="#c2410c"/>')
        parts.append(f'<text x="{across:.1f}" y="{up - 10:.1f}" text-anchor="middle">{value:.3g}</text>')
    note = f"exponent fitted: {exponent(curve.x, curve.y):.2f}"
    parts.append(f'<text x="{WIDTH - RIGHT}" y="28" text-anchor="end">{note}</text></svg>')
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class _Axis:
    """Whole decades that hold all values."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float]) -> _Axis:
        low = math.floor(math.log10(min(values)))
        return cls(low, max(math.ceil(math.log10(max(values))), low + 1))

    def place(self, value: float) -> float:
        return (math.log10(value) - self.low) / (self.high - self.low)


def _grid(x_axis: _Axis, y_axis: _Axis) -> list[str]:
    lines = []
    for decade in range(x_axis.low, x_axis.high + 1):
        across = LEFT + x_axis.place(10.0**decade) * (WIDTH - LEFT - RIGHT)
        lines.append(f'<path d="M{across:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        lines.append(f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{_label(decade)}</text>')
    for decade in range(y_axis.low, y_axis.high + 1):
        up = HEIGHT - BOTTOM - y_axis.place(10.0**decade) * (HEIGHT - TOP - BOTTOM)
        lines.append(f'<path d="M{LEFT} {up:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{up + 4:.1f}" text-anchor="end">{_label(decade)}</text>')
    return lines


def _label(decade: int) -> str:
    return f"{10**decade:,}" if decade >= 0 else f"{10.0**decade:g}"
