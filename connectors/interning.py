"""Byte strings to small numbers: what a message calls its topic, sensor or unit, looked up by the thousand.

A hash table in arrays, searched by a compiled loop, so that naming a sensor costs tens of nanoseconds and makes no
object. What is not in the table is asked for in Python, once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

#: What is looked up for a text that has no place, or that stands nowhere (begin -1).
UNKNOWN = -1

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C")
_SLOTS_FREE = 2  # a table is at most half full


class Interning:
    """Texts with the numbers they were given. Only added to, until ``clear``."""

    def __init__(self) -> None:
        # Of this process alone, so that nobody can choose texts that fall on one slot.
        self._seed = secrets.randbits(63)
        self.clear()

    def __len__(self) -> int:
        return self._count

    def clear(self) -> None:
        self._count = 0
        self._slots = np.full(64, UNKNOWN, np.int32)
        self._number = np.empty(32, np.int32)
        self._begin = np.zeros(33, np.int64)
        self._blob = np.empty(1024, np.uint8)

    def add(self, text: bytes, number: int) -> None:
        """Give a text that is not in the table its number."""
        if self._count == len(self._number):
            self._grow()
        begin = int(self._begin[self._count])
        end = begin + len(text)
        if end > len(self._blob):
            self._blob = np.concatenate([self._blob, np.empty(max(len(self._blob), len(text)), np.uint8)])
        self._blob[begin:end] = np.frombuffer(text, np.uint8)
        self._begin[self._count + 1] = end
        self._number[self._count] = number
        _insert(self._slots, self._blob, self._begin, self._count, self._seed)
        self._count += 1

    def find(
        self, data: NDArray[np.uint8], begin: NDArray[np.int64], end: NDArray[np.int64], number: NDArray[np.int32]
    ) -> int:
        """Look texts up.

        Args:
            data: uint8, where the texts stand.
            begin: int64 [n], -1 = there is none.
            end: int64 [n].
            number: int32 [n], set to what each text was given, else to ``UNKNOWN``.

        Returns:
            how many texts are there and not in the table.

        """
        return int(_find(data, begin, end, self._slots, self._blob, self._begin, self._number, self._seed, number))

    def learn(
        self,
        data: NDArray[np.uint8],
        begin: NDArray[np.int64],
        end: NDArray[np.int64],
        number: NDArray[np.int32],
        of: Callable[[bytes], int],
    ) -> None:
        """``find``, and ask ``of`` for the number of each text that is not in the table.

        What ``of`` answers with ``UNKNOWN`` is not added, and is asked for again the next time.
        """
        if not self.find(data, begin, end, number):
            return
        asked: dict[bytes, int] = {}
        for row in np.flatnonzero((number == UNKNOWN) & (begin >= 0)).tolist():
            text = data[begin[row] : end[row]].tobytes()
            if text not in asked:
                asked[text] = of(text)
                if asked[text] != UNKNOWN:
                    self.add(text, asked[text])
            number[row] = asked[text]

    def _grow(self) -> None:
        room = 2 * len(self._number)
        self._number = np.concatenate([self._number, np.empty(len(self._number), np.int32)])
        self._begin = np.concatenate([self._begin, np.zeros(room + 1 - len(self._begin), np.int64)])
        self._slots = np.full(_SLOTS_FREE * room, UNKNOWN, np.int32)
        for place in range(self._count):
            _insert(self._slots, self._blob, self._begin, place, self._seed)


class Vocabulary:
    """Words in the order in which they were first met; a word keeps its place until ``clear``."""

    def __init__(self, *words: str) -> None:
        self._first = words
        self._interning = Interning()
        self.clear()

    def __len__(self) -> int:
        return len(self.words)

    def clear(self) -> None:
        """Begin a new list, so that those who hold the old one see that it is over."""
        self.words: list[str] = []
        self._place: dict[str, int] = {}
        self._interning.clear()
        for word in self._first:
            self.place(word)

    def place(self, word: str) -> int:
        found = self._place.get(word)
        if found is None:
            found = self._place[word] = len(self.words)
            self.words.append(word)
            self._interning.add(word.encode(errors="surrogatepass"), found)
        return found

    def places(self, data: NDArray[np.uint8], begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int32]:
        """Places of words that stand in ``data``; ``UNKNOWN`` where there is none (begin -1) or it is not UTF-8."""
        found = np.empty(len(begin), np.int32)
        self._interning.learn(data, np.ascontiguousarray(begin), np.ascontiguousarray(end), found, self._read)
        return found

    def _read(self, text: bytes) -> int:
        try:
            word = text.decode()
        except UnicodeDecodeError:
            return UNKNOWN
        found = len(self.words)
        self._place[word] = found
        self.words.append(word)
        return found


@njit(nogil=True)
def _hash(data: NDArray[np.uint8], begin: int, end: int, seed: int) -> int:
    """FNV-1a with a seed and a last mix, because slots are taken from the low bits."""
    found = seed ^ 0x4BF29CE484222325
    for at in range(begin, end):
        found = (found ^ int(data[at])) * 0x100000001B3
    return found ^ (found >> 29)


@njit(
    types.void(_I32, types.Array(types.uint8, 1, "C"), types.Array(types.int64, 1, "C"), types.int64, types.int64),
    cache=True,
    nogil=True,
)
def _insert(
    slots: NDArray[np.int32], blob: NDArray[np.uint8], begins: NDArray[np.int64], place: int, seed: int
) -> None:
    mask = len(slots) - 1
    slot = _hash(blob, begins[place], begins[place + 1], seed) & mask
    while slots[slot] != UNKNOWN:
        slot = (slot + 1) & mask
    slots[slot] = place


@njit(
    types.int64(
        _BYTES,
        _PLACES,
        _PLACES,
        _I32,
        types.Array(types.uint8, 1, "C"),
        types.Array(types.int64, 1, "C"),
        _I32,
        types.int64,
        _I32,
    ),
    cache=True,
    nogil=True,
)
def _find(
    data: NDArray[np.uint8],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    slots: NDArray[np.int32],
    blob: NDArray[np.uint8],
    begins: NDArray[np.int64],
    numbers: NDArray[np.int32],
    seed: int,
    number: NDArray[np.int32],
) -> int:
    mask = len(slots) - 1
    unknown = 0
    for row in range(len(begin)):
        number[row] = UNKNOWN
        if begin[row] < 0:
            continue
        length = end[row] - begin[row]
        slot = _hash(data, begin[row], end[row], seed) & mask
        while slots[slot] != UNKNOWN:
            place = slots[slot]
            at = begins[place]
            if begins[place + 1] - at == length:
                same = True
                for k in range(length):
                    if blob[at + k] != data[begin[row] + k]:
                        same = False
                        break
                if same:
                    number[row] = numbers[place]
                    break
            slot = (slot + 1) & mask
        unknown += number[row] == UNKNOWN
    return unknown
