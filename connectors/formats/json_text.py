"""What every format of JSON text shares: how deep it may nest, what its parser raises, and taking an array apart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.formats.contract import WHOLE, Fault

#: What msgspec raises on a text; ``ValueError`` for numbers of thousands of digits.
PARSE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_elements = msgspec.json.Decoder(list[msgspec.Raw])


class JsonText:
    """Knows how deep a text may nest; keeps nothing else."""

    def __init__(self, depth_max: int) -> None:
        self._depth_max = depth_max

    def depth_fault(self, payload: bytes) -> Fault | None:
        """Told without parsing.

        Brackets inside strings can hide depth; the parser's own limit on recursion stands behind this.
        """
        brackets = payload.translate(_ALIKE, _NOT_BRACKETS)
        for _ in range(self._depth_max):
            if not brackets:
                return None
            brackets = brackets.replace(b"[]", b"")  # takes the innermost level away
        return self._too_deep() if b"[]" in brackets else None

    def text_fault(self, error: Exception) -> Fault:
        """Why a text is no JSON at all."""
        if isinstance(error, RecursionError):
            return self._too_deep()
        return Fault("not_json", f"a payload is JSON in UTF-8 (RFC 8259), got: {error}")

    def _too_deep(self) -> Fault:
        return Fault("too_deep", f"a payload nests at most {self._depth_max} levels (depth_max), got more")


def elements_of(payload: bytes) -> list[msgspec.Raw]:
    """Take an array apart.

    Raises:
        PARSE_ERRORS: it is none.

    """
    return _elements.decode(payload)


def parts_of(payload: bytes, elements: Sequence[int]) -> list[bytes]:
    """The bytes of some elements of an array that parses."""
    if not elements or elements[0] == WHOLE:
        return [payload] * len(elements)
    raw = elements_of(payload)
    return [bytes(raw[element]) for element in elements]
