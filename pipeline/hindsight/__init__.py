"""Alarms of the past: what they asked of people, and what other rules would have made of the same time."""
