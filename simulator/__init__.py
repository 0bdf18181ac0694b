"""Simulated plants and faults for the demo, tests and drills; a process of its own."""
