"""The language of rules, grading with delays, and the alarm machine. Pure: no I/O, no clock."""
