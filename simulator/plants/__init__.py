"""Plants of the simulated district, one family a file."""
