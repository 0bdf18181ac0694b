"""The master alarm database: every rule and grade as a row, for people who do not write YAML."""
