"""Sensors of any asset judged together."""
