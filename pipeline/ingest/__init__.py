"""From a source's deliveries to a batch."""
