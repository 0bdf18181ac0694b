"""Words a person reads, in the two languages of the duty room."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    zh: str
    en: str

    def say(self, language: str) -> str:
        return self.en if language == "en" else self.zh
