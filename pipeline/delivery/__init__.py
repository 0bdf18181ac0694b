"""From the outbox to the sinks, and from the journal into a database of history."""
