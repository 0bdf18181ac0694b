"""Recorded time, judged by two configurations: what a change of rules would have done."""
