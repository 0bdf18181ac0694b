"""Rules of a pack: read, and checked against what they may speak of."""
