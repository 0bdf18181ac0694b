"""Networks of drinking water."""
