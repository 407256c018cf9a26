"""Runs one agent through one scenario and brings back all there is to judge."""

import contextlib
import dataclasses
import os
import random
import signal
import string
import struct
import subprocess
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dragoman.wire import jsons
from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.launch import Agent, Launch, Told, Turn
from tests.agents.opencode import OpenCode
from tests.agents.qwen import Qwen
from tests.agents.scenarios import PRINTED, PROMPTS, SCANNED, Case
from tests.processors.making import made_pdf, scanned_pdf

AGENTS: Final[Mapping[str, Agent]] = {"claude": Claude(), "codex": Codex(), "opencode": OpenCode(), "qwen": Qwen()}
SECONDS_PER_START: Final = 150.0
SECONDS_TO_DIE: Final = 5.0
STDERR_SHOWN: Final = 2000  # characters


@dataclasses.dataclass(frozen=True)
class Front:
    """Where the agents go: an origin without /v1, and a key it accepts."""

    base_url: str
    key: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one case. `status` None means that the agent had to be stopped."""

    told: Told
    status: int | None
    seconds: float
    stderr: str
    secret: str  # the content of lab.txt
    made: str | None  # the content of made.txt, if the agent wrote it


@dataclasses.dataclass(frozen=True)
class _Ended:
    status: int | None
    stdout: str
    stderr: str


def run(case: Case, front: Front, model: str, room: Path, context: int = 128_000) -> Outcome:
    """Drive the agent in `room`, an empty folder of this case's own. `context` is the model's window in tokens."""
    folder, home = room / "work", room / "home"
    folder.mkdir(parents=True)
    home.mkdir()
    secret = "LABTOKEN-" + "".join(random.choices(string.ascii_uppercase, k=8))
    (folder / "lab.txt").write_text(f"{secret}\n")
    (folder / "red.png").write_bytes(red_png())
    (folder / "doc.pdf").write_bytes(made_pdf(PRINTED))
    (folder / "scan.pdf").write_bytes(scanned_pdf(SCANNED))
    key = f"wrong-{front.key}" if case.scenario == "badkey" else front.key
    turn = Turn(
        front.base_url, key, model, case.wire, case.scenario, PROMPTS[case.scenario], home, folder, context, case.manner
    )
    began = time.monotonic()
    told, ended = _converse(AGENTS[case.agent], turn)
    made = folder / "made.txt"
    return Outcome(
        told=told,
        status=ended.status,
        seconds=time.monotonic() - began,
        stderr=ended.stderr[-STDERR_SHOWN:],
        secret=secret,
        made=made.read_text() if made.exists() else None,
    )


def _converse(agent: Agent, turn: Turn) -> tuple[Told, _Ended]:
    """Start the agent, for `compact` three times: say something, compact, say something more."""
    told, ended = _start(agent, turn)
    if turn.scenario != "compact" or ended.status != 0:
        return told, ended
    between, ended = _start(agent, dataclasses.replace(turn, prompt="/compact", resume=True))
    if ended.status != 0:
        return between, ended
    told, ended = _start(agent, dataclasses.replace(turn, resume=True))
    told.compacted |= between.compacted
    return told, ended


def _start(agent: Agent, turn: Turn) -> tuple[Told, _Ended]:
    ended = _execute(agent.launch(turn), turn.folder)
    return agent.read(_json_lines(ended.stdout)), ended


def _execute(launch: Launch, folder: Path) -> _Ended:
    with subprocess.Popen(
        launch.arguments,
        cwd=folder,
        env=launch.environment,
        stdin=subprocess.PIPE if launch.stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        errors="replace",
    ) as process:
        try:
            stdout, stderr = process.communicate(launch.stdin, timeout=SECONDS_PER_START)
        except subprocess.TimeoutExpired:
            _end_group(process.pid, signal.SIGTERM)
            return _Ended(None, *_last_words(process))
        _end_group(process.pid, signal.SIGKILL)  # servers it started and left behind
    return _Ended(process.returncode, stdout, stderr)


def _last_words(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=SECONDS_TO_DIE)
    except subprocess.TimeoutExpired:
        _end_group(process.pid, signal.SIGKILL)
        return process.communicate()


def _end_group(leader: int, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, how)


def _json_lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):
        with contextlib.suppress(jsons.JSONError):
            value = jsons.read(line)
            if isinstance(value, dict):
                yield value


def red_png(width: int = 64, height: int = 48) -> bytes:
    """Return a PNG, all red; size in pixels."""
    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits a channel, RGB
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
