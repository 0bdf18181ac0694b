"""A check at start: all rooms come from one place. Two installations on one path would judge by two rule books."""

from __future__ import annotations

import importlib
from pathlib import Path

from model.errors import FengsuiError

ROOMS = ("app", "pipeline", "store", "connectors", "config", "detectors", "rules", "model")


def check_rooms() -> None:
    """Compare the rooms' parent folders.

    Raises:
        FengsuiError: they differ, or a package of the same name hides one of ours.

    """
    parents = {room: Path(str(importlib.import_module(room).__file__)).parent.parent for room in ROOMS}
    if len(set(parents.values())) > 1:
        listed = ", ".join(f"{room} from {parent}" for room, parent in parents.items())
        raise FengsuiError(f"all rooms must come from one installation, got {listed}; install Fengsui on its own")
