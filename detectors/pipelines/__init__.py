"""Pipelines: bursts by their wave, leaks by their balance."""
