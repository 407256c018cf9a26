"""Floor 3: one request's life. Read exchange.py first."""
