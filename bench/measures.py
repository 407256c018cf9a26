"""What is measured: the loads, and the budgets their results are compared with."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from math import inf
from pathlib import Path
from time import sleep
from typing import NamedTuple, TypeAlias, TypeVar

import bodies
from load import Generator, Load
from proxies import Launcher, Running

T = TypeVar("T")

SETTLE = 1.0  # seconds from start to the look at an idle process

DIALECTS = ("chat", "messages", "responses")


class Cell(NamedTuple):
    """What the client speaks, and what the backend."""

    client: str
    backend: str


RELAYED, TRANSLATED = Cell("chat", "chat"), Cell("messages", "chat")
RAILS = {RELAYED: "relayed", TRANSLATED: "translated"}
# By backend, so that whoever only relays is measured once for three of them.
ALL = tuple(Cell(client, backend) for backend in DIALECTS for client in DIALECTS)


class Budget(NamedTuple):
    """limit: in the row's unit, or, if relative, as a multiple of what nginx takes to relay the same answers."""

    limit: float
    relative: bool = False


class Row(NamedTuple):
    """comparable: whether a multiple of nginx's value tells anything; it does not where that is next to nothing."""

    group: str
    title: str
    unit: str
    budget: Budget | None = None
    comparable: bool = True


class Results:
    """Per row and proxy, one value a round; infinity where an answer was broken."""

    def __init__(self) -> None:
        self.values: dict[Row, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.errors: dict[str, None] = {}
        self.others: list[float] = []

    def add(self, row: Row, proxy: str, value: float, load: Load | None = None) -> None:
        """load: what the value was taken from, if it was a load."""
        self.values[row][proxy].append(inf if load and load.errors else value)

    def judged(self, load: Load, what: str) -> Load:
        """The load, after noting what went wrong and how busy the machine was with other things."""
        self.errors |= dict.fromkeys(f"{what}: {error}" for error in load.errors)
        self.others.append(load.others)
        return load


class Shape(NamedTuple):
    """A load that every proxy gets in every round. In options, {body} is a file with an agent's request.

    cells: the ways through a proxy that it is measured on.
    """

    key: str
    title: str
    unit: str
    cost: Callable[[Load], float]
    full: str
    quick: str
    cells: Sequence[Cell]
    budget: Budget | None = None

    def row(self, cell: Cell) -> Row:
        group = f"{self.title}: CPU {self.unit} per {'event' if self.unit == 'us' else 'request'}"
        return Row(group, f"{cell.client} to {cell.backend}", self.unit, self.budget)


def _per_event(load: Load) -> float:
    return load.us_per_delta


def _per_request(load: Load) -> float:
    return load.ms_per_request


SHAPES = (
    Shape(
        "paced",
        "paced (100 streams, 5-10 ms)",
        "us",
        _per_event,
        "-c 100 -n 300 -dn 200 -dd 5 -dj 5 -ramp 200ms",
        "-c 100 -n 100 -dn 150 -dd 5 -dj 5 -ramp 200ms",
        ALL,
        Budget(3.3, relative=True),
    ),
    Shape(
        "saturated",
        "saturated (50 streams)",
        "us",
        _per_event,
        "-c 50 -n 500 -dn 200 -warm 50",
        "-c 50 -n 200 -dn 200 -warm 50",
        ALL,
        Budget(12),
    ),
    Shape(
        "small",
        "small, not streamed",
        "ms",
        _per_request,
        "-c 8 -n 3000 -stream=false -dn 5 -warm 100",
        "-c 8 -n 800 -stream=false -dn 5 -warm 50",
        ALL,
        Budget(0.45),
    ),
    Shape(
        "agent",
        "agent's body, 500 kB",
        "ms",
        _per_request,
        "-c 4 -n 200 -body {body} -dn 5 -warm 8",
        "-c 4 -n 60 -body {body} -dn 5 -warm 8",
        (RELAYED, TRANSLATED),
    ),
)


class FirstToken(NamedTuple):
    """A load of which the median time to the first delta is asked."""

    title: str
    full: str
    quick: str
    budget: Budget | None = None


# With pauses it is asked how soon the first token comes, not how many can be carried. Of a single stream both are asked:
# one request right after the other finds caches warm, and with pauses, as in daily life, it finds them cold. How cold is
# the machine's matter: there a plain relay on aiohttp is over the budget as well (docs/decisions/0017).
FIRST = (
    FirstToken("1 stream, no pauses", "-c 1 -n 500 -dn 5 -warm 50", "-c 1 -n 200 -dn 5 -warm 50", Budget(0.6)),
    FirstToken(
        "1 stream",
        "-c 1 -n 300 -dn 5 -dd 1 -df 1 -warm 30",
        "-c 1 -n 100 -dn 5 -dd 1 -df 1 -warm 30",
        Budget(0.6),
    ),
    FirstToken(
        "50 streams",
        "-c 50 -n 400 -dn 20 -dd 20 -dj 10 -df 1 -ramp 500ms",
        "-c 50 -n 150 -dn 20 -dd 20 -dj 10 -df 1 -ramp 500ms",
    ),
    FirstToken(
        "500 streams",
        "-c 500 -n 1000 -dn 20 -dd 80 -dj 40 -df 1 -ramp 2s",
        "-c 500 -n 500 -dn 10 -dd 160 -dj 80 -df 1 -ramp 2s",
    ),
)

# Streams that are listened to, and the bodies of 3 MB that come meanwhile, one after another.
HEARD = ("-c 4 -n 4 -dn 600 -dd 5 -dj 2", "-c 4 -n 4 -dn 200 -dd 5 -dj 2")
HUGE = ("-c 1 -n 12 -body {body} -dn 5", "-c 1 -n 4 -body {body} -dn 5")

# Every stream lasts longer than it takes to start them all.
MANY = (
    "-c 1000 -n 1000 -dn 14 -dd 300 -dj 200 -df 1 -ramp 2s",
    "-c 1000 -n 1000 -dn 10 -dd 300 -dj 200 -df 1 -ramp 2s",
)

IDLE = Row("Memory MiB", "idle, RSS", "MiB", Budget(60))
IDLE_PSS = Row("Memory MiB", "idle, PSS", "MiB")
START = Row("Start s", "exec to first 200 of /healthz", "s", Budget(1))
START_CPU = Row("Start s", "CPU until then", "s")

ALONE = Row("Longest silence ms", "4 streams, an event every 5-7 ms", "ms", comparable=False)
BESIDE = Row("Longest silence ms", "the same beside bodies of 3 MB", "ms", Budget(50), comparable=False)

GROUPS = (*(shape.key for shape in SHAPES), "first", "silence", "memory", "start")
Proxies: TypeAlias = Sequence[Running]


class Bench:
    def __init__(
        self, generator: Generator, folder: Path, *, rounds: int, quick: bool, say: Callable[[str], None]
    ) -> None:
        self.results = Results()
        self._generator = generator
        self._folder = folder
        self._rounds = rounds
        self._quick = quick
        self._say = say
        self._folders = (folder / f"run-{number}" for number in count())
        self._bodies = {"chat": folder / "chat.json", "messages": folder / "messages.json"}
        self._bodies["chat"].write_bytes(bodies.agent_request("openai-chat", 500_000))
        self._bodies["messages"].write_bytes(bodies.agent_request("anthropic-messages", 500_000))
        self._huge = {"chat": folder / "huge-chat.json", "responses": folder / "huge-responses.json"}
        self._huge["chat"].write_bytes(bodies.agent_request("openai-chat", 3_000_000))
        self._huge["responses"].write_bytes(bodies.agent_request("openai-responses", 3_000_000))

    def fresh_folder(self) -> Path:
        return next(self._folders)

    def memory(self, launchers: Sequence[Launcher]) -> None:
        """Idle and with a thousand open streams, each time in a fresh process. Only one runs at a time: pages shared with another one would shrink its PSS."""
        for turn in range(self._rounds):
            self._say(f"memory, round {turn + 1}")
            for launcher in _turned(launchers, turn):
                for cell in RAILS if launcher.translates else (RELAYED,):
                    with launcher.started(self.fresh_folder()) as running:
                        sleep(SETTLE)
                        self._thousand(running, cell)

    def _thousand(self, proxy: Running, cell: Cell) -> None:
        load, rail = self._load(proxy, cell, MANY[self._quick], "memory"), RAILS[cell]
        if cell == RELAYED:  # once a round is enough
            self.results.add(IDLE, proxy.name, load.idle_rss)
            self.results.add(IDLE_PSS, proxy.name, load.idle_pss)
        self.results.add(Row("Memory MiB", f"1,000 streams {rail}, RSS", "MiB", Budget(90)), proxy.name, load.rss, load)
        self.results.add(Row("Memory MiB", f"1,000 streams {rail}, PSS", "MiB"), proxy.name, load.pss, load)

    def start(self, launchers: Sequence[Launcher]) -> None:
        for turn in range(2 if self._quick else 5):
            self._say(f"start, round {turn + 1}")
            for launcher in _turned(launchers, turn):
                with launcher.started(self.fresh_folder()) as running:
                    self.results.add(START, running.name, running.started_in)
                    self.results.add(START_CPU, running.name, running.started_with)

    def load(self, proxies: Proxies, groups: Sequence[str]) -> None:
        """Everything that needs no fresh process, round after round, the proxies taking turns."""
        for proxy in proxies:
            for _ in self._cells(proxy, ALL, "-c 20 -n 200 -dn 20", "warm-up"):
                pass
        for turn in range(self._rounds):
            for shape in SHAPES:
                if shape.key in groups:
                    self._say(f"{shape.key}, round {turn + 1}")
                    self._shape(shape, _turned(proxies, turn))
            if "first" in groups:
                self._say(f"first token, round {turn + 1}")
                self._first(_turned(proxies, turn))
            if "silence" in groups:
                self._say(f"silence, round {turn + 1}")
                self._silence(_turned(proxies, turn))

    def _shape(self, shape: Shape, proxies: Proxies) -> None:
        options = shape.quick if self._quick else shape.full
        for proxy in proxies:
            for cell, load in self._cells(proxy, shape.cells, options, shape.key):
                self.results.add(shape.row(cell), proxy.name, shape.cost(load), load)

    def _first(self, proxies: Proxies) -> None:
        for first in FIRST:
            options = first.quick if self._quick else first.full
            direct = self._load(self._generator.mock, RELAYED, options, "first")
            for proxy in proxies:
                for cell, load in self._cells(proxy, tuple(RAILS), options, "first"):
                    title = f"{first.title}, {RAILS[cell]}"
                    row = Row("Added ms to first token", title, "ms", first.budget)
                    self.results.add(row, proxy.name, load.first - direct.first, load)

    def _silence(self, proxies: Proxies) -> None:
        """Whoever translates gets the bodies as Codex says them, nginx gets them in the backend's own dialect."""
        heard, huge = HEARD[self._quick], HUGE[self._quick]
        for proxy in proxies:
            alone = self._load(proxy, RELAYED, heard, "silence")
            self.results.add(ALONE, proxy.name, alone.silence, alone)
            cell = Cell("responses", "chat") if proxy.translates else RELAYED
            words = [word.format(body=self._huge[cell.client]) for word in huge.split()]
            with ThreadPoolExecutor(1) as other:
                bodies_sent = other.submit(self._generator.run, proxy, cell.client, cell.backend, words)
                beside = self._load(proxy, RELAYED, heard, "silence")
                self.results.judged(bodies_sent.result(), f"silence, {proxy.name}, bodies of 3 MB")
            self.results.add(BESIDE, proxy.name, beside.silence, beside)

    def _cells(self, proxy: Running, cells: Sequence[Cell], options: str, what: str) -> Iterator[tuple[Cell, Load]]:
        """The load in each cell. Who cannot translate is measured once per backend, and stands as reference in each."""
        relayed: dict[str, Load] = {}
        for cell in cells:
            if proxy.translates:
                yield cell, self._load(proxy, cell, options, what)
                continue
            if cell.backend not in relayed:
                relayed[cell.backend] = self._load(proxy, Cell(cell.backend, cell.backend), options, what)
            yield cell, relayed[cell.backend]

    def _load(self, proxy: Running, cell: Cell, options: str, what: str) -> Load:
        words = [word.format(body=self._bodies.get(cell.client)) for word in options.split()]
        load = self._generator.run(proxy, cell.client, cell.backend, words)
        return self.results.judged(load, f"{what}, {proxy.name}, {cell.client} to {cell.backend}")


def _turned(items: Sequence[T], turn: int) -> Sequence[T]:
    """Forwards and backwards by turns, so that nobody is always first."""
    return items[::-1] if turn % 2 else items
