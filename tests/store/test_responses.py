"""Conversations that are come back to: by their owner, at once, and as long as they last."""

import asyncio
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.store.database import Database
from dragoman.store.response_tables import RESPONSES, Limits, StoredResponse
from dragoman.store.responses import ConnectionResponses, KeptResponses, Responses, joined
from dragoman.wire import jsons
from tests.store.keeping import Clock, Opener, ids, response

T = TypeVar("T")
DAY = 86_400.0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def get(responses: Responses, response_id: str, owner: str = "me") -> StoredResponse | None:
    return run(responses.get(response_id, owner))


def chain(responses: Responses, response_id: str, owner: str = "me") -> Any:
    found = run(responses.chain(response_id, owner))
    return None if found is None else jsons.read(found)


def history(*names: str) -> list[str]:
    return [f"{name} {way}" for name in names for way in ("in", "out")]


class Stopped:
    """Nothing is written while this lasts: the file shows what was there before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._begun, self._go = threading.Event(), threading.Event()
        self._database.put(self._wait)
        assert self._begun.wait(10)

    def _wait(self, _db: sqlite3.Connection) -> None:
        self._begun.set()
        assert self._go.wait(10)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        assert self._database.flush()


@pytest.fixture
def database(place: Path | None, opening: Opener) -> Database:
    return opening(place, (RESPONSES,))


@pytest.fixture
def kept(database: Database, clock: Clock) -> KeptResponses:
    responses = KeptResponses(database, Limits(), clock)
    database.flush()
    return responses


arrays = st.lists(st.lists(st.integers() | st.text(max_size=3), max_size=3), max_size=4)


@given(arrays, st.sampled_from([b"", b" ", b"\n\t"]))
def test_arrays_are_joined(said: list[list[object]], space: bytes) -> None:
    written = [space + jsons.write(one).replace(b"[", b"[" + space, 1) + space for one in said]
    assert jsons.read(joined(written)) == [item for one in said for item in one]


def test_the_members_of_arrays_keep_their_spelling() -> None:
    assert joined([b'[{"a": 1.0}]', b"[ ]", b'[ 1e2,"]" ]']) == b'[{"a": 1.0},1e2,"]"]'


def test_a_conversation_is_put_together_oldest_first(kept: KeptResponses, database: Database) -> None:
    for name, parent in (("a", None), ("b", "a"), ("c", "b"), ("other", "a")):
        kept.save(response(name, parent))
    database.flush()
    assert chain(kept, "c") == history("a", "b", "c")
    assert chain(kept, "other") == history("a", "other")
    assert chain(kept, "a") == history("a")
    found = get(kept, "b")
    assert found == response("b", "a")


def test_what_is_still_queued_is_there(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", (RESPONSES,))
    kept = KeptResponses(database, Limits())
    kept.save(response("a"))
    kept.save(response("b", "a"))
    database.flush()
    with Stopped(database):
        kept.save(response("c", "b"))
        kept.save(response("d", "c"))
        assert get(kept, "d") == response("d", "c")
        assert chain(kept, "d") == history("a", "b", "c", "d")
        assert run(kept.delete("c", "me"))
        assert get(kept, "c") is None
        assert chain(kept, "d") is None
        assert run(kept.delete("a", "me"))
        assert chain(kept, "b") is None
        kept.save(response("c", "b", model="again"))
        assert get(kept, "c") == response("c", "b", model="again")
    assert kept._changes == {}
    assert get(kept, "c") == response("c", "b", model="again")
    assert database.read(ids, {"not read"}) == {"b", "c", "d"}


def test_at_no_moment_is_a_saved_response_missing(kept: KeptResponses) -> None:
    """Between the queue and the file there is no gap."""

    async def save_and_look() -> None:
        for number in range(100):
            parent = str(number - 1) if number else None
            kept.save(response(str(number), parent))
            links = await kept.links(str(number), "me")
            assert len(links) == number + 1
            assert await kept.get(str(number // 2), "me") is not None

    run(save_and_look())


def test_anothers_response_is_like_none(kept: KeptResponses, database: Database) -> None:
    kept.save(response("a"))
    for _ in range(2):  # queued, then written
        assert get(kept, "a", "you") is get(kept, "none") is None
        assert chain(kept, "a", "you") is chain(kept, "none") is None
        assert run(kept.delete("a", "you")) is run(kept.delete("none", "me")) is False
        kept.save(response("b", "a", owner="you"))
        assert chain(kept, "b", "you") is None
        database.flush()
    assert get(kept, "a") is not None


def test_a_chain_with_a_link_missing_is_none(kept: KeptResponses, database: Database) -> None:
    kept.save(response("b", "a"))
    assert chain(kept, "b") is None
    assert get(kept, "b") is not None
    kept.save(response("a"))
    assert chain(kept, "b") == history("a", "b")
    assert run(kept.delete("a", "me"))
    assert not run(kept.delete("a", "me"))
    assert chain(kept, "b") is None
    database.flush()
    assert chain(kept, "b") is None


def test_only_what_lasts_is_kept(kept: KeptResponses) -> None:
    kept.save(response("a", lasting=False))
    assert get(kept, "a") is None


def test_time_runs_from_the_last_use(kept: KeptResponses, database: Database, clock: Clock) -> None:
    for name in ("read", "walked", "continued", "idle"):
        kept.save(response(name))
    database.flush()
    clock.seconds += 20 * DAY
    assert get(kept, "read") is not None
    assert chain(kept, "walked") is not None
    kept.save(response("later", "continued"))
    database.flush()
    clock.seconds += 20 * DAY
    assert get(kept, "read") is not None
    assert chain(kept, "walked") is not None
    assert chain(kept, "later") == history("continued", "later")
    assert get(kept, "idle") is chain(kept, "idle") is None
    database.put(kept._sweep)
    database.flush()
    assert database.read(ids, {"not read"}) == {"read", "walked", "continued", "later"}


def test_there_is_never_much_too_much(place: Path | None, opening: Opener, clock: Clock) -> None:
    database = opening(place, (RESPONSES,))
    kept = KeptResponses(database, Limits(max_bytes=40_000, max_bytes_per_owner=20_000), clock)
    for number in range(200):
        clock.seconds += 1
        kept.save(response(str(number), owner=str(number % 5), response=b"x" * 744))
        if number % 40 == 39:
            database.flush()
            total = database.read(lambda db: db.execute("SELECT sum(size) FROM conversations").fetchone()[0], 0)
            assert total <= 40_000 + 2 * 1500
    assert get(kept, "199", "4") is not None
    assert get(kept, "0", "0") is None


def test_in_memory_there_is_less_room(opening: Opener, tmp_path: Path) -> None:
    assert KeptResponses(opening(None, (RESPONSES,)), Limits())._limits.max_bytes == 64 * 2**20
    assert KeptResponses(opening(tmp_path / "f", (RESPONSES,)), Limits())._limits.max_bytes == 512 * 2**20
    small = Limits(max_bytes=100, max_bytes_per_owner=10)
    assert KeptResponses(opening(None, (RESPONSES,)), small)._limits == small


@pytest.mark.parametrize("limits", [Limits(max_links=3), Limits(max_history=60)])
@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("written", [True, False])
def test_a_chain_may_be_too_long(tmp_path: Path, opening: Opener, limits: Limits, lasting: bool, written: bool) -> None:
    database = opening(tmp_path / "f.db", (RESPONSES,))
    responses = ConnectionResponses(KeptResponses(database, limits), limits)
    for number in range(6):
        responses.save(response(str(number), str(number - 1) if number else None, lasting=lasting))
        if written:
            database.flush()
    assert chain(responses, "2") == history("0", "1", "2")
    with pytest.raises(Problem) as caught:
        chain(responses, "5")
    assert (caught.value.kind, caught.value.param) == ("bad_request", "previous_response_id")
    assert chain(responses, "5", "you") is None


def test_items_are_an_array(kept: KeptResponses) -> None:
    for said in (response("a", input_items=b'"text"'), response("a", output_items=b"", lasting=False)):
        with pytest.raises(ValueError, match="JSON arrays"):
            ConnectionResponses(kept, Limits()).save(said)


def test_what_the_queue_cannot_take_is_not_there(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", (RESPONSES,), max_writes=3)
    kept = KeptResponses(database, Limits())
    kept.save(response("a"))
    database.flush()
    with Stopped(database):
        for name in "bcd":
            kept.save(response(name, "a"))
        assert [get(kept, name) is not None for name in "abcd"] == [True, True, True, False]
        with pytest.raises(Problem) as caught:
            run(kept.delete("a", "me"))
        assert caught.value.kind == "overloaded"
        assert get(kept, "a") is not None
    assert kept._changes == {}
    assert [get(kept, name) is not None for name in "abcd"] == [True, True, True, False]


def test_it_is_there_after_a_restart(tmp_path: Path, opening: Opener) -> None:
    first = opening(tmp_path / "f.db", (RESPONSES,), pause=60.0)
    KeptResponses(first, Limits()).save(response("a"))
    first.close()
    assert chain(KeptResponses(opening(tmp_path / "f.db", (RESPONSES,)), Limits()), "a") == history("a")


def test_a_connection_keeps_its_own_to_itself(kept: KeptResponses, database: Database) -> None:
    mine, yours = ConnectionResponses(kept, Limits()), ConnectionResponses(kept, Limits())
    mine.save(response("a", lasting=False))
    assert get(mine, "a") == response("a", lasting=False)
    assert get(mine, "a", "you") is None
    assert chain(mine, "a") == history("a")
    assert get(yours, "a") is get(kept, "a") is chain(yours, "a") is None
    database.flush()
    assert database.read(ids, {"not read"}) == set()


def test_a_connection_goes_on_with_what_lasts_and_with_what_does_not(kept: KeptResponses, database: Database) -> None:
    connection = ConnectionResponses(kept, Limits())
    for number, lasting in enumerate((True, True, False, False, True, False)):
        connection.save(response(str(number), str(number - 1) if number else None, lasting=lasting))
        assert chain(connection, str(number)) == history(*map(str, range(number + 1)))
    database.flush()
    assert chain(connection, "5") == history(*map(str, range(6)))
    assert chain(kept, "1") == history("0", "1")
    assert chain(kept, "4") is None  # its parents ended with the connection
    assert get(connection, "4") == get(kept, "4") == response("4", "3")


def test_a_connection_forgets_the_earliest(kept: KeptResponses) -> None:
    size = response("a").size
    connection = ConnectionResponses(kept, Limits(), max_bytes=3 * size)
    for name in "abcda":
        connection.save(response(name, lasting=False))
    assert [get(connection, name) is not None for name in "abcd"] == [True, False, True, True]
    connection.save(response("huge", response=b"x" * 4 * size, lasting=False))
    assert [get(connection, name) for name in ("a", "c", "d", "huge")] == [None] * 4


def test_deleting_within_a_connection(kept: KeptResponses) -> None:
    connection = ConnectionResponses(kept, Limits())
    connection.save(response("a", lasting=False))
    connection.save(response("b"))
    assert [run(connection.delete(name, "you")) for name in "ab"] == [False, False]
    assert [run(connection.delete(name, "me")) for name in "ab"] == [True, True]
    assert [run(connection.delete(name, "me")) for name in "ab"] == [False, False]
    assert connection._bytes == 0


def test_said_once_more_to_last_it_lasts(kept: KeptResponses) -> None:
    connection = ConnectionResponses(kept, Limits())
    connection.save(response("a", lasting=False))
    connection.save(response("a"))
    assert get(connection, "a") == get(kept, "a") == response("a")
