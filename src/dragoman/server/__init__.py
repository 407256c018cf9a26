"""Floor 4: HTTP in, as a raw ASGI application. app.py knows which path leads where."""
