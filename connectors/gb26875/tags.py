"""From the bytes that name a device, a system and a component to tags, each rendered once."""

from __future__ import annotations

from typing import Literal

from connectors.gb26875.objects import COMPONENT_BYTES, SYSTEM_BYTES
from connectors.gb26875.settings import Settings, byte_order
from connectors.interning import Vocabulary
from connectors.topic import TagTemplate


def device_name(address: bytes, written: Literal["decimal", "hex", "ipv4"]) -> str:
    """How people read a device's six bytes."""
    if written == "hex":
        return address.hex()
    if written == "ipv4":
        return ".".join(map(str, address[:4]))
    return str(int.from_bytes(address, "little"))


class Tags:
    """Tags with the places they were given; only added to, until ``clear``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._templates = {
            0: TagTemplate(settings.device_tag),
            SYSTEM_BYTES: TagTemplate(settings.system_tag),
            COMPONENT_BYTES: TagTemplate(settings.tag),
        }
        self._order = byte_order(settings.component_address_order)
        self._tags = Vocabulary()
        self._places: dict[tuple[bytes, bytes, str], int] = {}

    def __len__(self) -> int:
        return len(self._tags)

    @property
    def names(self) -> list[str]:
        return self._tags.words

    def clear(self) -> None:
        self._tags.clear()
        self._places.clear()

    def place(self, device: bytes, place: bytes, signal: str) -> int:
        """Place of a tag among ``names``; see ``render``."""
        key = device, place, signal
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = self._tags.place(self.render(device, place, signal))
        return found

    def render(self, device: bytes, place: bytes, signal: str) -> str:
        """The tag of a signal.

        Args:
            device: six bytes of its address.
            place: none, the two bytes of a system, or the seven of a component.
            signal: what of it.

        """
        words = {"device": device_name(device, self._settings.device_address), "signal": signal}
        if place:
            words |= {"system": str(place[0]), "system_address": str(place[1])}
        if len(place) == COMPONENT_BYTES:
            address = int.from_bytes(place[3:], self._order)
            words |= {"component": str(place[2]), "component_address": f"{address:08x}"}
        return self._templates[len(place)].render(words)
