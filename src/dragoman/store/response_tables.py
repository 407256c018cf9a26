"""Stored responses as rows.

`conversations` is what is kept or forgotten as a whole, `responses` their links, `response_bodies` what was said: apart,
so that looking for a link does not read over bodies of megabytes.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from dragoman.store.migrations import Schema, Write


class StoredResponse(Struct, frozen=True, kw_only=True):
    """owner: the fingerprint of the key that asked. created_at: seconds since the epoch.

    input_items, output_items: JSON arrays; the input is that of this request alone. response: the whole object as JSON.
    lasting: it outlives the connection it was said on (`store` was not false).
    """

    id: str
    owner: str
    parent_id: str | None = None
    model: str
    created_at: int
    input_items: bytes
    output_items: bytes
    response: bytes
    lasting: bool = True

    @property
    def place(self) -> "Place":
        return self.owner, self.id

    @property
    def size(self) -> int:
        """Bytes that are kept of it."""
        return len(self.input_items) + len(self.output_items) + len(self.response) + _ROW


class Limits(Struct, frozen=True):
    """ttl: seconds that a conversation is kept after it was last used. max_bytes: of all, and of each owner.

    max_links, max_history: responses and bytes of one conversation that are put together again.
    """

    ttl: float = 30 * 86_400.0
    max_bytes: int = 512 * 2**20
    max_bytes_per_owner: int = 64 * 2**20
    max_links: int = 10_000
    max_history: int = 128 * 2**20


class Link(NamedTuple):
    """What one response adds to its conversation."""

    parent_id: str | None
    input_items: bytes
    output_items: bytes

    @property
    def size(self) -> int:
        return len(self.input_items) + len(self.output_items)


Place: TypeAlias = tuple[str, str]  # owner, id
_ROW: Final = 256  # bytes, about what the rest of a response takes


def _first(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE conversations"
        " (number INTEGER PRIMARY KEY, owner TEXT NOT NULL, used REAL NOT NULL, size INTEGER NOT NULL)"
    )
    db.execute("CREATE INDEX conversations_by_owner ON conversations (owner, used)")
    db.execute("CREATE INDEX conversations_by_use ON conversations (used)")
    db.execute(
        "CREATE TABLE responses (number INTEGER PRIMARY KEY, owner TEXT NOT NULL, id TEXT NOT NULL, parent TEXT,"
        " conversation INTEGER NOT NULL, model TEXT NOT NULL, created INTEGER NOT NULL, size INTEGER NOT NULL,"
        " UNIQUE (owner, id))"
    )
    db.execute("CREATE INDEX responses_by_conversation ON responses (conversation)")
    db.execute(
        "CREATE TABLE response_bodies"
        " (number INTEGER PRIMARY KEY, input BLOB NOT NULL, output BLOB NOT NULL, response BLOB NOT NULL)"
    )


RESPONSES: Final = Schema("responses", (_first,))

_WHOLE: Final = (
    "SELECT parent, model, created, input, output, response FROM responses"
    " JOIN response_bodies USING (number) JOIN conversations ON conversations.number = conversation"
    " WHERE responses.owner = ? AND id = ? AND used > ?"
)
_LINK: Final = (
    "SELECT parent, input, output FROM responses"
    " JOIN response_bodies USING (number) JOIN conversations ON conversations.number = conversation"
    " WHERE responses.owner = ? AND id = ? AND used > ?"
)
_CONVERSATION: Final = "SELECT conversation FROM responses WHERE owner = ? AND id = ?"
_TOUCH: Final = (
    "UPDATE conversations SET used = ? WHERE number = (SELECT conversation FROM responses WHERE owner = ? AND id = ?)"
)
_FORGET_BODIES: Final = (
    "DELETE FROM response_bodies WHERE number IN (SELECT number FROM responses WHERE conversation = ?)"
)


def selected(db: sqlite3.Connection, place: Place, since: float) -> StoredResponse | None:
    """since: conversations that were last used before are gone."""
    row = db.execute(_WHOLE, (*place, since)).fetchone()
    if row is None:
        return None
    parent, model, created, input_items, output_items, response = row
    return StoredResponse(
        id=place[1],
        owner=place[0],
        parent_id=parent,
        model=model,
        created_at=created,
        input_items=input_items,
        output_items=output_items,
        response=response,
    )


def walked(
    db: sqlite3.Connection, place: Place, since: float, limits: Limits, is_gone: Callable[[Place], bool]
) -> list[Link]:
    """The response and its parents, latest first. Ends after the first link beyond the limits."""
    owner = place[0]
    wanted: str | None = place[1]
    found: list[Link] = []
    size = 0
    while wanted is not None and len(found) <= limits.max_links and size <= limits.max_history:
        row = None if is_gone((owner, wanted)) else db.execute(_LINK, (owner, wanted, since)).fetchone()
        if row is None:
            break
        link = Link(*row)
        found.append(link)
        size += link.size
        wanted = link.parent_id
    return found


def insertion(said: StoredResponse, now: float) -> Write:
    def insert(db: sqlite3.Connection) -> None:
        conversation = _conversation_of(db, said, now)
        _take_out(db, said.place)  # said once more, as it is now
        number = db.execute(
            "INSERT INTO responses (owner, id, parent, conversation, model, created, size) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*said.place, said.parent_id, conversation, said.model, said.created_at, said.size),
        ).lastrowid
        bodies = (number, said.input_items, said.output_items, said.response)
        db.execute("INSERT INTO response_bodies VALUES (?, ?, ?, ?)", bodies)
        changes = (said.size, now, conversation)
        db.execute("UPDATE conversations SET size = size + ?, used = ? WHERE number = ?", changes)

    return insert


def _conversation_of(db: sqlite3.Connection, said: StoredResponse, now: float) -> int:
    """Its own if it is there already, its parent's, or a new one."""
    for response_id in (said.id, said.parent_id):
        if (row := db.execute(_CONVERSATION, (said.owner, response_id)).fetchone()) is not None:
            return int(row[0])
    added = db.execute("INSERT INTO conversations (owner, used, size) VALUES (?, ?, 0)", (said.owner, now))
    return int(added.lastrowid or 0)


def touch(place: Place, now: float) -> Write:
    """Note that its conversation is in use."""
    return lambda db: db.execute(_TOUCH, (now, *place))


def removal(place: Place) -> Write:
    def remove(db: sqlite3.Connection) -> None:
        row = db.execute(_CONVERSATION, place).fetchone()
        _take_out(db, place)
        if row is not None and db.execute("SELECT 1 FROM responses WHERE conversation = ?", row).fetchone() is None:
            db.execute("DELETE FROM conversations WHERE number = ?", row)

    return remove


def _take_out(db: sqlite3.Connection, place: Place) -> None:
    query = "SELECT number, conversation, size FROM responses WHERE owner = ? AND id = ?"
    for number, conversation, size in db.execute(query, place).fetchall():
        db.execute("DELETE FROM response_bodies WHERE number = ?", (number,))
        db.execute("DELETE FROM responses WHERE number = ?", (number,))
        db.execute("UPDATE conversations SET size = size - ? WHERE number = ?", (size, conversation))


def sweep(db: sqlite3.Connection, since: float, limits: Limits) -> None:
    """Forget what is past its time, then what was not used for longest, until the limits are kept."""
    _forget(db, db.execute("SELECT number FROM conversations WHERE used <= ?", (since,)).fetchall())
    owners = "SELECT owner, sum(size) FROM conversations GROUP BY owner HAVING sum(size) > ?"
    for owner, size in db.execute(owners, (limits.max_bytes_per_owner,)).fetchall():
        oldest = db.execute("SELECT number, size FROM conversations WHERE owner = ? ORDER BY used, number", (owner,))
        _forget(db, _until(oldest.fetchall(), size - limits.max_bytes_per_owner))
    (size,) = db.execute("SELECT total(size) FROM conversations").fetchone()
    if size > limits.max_bytes:
        oldest = db.execute("SELECT number, size FROM conversations ORDER BY used, number")
        _forget(db, _until(oldest.fetchall(), size - limits.max_bytes))


def _until(rows: Iterable[tuple[int, int]], size: float) -> list[tuple[int]]:
    """The first of them that together have this size."""
    found: list[tuple[int]] = []
    for number, more in rows:
        if size <= 0:
            break
        found.append((number,))
        size -= more
    return found


def _forget(db: sqlite3.Connection, conversations: list[tuple[int]]) -> None:
    db.executemany(_FORGET_BODIES, conversations)
    db.executemany("DELETE FROM responses WHERE conversation = ?", conversations)
    db.executemany("DELETE FROM conversations WHERE number = ?", conversations)
