"""Tables that show every word: what does not fit a column goes on in the next line.

Rich breaks lines at blanks and cuts a word that is longer than its column. A Chinese sentence has no blanks.
"""

from __future__ import annotations

import rich.table
from rich.console import Console, ConsoleOptions, RenderResult


class Table(rich.table.Table):
    """A table of Rich whose columns fold and never cut, except those that may not wrap."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for column in self.columns:
            if not column.no_wrap:
                column.overflow = "fold"
        yield from super().__rich_console__(console, options)
