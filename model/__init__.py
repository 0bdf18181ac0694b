"""The nouns and protocols that every room shares; nothing here does I/O, reads a clock or knows a vendor."""
