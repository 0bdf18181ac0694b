"""Reads configuration and packs into model types; every error names file, line and key."""
