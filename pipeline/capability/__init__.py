"""What the sensors that work now would see, and how soon; pure."""
