"""Times the reports over a ledger of a million lines, and what recording one costs. See README.md.

.venv/bin/python bench/ledger.py [--lines N] [--keep FILE]
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

try:
    from dragoman.ledger.dashboard import RANGES, dashboard
    from dragoman.ledger.ledger import Ledger
    from dragoman.ledger.line import Line
    from dragoman.ledger.period import last_days, zone_named
    from dragoman.ledger.reports import GROUPINGS, report
    from dragoman.ledger.tables import LEDGER, write_lines
    from dragoman.store.database import Database
    from dragoman.store.opening import open_reader, open_writer
except ImportError as missing:
    sys.exit(f"bench: {missing}: run this with the Python that has Dragoman, .venv/bin/python bench/ledger.py")

DAYS = 90
USERS, MODELS, BACKENDS = 20, 8, 6
AGENTS = ("Claude Code", "Codex", "OpenCode", "Qwen Code", "OpenAI SDK")
REQUESTS_PER_SESSION = 40
CHUNK = 20_000
REPEATS = 5
ZONE = "America/St_Johns"  # half an hour off, so that no day of it is one of UTC


def lines(count: int, now: float) -> Iterator[Line]:
    """A team's traffic over 90 days, in order of time, seven days a week and at all hours: the worst case for sums."""
    dice = random.Random(7)
    step = DAYS * 86_400_000 // count
    for number in range(count):
        user, asked = dice.randrange(USERS), int(dice.lognormvariate(9.5, 1))
        failed = dice.random() < 0.02
        yield Line(
            time=int(now * 1000) - (count - number) * step,
            request_id=f"req_{dice.getrandbits(96):024x}",
            key=f"user-{user}",
            key_hash=f"{user:016x}",
            agent=AGENTS[user % len(AGENTS)],
            agent_version="2.1.330",
            session=f"session-{user}-{number // (REQUESTS_PER_SESSION * USERS)}",
            path="/v1/messages",
            dialect="anthropic-messages",
            backend_dialect="openai-chat",
            asked=f"model-{dice.randrange(MODELS)}",
            model=f"model-{dice.randrange(MODELS)}",
            backend_model="Qwen/Qwen3-Coder-30B-A3B-Instruct",
            backend=f"http://10.0.0.{dice.randrange(BACKENDS)}:8000",
            rail="translate",
            status=502 if failed else 200,
            problem="backend_failed" if failed else "",
            input_tokens=asked,
            cached_tokens=int(asked * dice.random()),
            output_tokens=int(dice.lognormvariate(5.5, 1)),
            request_bytes=asked * 4,
            response_bytes=40_000,
            first_byte_ms=int(dice.lognormvariate(6.5, 0.8)),
            duration_ms=int(dice.lognormvariate(9, 1)),
            attempts=1,
        )


def fill(path: Path, count: int, now: float) -> None:
    began = time.perf_counter()
    db = open_writer(path, [LEDGER])
    chunk: list[Line] = []
    for line in lines(count, now):
        chunk.append(line)
        if len(chunk) == CHUNK:
            _write(db, chunk)
            chunk.clear()
    _write(db, chunk)
    rows = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("lines", "tallies", "sessions")}
    db.close()
    size = path.stat().st_size / 2**20
    print(f"{rows['lines']:,} lines, {rows['tallies']:,} sums, {rows['sessions']:,} sessions: {size:,.0f} MiB", end="")
    print(f", written in {time.perf_counter() - began:.0f} s")


def _write(db: sqlite3.Connection, chunk: list[Line]) -> None:
    db.execute("BEGIN")
    write_lines(db, chunk)
    db.execute("COMMIT")


def best(work: Callable[[], object]) -> float:
    """Milliseconds of the best of some repeats."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def ask(path: Path, now: float) -> None:
    zone = zone_named(ZONE)
    db = open_reader(path)
    print(f"{'ms, best of ' + str(REPEATS):<22}" + "".join(f"{days:>4} days" for days in RANGES))
    for by in GROUPINGS:
        times = [best(partial(report, db, by, last_days(days, now, zone), 200)) for days in RANGES]
        print(f"{'by ' + by:<22}" + "".join(f"{took:>9.1f}" for took in times))
    times = [best(partial(dashboard, db, days, now, zone)) for days in RANGES]
    print(f"{'the whole dashboard':<22}" + "".join(f"{took:>9.1f}" for took in times))
    db.close()


def record(folder: Path, now: float) -> None:
    """CPU time of one line: what the request waits for, and all of it, the writing thread's included."""
    count = 20_000
    made = list(lines(count, now))
    for title, batch in (("one at a time", 1), ("100 together", 100)):
        database = Database(folder / f"record-{batch}.db", [LEDGER], pause=0)
        ledger = Ledger(database, DAYS)
        database.flush()
        some = made[: count if batch > 1 else 2000]
        here, everywhere = 0.0, time.process_time()
        for start in range(0, len(some), batch):
            began = time.thread_time()
            for line in some[start : start + batch]:
                ledger.record(line)
            here += time.thread_time() - began
            database.flush()
        everywhere = time.process_time() - everywhere
        database.close()
        print(
            f"recording, {title}: {here / len(some) * 1e6:.1f} us in the request, {everywhere / len(some) * 1e6:.0f} us in all"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the ledger here, or use the one that is here")
    wanted = parser.parse_args()
    now = time.time()
    with tempfile.TemporaryDirectory() as made:
        path = wanted.keep or Path(made, "usage.db")
        if not path.exists():
            fill(path, wanted.lines, now)
        ask(path, now)
        record(Path(made), now)


if __name__ == "__main__":
    main()
