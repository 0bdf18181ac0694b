"""``fengsui doctor``: looks an installation and a live site over, and says of each fault how to mend it."""
