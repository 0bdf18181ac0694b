"""Fire: all sensors of a room together."""
