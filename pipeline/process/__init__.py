"""``step``: admission, detectors, rules and the alarm machine, from one input to its events."""
