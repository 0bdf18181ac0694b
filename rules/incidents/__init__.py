"""Grouping of alarms into incidents: pure logic over alarm events, one file a question."""
