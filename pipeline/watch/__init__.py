"""How the system knows that it works: progress of every loop, readiness with reasons, and who is told of it."""
