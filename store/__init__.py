"""What is kept: the journal, snapshots, events and the outbox. Judges nothing."""
