"""A copy of everything that Fengsui keeps, taken while it works, and put back."""
