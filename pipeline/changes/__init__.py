"""Changes of configuration: what a proposal would change, and how it comes into force."""
