"""Fixtures of the long proofs."""

from tests.faults.harness.tell import tell

__all__ = ["tell"]
