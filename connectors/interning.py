"""Byte strings to small numbers: what a message calls its topic, sensor or unit, looked up by the thousand.

A hash table in arrays, searched by a compiled loop, so that naming a sensor costs tens of nanoseconds and makes no
object. What is not in the table is asked for in Python, once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

#: What is looked up for a text that has no place, or that stands nowhere (begin -1).
UNKNOWN = -1

_REMEMBERED_MAX = 200_000

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

    def add(self, texts: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Give texts that are not in the table their numbers."""
        while self._count + len(texts) > len(self._number):
            self._grow()
        first, end = self._count, self._count + len(texts)
        ends = int(self._begin[first]) + np.cumsum(list(map(len, texts)), dtype=np.int64)
        room = int(ends[-1]) - len(self._blob)
        if room > 0:
            self._blob = np.concatenate([self._blob, np.empty(max(len(self._blob), room), np.uint8)])
        self._blob[self._begin[first] : ends[-1]] = np.frombuffer(b"".join(texts), np.uint8)
        self._begin[first + 1 : end + 1] = ends
        self._number[first:end] = numbers
        _insert(self._slots, self._blob, self._begin, first, end, self._seed)
        self._count = end

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
        view = data.data
        rows = np.flatnonzero((number == UNKNOWN) & (begin >= 0))
        for row, at, after in zip(rows.tolist(), begin[rows].tolist(), end[rows].tolist(), strict=True):
            text = bytes(view[at:after])
            given = asked.get(text)
            if given is None:
                given = asked[text] = of(text)
            number[row] = given
        new = [text for text, given in asked.items() if given != UNKNOWN]
        if new:
            self.add(new, [asked[text] for text in new])

    def _grow(self) -> None:
        room = 2 * len(self._number)
        self._number = np.concatenate([self._number, np.empty(len(self._number), np.int32)])
        self._begin = np.concatenate([self._begin, np.zeros(room + 1 - len(self._begin), np.int64)])
        self._slots = np.full(_SLOTS_FREE * room, UNKNOWN, np.int32)
        _insert(self._slots, self._blob, self._begin, 0, self._count, self._seed)


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
        self._learned = 0  # words that the table knows, too: as many as were needed
        self._interning.clear()
        for word in self._first:
            self.place(word)

    def place(self, word: str) -> int:
        found = self._place.get(word)
        if found is None:
            found = self._place[word] = len(self.words)
            self.words.append(word)
        return found

    def places_of(self, words: Sequence[str]) -> list[int]:
        """Places of many words, of which few are new."""
        place = self._place
        for word in set(words).difference(place):
            self.place(word)
        return [place[word] for word in words]

    def places(self, data: NDArray[np.uint8], begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int32]:
        """Places of words that stand in ``data``; ``UNKNOWN`` where there is none (begin -1) or it is not UTF-8."""
        if self._learned < len(self.words):
            new = [word.encode(errors="surrogatepass") for word in self.words[self._learned :]]
            self._interning.add(new, range(self._learned, len(self.words)))
        found = np.empty(len(begin), np.int32)
        self._interning.learn(data, np.ascontiguousarray(begin), np.ascontiguousarray(end), found, self._read)
        self._learned = len(self.words)
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


class Words:
    """The names and units that a format has met; a flood of new ones costs time, not memory."""

    def __init__(self) -> None:
        self.names = Vocabulary()
        self.units = Vocabulary("")

    def forget_if_many(self) -> bool:
        """Begin new lists where the old ones have grown long; to be asked between batches, for places must hold."""
        many = len(self.names) + len(self.units) > _REMEMBERED_MAX
        if many:
            self.names.clear()
            self.units.clear()
        return many


@njit(nogil=True)
def _hash(data: NDArray[np.uint8], begin: int, end: int, seed: int) -> int:
    """FNV-1a with a seed and a last mix, because slots are taken from the low bits."""
    found = seed ^ 0x4BF29CE484222325
    for at in range(begin, end):
        found = (found ^ int(data[at])) * 0x100000001B3
    return found ^ (found >> 29)


@njit(
    types.void(
        _I32,
        types.Array(types.uint8, 1, "C"),
        types.Array(types.int64, 1, "C"),
        types.int64,
        types.int64,
        types.int64,
    ),
    cache=True,
    nogil=True,
)
def _insert(
    slots: NDArray[np.int32], blob: NDArray[np.uint8], begins: NDArray[np.int64], first: int, end: int, seed: int
) -> None:
    mask = len(slots) - 1
    for place in range(first, end):
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
