"""The journal: every input that can change an alarm, in segments that tell what is torn from what is damaged."""
