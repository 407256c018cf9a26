"""The rules of docs/architecture.md hold for src/: floors, sockets, JSON, printing, names, sizes.

Each rule is a function from a module to the lines that break it, so that it can be tried on a module that does.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

CHECKOUT: Final = Path(__file__).parents[1]
SRC: Final = CHECKOUT / "src"
DOCUMENT: Final = CHECKOUT / "docs" / "architecture.md"

LONGEST_FILE: Final = 500
# Files that are longer, and have to become shorter. A test demands that what is short enough is not listed.
TOO_LONG: Final[frozenset[str]] = frozenset()
BANNED_WORDS: Final = frozenset(
    {"util", "helper", "common", "shared", "misc", "manager", "handler", "service", "base", "core"}
)
# `services` is a field of the configuration file, which other programs read too.
ALLOWED_NAMES: Final = frozenset({"ServicesConfig"})
JSON_LIBRARIES: Final = frozenset({"json", "msgspec.json", "orjson", "simplejson", "ujson"})
JSON_DOOR: Final = "dragoman.wire.jsons"
SOCKET_LIBRARIES: Final = frozenset(
    {
        "aiohttp",
        "ftplib",
        "http.client",
        "http.server",
        "httpx",
        "requests",
        "smtplib",
        "socket",
        "socketserver",
        "ssl",
        "urllib.request",
        "urllib3",
        "websockets",
        "xmlrpc",
    }
)
SOCKET_CALLS: Final = frozenset(
    {
        "create_connection",
        "create_datagram_endpoint",
        "create_server",
        "create_unix_connection",
        "create_unix_server",
        "open_connection",
        "open_unix_connection",
        "sock_connect",
        "start_server",
        "start_unix_server",
    }
)
# The socket that listens is opened where the command is.
LISTENER: Final = "dragoman.cli.serve"
LISTENING: Final = frozenset({"socket", "create_server"})


class Module(NamedTuple):
    """name: dotted; a package's `__init__` has the package's name. path: as shown in messages."""

    name: str
    path: str
    tree: ast.Module
    is_package: bool = False

    @property
    def package(self) -> str:
        """The package under `dragoman` it belongs to; "" for `dragoman` itself."""
        parts = self.name.split(".")
        if parts[1:] == ["__main__"]:
            return "cli"
        return parts[1] if len(parts) > 1 else ""


class Import(NamedTuple):
    name: str
    line: int


def modules() -> Iterator[Module]:
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield Module(name, str(path.relative_to(CHECKOUT)), tree, parts[-1] == "__init__")


def module(name: str, source: str) -> Module:
    return Module(name, f"{name}.py", ast.parse(source))


def floors() -> dict[str, int]:
    """The floor plan: package -> floor."""
    text = DOCUMENT.read_text(encoding="utf-8")
    plan = re.search(r"^```floors\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert plan is not None, "docs/architecture.md has no block ```floors"
    rows = [line.split(maxsplit=2) for line in plan[1].splitlines()]
    return {package: int(floor) for floor, package, _ in rows}


def imports(of: Module) -> Iterator[Import]:
    """Every module that is imported, wherever in the file. `from a import b` is both `a` and `a.b`."""
    for node in ast.walk(of.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(of, node)
            yield Import(source, node.lineno)
            yield from (Import(f"{source}.{alias.name}", node.lineno) for alias in node.names)


def _absolute(of: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = of.name.split(".")
    above = parts[: len(parts) - node.level + of.is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def wrong_arrows(of: Module, plan: Mapping[str, int]) -> Iterator[str]:
    if of.package not in plan:  # another test says so
        return
    here, seen = plan[of.package], set[tuple[str, int]]()
    for name, line in imports(of):
        parts = name.split(".")
        if parts[0] != "dragoman" or len(parts) < 2 or parts[1] not in plan or parts[1] == of.package:
            continue
        there = plan[parts[1]]
        if there >= here and (parts[1], line) not in seen:
            seen.add((parts[1], line))
            way = "up" if there > here else "sideways"
            yield f"{of.path}:{line}: {of.package} (floor {here}) imports {parts[1]} (floor {there}): {way}"


def json_outside_its_door(of: Module) -> Iterator[str]:
    if of.name == JSON_DOOR:
        return
    lines = {line for name, line in imports(of) if name in JSON_LIBRARIES}
    for node in ast.walk(of.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="msgspec"), attr="json", lineno=line):
                lines.add(line)
    yield from (f"{of.path}:{line}: JSON goes through {JSON_DOOR}" for line in sorted(lines))


def sockets_outside_net(of: Module) -> Iterator[str]:
    if of.package == "net":
        return
    allowed = LISTENING if of.name == LISTENER else frozenset[str]()
    opened = {
        (name, line)
        for name, line in imports(of)
        if name not in allowed and (name in SOCKET_LIBRARIES or name.split(".")[0] in SOCKET_LIBRARIES - allowed)
    }
    for node in ast.walk(of.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=str(called), lineno=line)) if called in SOCKET_CALLS - allowed:
                opened.add((called, line))
    yield from (f"{of.path}:{line}: {name}: only net/ opens sockets" for name, line in sorted(opened))


def printing(of: Module) -> Iterator[str]:
    if of.package == "cli":
        return
    for node in ast.walk(of.tree):
        match node:
            case ast.Call(func=ast.Name(id="print", lineno=line)):
                yield f"{of.path}:{line}: only cli/ prints; use a logger"


def vague_names(of: Module) -> Iterator[str]:
    classes = [(node.name, node.lineno) for node in ast.walk(of.tree) if isinstance(node, ast.ClassDef)]
    for name, line in [(of.name.rpartition(".")[2], 1), *classes]:
        words = {word.lower().removesuffix("s") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
        if name not in ALLOWED_NAMES and (banned := words & BANNED_WORDS):
            yield f"{of.path}:{line}: {name}: {', '.join(sorted(banned))} says nothing; say what it is"


@pytest.fixture(scope="module")
def house() -> tuple[Module, ...]:
    return tuple(modules())


def test_the_floor_plan_has_every_package_and_no_other(house: tuple[Module, ...]) -> None:
    assert set(floors()) == {one.package for one in house if one.package}


def test_arrows_point_down(house: tuple[Module, ...]) -> None:
    plan = floors()
    assert [line for one in house for line in wrong_arrows(one, plan)] == []


def test_json_has_one_door(house: tuple[Module, ...]) -> None:
    assert [line for one in house for line in json_outside_its_door(one)] == []


def test_only_net_opens_sockets(house: tuple[Module, ...]) -> None:
    assert [line for one in house for line in sockets_outside_net(one)] == []


def test_only_the_commands_print(house: tuple[Module, ...]) -> None:
    assert [line for one in house for line in printing(one)] == []


def test_names_say_something(house: tuple[Module, ...]) -> None:
    assert [line for one in house for line in vague_names(one)] == []


def test_no_file_is_too_long() -> None:
    sizes = {str(path.relative_to(CHECKOUT)): _lines(path) for path in SRC.rglob("*.py")}
    too_long = {path: size for path, size in sizes.items() if size > LONGEST_FILE and path not in TOO_LONG}
    assert too_long == {}, f"more than {LONGEST_FILE} lines: split it by what it is about"


def test_files_that_became_short_enough_are_not_listed() -> None:
    assert [path for path in sorted(TOO_LONG) if _lines(CHECKOUT / path) <= LONGEST_FILE] == []


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def test_every_file_the_document_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.(?:py|md))`", DOCUMENT.read_text(encoding="utf-8"))
    places = (SRC / "dragoman", CHECKOUT)
    assert named
    assert [name for name in named if "/" in name and not any((place / name).exists() for place in places)] == []


PLAN: Final = {"hub": 0, "wire": 0, "protocols": 1, "config": 1, "gateway": 3, "cli": 5}


@pytest.mark.parametrize(
    ("name", "source", "way"),
    [
        ("dragoman.protocols.chat", "from dragoman.gateway import relay", "up"),
        ("dragoman.protocols.chat", "import dragoman.config.load", "sideways"),
        ("dragoman.protocols.chat", "from dragoman import config", "sideways"),
        ("dragoman.protocols.chat", "from ..gateway import relay", "up"),
        ("dragoman.hub.events", "def f():\n    from dragoman.wire import sse", "sideways"),
    ],
)
def test_a_wrong_arrow_is_seen(name: str, source: str, way: str) -> None:
    lines = list(wrong_arrows(module(name, source), PLAN))
    assert len(lines) == 1
    assert lines[0].endswith(way)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("dragoman.protocols.chat", "from dragoman.protocols import codec\nfrom dragoman.hub import events"),
        ("dragoman.protocols.chat", "from . import codec"),
        ("dragoman.cli.banner", "from dragoman import __version__"),
        ("dragoman.__main__", "from dragoman.cli import main"),
    ],
)
def test_a_right_arrow_is_left_alone(name: str, source: str) -> None:
    assert list(wrong_arrows(module(name, source), PLAN)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import json",
        "from json import loads",
        "import msgspec.json",
        "from msgspec import json",
        "msgspec.json.decode(b)",
    ],
)
def test_another_door_to_json_is_seen(source: str) -> None:
    assert list(json_outside_its_door(module("dragoman.hub.events", source)))


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "from urllib import request",
        "import http.client",
        "asyncio.open_connection(h, p)",
        "import httpx",
    ],
)
def test_a_socket_elsewhere_is_seen(source: str) -> None:
    assert list(sockets_outside_net(module("dragoman.server.app", source)))


def test_the_listener_only_listens() -> None:
    assert list(sockets_outside_net(module(LISTENER, "import socket\nsocket.create_server(a)"))) == []
    assert list(sockets_outside_net(module(LISTENER, "import ssl\nsocket.create_connection(a)")))


@pytest.mark.parametrize(
    ("name", "source"),
    [("dragoman.hub.helpers", ""), ("dragoman.hub.x", "class KeyManager: ..."), ("dragoman.hub.base_types", "")],
)
def test_a_vague_name_is_seen(name: str, source: str) -> None:
    assert list(vague_names(module(name, source)))


def test_a_word_inside_another_is_no_vague_name() -> None:
    assert list(vague_names(module("dragoman.hub.database", "class Baseline: ..."))) == []
