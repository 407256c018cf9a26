"""The log's lines, for people and for machines."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from dragoman.cli import logs
from dragoman.cli.logs import Form
from dragoman.gateway.entry import Entry
from dragoman.wire import jsons


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("dragoman")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def written(form: Form, monkeypatch: pytest.MonkeyPatch, *, terminal: bool = False, level: str = "info") -> str:
    out = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    logs.start(form, level)
    logger = logging.getLogger("dragoman.test")
    logger.debug("whispered")
    logger.info("said %s", "plainly")
    logger.warning("a backend says %s", "no\n12:00:00 200 /v1/forged\x1b[2J")
    try:
        int("a bug")
    except ValueError:
        logger.exception("it broke")
    entry = Entry("req_1", "/v1/messages", "anthropic-messages")
    entry.status = 200
    entry.write()
    logging.getLogger("other").info("chatter")
    return out.getvalue()


def test_lines_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = written("text", monkeypatch).split("\n")
    assert lines[0][8:] == " said plainly"
    assert lines[1][8:] == " warning: a backend says no 12:00:00 200 /v1/forged [2J"
    assert lines[2][8:] == " error: it broke"
    assert any("ValueError: " in line for line in lines)
    assert lines[-2][8:].startswith(" 200 /v1/messages - - ")


def test_lines_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _, broken, entry = (jsons.read(line) for line in written("json", monkeypatch).strip().split("\n"))
    assert (plain["level"], plain["logger"], plain["message"]) == ("info", "dragoman.test", "said plainly")
    assert "ValueError: " in broken["traceback"]
    assert (entry["id"], entry["status"], entry["logger"]) == ("req_1", 200, "dragoman.exchange")
    assert plain["time"].endswith("+00:00")


def test_auto_goes_by_what_stderr_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written("auto", monkeypatch).startswith("{")
    coloured = written("auto", monkeypatch, terminal=True)
    assert "said plainly" in coloured
    assert "\x1b[31m" in coloured
    assert "\x1b" not in written("text", monkeypatch)


def test_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "whispered" in written("text", monkeypatch, level="debug")
    quiet = written("text", monkeypatch, level="error")
    assert "said plainly" not in quiet
    assert "it broke" in quiet
    assert "chatter" not in written("text", monkeypatch, level="debug")
