"""Ways to run ``step``: in one process (embedded); later partitioned on Kafka."""
