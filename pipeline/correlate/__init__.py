"""The second stage: incidents from the events of ``step``, after them and never before them."""
