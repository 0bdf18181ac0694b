"""The spine: from a message to an alarm event, and from an alarm event to whoever must know."""
