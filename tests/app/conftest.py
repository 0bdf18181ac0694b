"""Figures of the proofs are shown here, too."""

from tests.faults.conftest import tell

__all__ = ["tell"]
