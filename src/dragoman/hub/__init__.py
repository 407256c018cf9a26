"""Floor 0: the words every other part speaks. No I/O, no JSON, no dialect's grammar."""
