"""The front door: the command line, what is wired to what, and the processes that run."""
