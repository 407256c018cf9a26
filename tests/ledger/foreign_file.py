"""A usage database as go-llm-proxy writes it."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROW: dict[str, Any] = {
    "timestamp": "2026-09-27T12:00:00Z",
    "key_hash": "0123456789abcdef",
    "key_name": "me",
    "model": "m",
    "backend": "http://a/v1",
    "endpoint": "/v1/chat/completions",
    "status_code": 200,
    "request_bytes": 100,
    "response_bytes": 200,
    "input_tokens": 10,
    "output_tokens": 5,
    "total_tokens": 15,
    "duration_ms": 900,
}


def add(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    db = sqlite3.connect(path)
    columns = ", ".join(f"{name} {'INTEGER' if isinstance(value, int) else 'TEXT'}" for name, value in ROW.items())
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"CREATE TABLE IF NOT EXISTS usage (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
    for row in rows:
        said = {**ROW, **row}
        db.execute(
            f"INSERT INTO usage ({', '.join(said)}) VALUES ({', '.join('?' for _ in said)})", tuple(said.values())
        )
    db.commit()
    db.close()
    return path
