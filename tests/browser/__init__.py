"""Pages in a real browser, by the journeys a person makes. A package, for its browser is to end with its last test:
Playwright keeps an event loop in this thread, and other tests have loops of their own.
"""
