"""Reports as one HTML file that needs nothing else: for people who sign, and for the file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np
from numpy.typing import NDArray

from model.alarm import Grade

_BARS_MAX = 400
_WIDTH, _HEIGHT = 960, 120
GRADE_COLOUR = {Grade.BLUE: "#1565c0", Grade.YELLOW: "#f9a825", Grade.ORANGE: "#ef6c00", Grade.RED: "#c62828"}

_STYLE = """
body { font: 15px/1.5 system-ui, "WenQuanYi Zen Hei", "Noto Sans CJK SC", sans-serif; margin: 2rem auto;
  max-width: 1000px; padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid #ddd; vertical-align: top; } th { font-weight: 600; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } tr.d td { font-weight: 600; }
.g { color: #fff; border-radius: 3px; padding: 0 .4rem; } .dim { color: #666; }
"""


def document(title: str, parts: Iterable[str], speak: str) -> str:
    """The whole file.

    Args:
        title: text.
        parts: HTML.
        speak: language of it all.

    """
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if speak == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(*lines: str) -> str:
    return f'<p class="dim">{"<br>".join(escape(line) for line in lines)}</p>'


def table(head: Iterable[str], rows: Iterable[str]) -> str:
    """Of titles (text) and rows that ``row`` made."""
    cells = "".join(f"<th>{escape(one)}</th>" for one in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def row(cells: Iterable[str], *, marked: bool = False) -> str:
    """One row of cells that are HTML already."""
    mark = ' class="d"' if marked else ""
    return f"<tr{mark}>{''.join(f'<td>{one}</td>' for one in cells)}</tr>"


def bars(*series: tuple[NDArray[np.int64], str]) -> str:
    """Counts over time side by side, in bars of as many windows as fit: the fullest window of each bar.

    Args:
        series: int64 [windows], all as long; and the colour of each.

    """
    a_bar = -(-len(series[0][0]) // _BARS_MAX)
    shown = [(_fullest(values, a_bar), colour) for values, colour in series]
    top = max(1, *(int(values.max()) for values, _ in shown))
    width = _WIDTH / len(shown[0][0])
    made = []
    for part, (values, colour) in enumerate(shown):
        for at in np.flatnonzero(values).tolist():
            height = _HEIGHT * float(values[at]) / top
            place = f'x="{(at + part / len(shown)) * width:.2f}" y="{_HEIGHT - height:.1f}"'
            made.append(f'<rect {place} width="{width / len(shown):.2f}" height="{height:.1f}" fill="{colour}"/>')
    axis = f'<path d="M0 {_HEIGHT}H{_WIDTH}" stroke="#666"/><text x="2" y="12" font-size="12">{top}</text>'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 2}" width="100%" role="img">{"".join(made)}{axis}</svg>'


def _fullest(windows: NDArray[np.int64], a_bar: int) -> NDArray[np.int64]:
    padded = np.pad(windows, (0, -len(windows) % a_bar))
    highest: NDArray[np.int64] = padded.reshape(-1, a_bar).max(axis=1)
    return highest
