"""Panels under each other on one axis of hours, as SVG: lines, shaded spans, an alarm bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, LEFT, RIGHT = 860, 70, 20
COLOURS = ("#0369a1", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#be123c", "#0f766e", "#475569")


@dataclass(frozen=True, slots=True)
class Panel:
    """Top and bottom in the picture, lowest and highest value, and where the axis is marked."""

    top: int
    bottom: int
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Panels:
    """All panels of a picture by name, and the hours that they show."""

    begin_hour: float
    end_hour: float
    height: int
    by_name: Mapping[str, Panel]

    def across(self, hour: float) -> float:
        return LEFT + (hour - self.begin_hour) / (self.end_hour - self.begin_hour) * (WIDTH - LEFT - RIGHT)

    def up(self, panel: str, value: float) -> float:
        own = self.by_name[panel]
        share = (value - own.low) / (own.high - own.low)
        if own.logarithmic:
            share = math.log(max(value, own.low) / own.low) / math.log(own.high / own.low)
        return own.bottom - min(max(share, 0.0), 1.0) * (own.bottom - own.top)

    def line(self, panel: str, hour: NDArray[np.float64], value: NDArray[np.float64], colour: str) -> str:
        points = " ".join(
            f"{self.across(h):.1f},{self.up(panel, v):.1f}"
            for h, v in zip(hour.tolist(), value.tolist(), strict=True)
            if not math.isnan(v)
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="1" points="{points}"/>'

    def limit(self, panel: str, value: float) -> str:
        return (
            f'<path d="M{LEFT} {self.up(panel, value):.1f}H{WIDTH - RIGHT}" stroke="#64748b" stroke-dasharray="4 4"/>'
        )

    def frames(self) -> Iterable[str]:
        for name, own in self.by_name.items():
            size = f'width="{WIDTH - LEFT - RIGHT}" height="{own.bottom - own.top}"'
            yield f'<rect x="{LEFT}" y="{own.top}" {size} fill="none" stroke="#94a3b8"/>'
            for tick in own.ticks:
                yield f'<text x="{LEFT - 6}" y="{self.up(name, tick) + 4:.0f}" text-anchor="end">{tick:g}</text>'
            middle = (own.top + own.bottom) / 2
            yield f'<text transform="translate(18 {middle:.0f}) rotate(-90)" text-anchor="middle">{name}</text>'

    def span(self, begin: float, end: float, top: int, height: int, colour: str) -> str:
        """A band from one hour to another."""
        begin, end = max(begin, self.begin_hour), min(end, self.end_hour)
        wide = self.across(end) - self.across(begin)
        return f'<rect x="{self.across(begin):.1f}" y="{top}" width="{wide:.1f}" height="{height}" fill="{colour}"/>'

    def drawn(self, title: str, parts: Iterable[str]) -> str:
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" font-family="sans-serif">',
            '<g font-size="12">',
            f'<rect width="{WIDTH}" height="{self.height}" fill="white"/>',
            f'<text x="{LEFT}" y="24" font-size="15">{title}</text>',
        ]
        return "\n".join([*head, *parts, "</g></svg>"]) + "\n"


def label(x: float, y: float, text: str, anchor: str = "middle", colour: str = "") -> str:
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{fill}>{text}</text>'
