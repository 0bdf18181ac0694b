"""What the archive says of the data itself: who was heard, how completely, and how long readings stand still."""
