"""The archive: readings of past days as Parquet, by sensor and time, made from the journal and never doubled."""
