"""Who used what, and how much of it: one line an exchange, in a file of its own. Never what was said."""
