"""Rows of stored responses: what is found, what is forgotten, and by which index."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.store import response_tables
from dragoman.store.opening import open_memory
from dragoman.store.response_tables import (
    RESPONSES,
    Limits,
    Link,
    StoredResponse,
    insertion,
    removal,
    selected,
    sweep,
    touch,
    walked,
)
from tests.store.keeping import ids, response

LIMITS = Limits()


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = open_memory((RESPONSES,))
    yield connection
    connection.close()


def insert(db: sqlite3.Connection, *said: StoredResponse, now: float = 1.0) -> None:
    for one in said:
        insertion(one, now)(db)


def nobody(_place: tuple[str, str]) -> bool:
    return False


def test_a_response_comes_back_as_it_was(db: sqlite3.Connection) -> None:
    said = response("a", "p", input_items=b'[ {"n": 1.0} ]', response=b'{"id":"a"}', created_at=1_700_000_000)
    insert(db, said)
    assert selected(db, ("me", "a"), 0) == said


def test_what_is_past_its_time_or_anothers_is_not_there(db: sqlite3.Connection) -> None:
    insert(db, response("a"), now=5)
    assert selected(db, ("me", "a"), 4.9) is not None
    assert selected(db, ("me", "a"), 5) is None
    assert selected(db, ("you", "a"), 0) is None
    assert walked(db, ("me", "a"), 5, LIMITS, nobody) == []
    assert walked(db, ("you", "a"), 0, LIMITS, nobody) == []


def test_walking_goes_back_to_the_beginning_or_as_far_as_it_can(db: sqlite3.Connection) -> None:
    insert(db, response("a"), response("b", "a"), response("c", "b"), response("x", "a"))
    assert walked(db, ("me", "c"), 0, LIMITS, nobody) == [
        Link("b", b'["c in"]', b'["c out"]'),
        Link("a", b'["b in"]', b'["b out"]'),
        Link(None, b'["a in"]', b'["a out"]'),
    ]
    assert [link.parent_id for link in walked(db, ("me", "c"), 0, LIMITS, ("me", "a").__eq__)] == ["b", "a"]
    removal(("me", "b"))(db)
    assert [link.parent_id for link in walked(db, ("me", "c"), 0, LIMITS, nobody)] == ["b"]


def test_walking_ends_behind_the_limits_and_in_a_ring(db: sqlite3.Connection) -> None:
    insert(db, response("a", "c"), response("b", "a"), response("c", "b"))
    assert len(walked(db, ("me", "c"), 0, Limits(max_links=5), nobody)) == 6
    assert len(walked(db, ("me", "c"), 0, Limits(max_history=20), nobody)) == 2


def test_a_conversation_is_one_in_all_its_branches(db: sqlite3.Connection) -> None:
    insert(db, response("a"), response("b", "a"), response("c", "a"), response("z"))
    assert ids(db) == {"a", "b", "c", "z"}
    assert db.execute("SELECT count(*) FROM conversations").fetchone() == (2,)


def test_the_same_id_of_two_owners_is_two_responses(db: sqlite3.Connection) -> None:
    insert(db, response("a", model="mine"), response("a", owner="you", model="yours"))
    found = [selected(db, (owner, "a"), 0) for owner in ("me", "you")]
    assert [one.model for one in found if one] == ["mine", "yours"]


def test_said_once_more_it_is_as_it_was_said_last(db: sqlite3.Connection) -> None:
    insert(db, response("a"), response("b", "a"))
    insert(db, response("a", response=b'{"more": 1}'))
    found = selected(db, ("me", "a"), 0)
    assert found is not None
    assert found.response == b'{"more": 1}'
    assert ids(db) == {"a", "b"}
    assert db.execute("SELECT count(*) FROM conversations").fetchone() == (1,)


def test_what_is_removed_leaves_nothing(db: sqlite3.Connection) -> None:
    insert(db, response("a"), response("b", "a"))
    removal(("me", "a"))(db)
    assert ids(db) == {"b"}
    removal(("me", "b"))(db)
    removal(("me", "b"))(db)
    assert ids(db) == set()
    assert db.execute("SELECT count(*) FROM conversations").fetchone() == (0,)


def test_conversations_past_their_time_are_forgotten_whole(db: sqlite3.Connection) -> None:
    insert(db, response("a"), response("x"), now=1)
    insert(db, response("b", "a"), now=3)
    touch(("me", "none"), 9)(db)
    sweep(db, 2, LIMITS)
    assert ids(db) == {"a", "b"}
    touch(("me", "b"), 5)(db)
    sweep(db, 4, LIMITS)
    assert ids(db) == {"a", "b"}
    sweep(db, 5, LIMITS)
    assert ids(db) == set()


def test_an_owner_with_too_much_loses_what_was_not_used_for_longest(db: sqlite3.Connection) -> None:
    for now, name in enumerate("abcd"):
        insert(db, response(name), response(name, owner="you"), now=now)
    touch(("me", "a"), 9)(db)
    size = response("a").size
    sweep(db, -1, Limits(max_bytes_per_owner=2 * size))
    left = set(db.execute("SELECT owner, id FROM responses"))
    assert left == {("me", "a"), ("me", "d"), ("you", "c"), ("you", "d")}


def test_all_together_have_a_limit_too(db: sqlite3.Connection) -> None:
    for now, owner in enumerate("abcd"):
        insert(db, response("r", owner=owner), now=now)
    sweep(db, -1, Limits(max_bytes=2 * response("r").size))
    assert set(db.execute("SELECT owner FROM responses")) == {("c",), ("d",)}


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from("xy"), st.none() | st.integers(0, 5), st.integers(0, 300)),
        max_size=30,
    ),
    st.integers(0, 3000),
    st.integers(0, 3000),
)
def test_after_a_sweep_the_limits_are_kept(
    said: list[tuple[int, str, int | None, int]], of_all: int, of_each: int
) -> None:
    db = open_memory((RESPONSES,))
    for now, (name, owner, parent, size) in enumerate(said):
        parent_id = None if parent is None else str(parent)
        insert(db, response(str(name), parent_id, owner, response=b"x" * size), now=now)
    sweep(db, -1, Limits(max_bytes=of_all, max_bytes_per_owner=of_each))
    ids(db)
    sizes = dict(db.execute("SELECT owner, sum(size) FROM conversations GROUP BY owner"))
    assert sum(sizes.values()) <= of_all
    assert all(size <= of_each for size in sizes.values())
    db.close()


@pytest.mark.parametrize("query", ["_WHOLE", "_LINK", "_CONVERSATION", "_TOUCH"])
def test_looking_for_one_reads_no_table_through(db: sqlite3.Connection, query: str) -> None:
    said = getattr(response_tables, query)
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {said}", (0,) * said.count("?"))]
    assert any("USING INDEX" in step or "USING COVERING INDEX" in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN")], plan
