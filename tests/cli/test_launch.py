"""`dragoman launch` with programs that stand in for agents. The agents themselves: tests/agents/test_generated.py."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dragoman.wire import jsons
from tests.serving import PROGRAM, Served, free_port, serving

KEY: Final = "sk-launch-0123456789abcdef"
SECONDS: Final = 60
CONFIG: Final = {
    "models": [
        {"name": "m", "context_window": 65_536, "backends": ["http://127.0.0.1:9/v1"]},
        {"name": "n", "backends": ["http://127.0.0.1:9/v1"]},
    ],
    "keys": [{"key": KEY}],
    "data_dir": "none",
}
# Writes down what it was given, and then does what the test says.
AGENT: Final = """\
#!/bin/sh
printf '%s\\n' "$@" >"$OUT/arguments"
env >"$OUT/environment"
[ "$1" = --settings ] && cp "$2" "$OUT/settings"
[ -n "${QWEN_CODE_SYSTEM_SETTINGS_PATH:-}" ] && cp "$QWEN_CODE_SYSTEM_SETTINGS_PATH" "$OUT/settings"
"""
WAITS: Final = 'until read word && [ "$word" ]; do :; done; echo "heard $word"; exit 4'


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(CONFIG, tmp_path_factory.mktemp("proxy")) as served:
        yield served


class Room:
    """A user with agents that do as they are told."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        for name in ("bin", "tmp", "home", "out"):
            (folder / name).mkdir()
        self.environment: Final = {
            **{
                name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_proxy", "_PROXY"))
            },
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "TMPDIR": str(folder / "tmp"),
            "HOME": str(folder / "home"),
            "OUT": str(folder / "out"),
            "DRAGOMAN_KEY": KEY,
        }

    def does(self, agent: str, words: str = "exit 0") -> None:
        program = self.folder / "bin" / agent
        program.write_text(f"{AGENT}{words}\n")
        program.chmod(0o755)

    def command(self, *arguments: str) -> list[str]:
        return [str(PROGRAM), "launch", *arguments]

    def launch(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment | environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def config(self, **more: object) -> str:
        path = self.folder / "config.yaml"
        path.write_bytes(jsons.write({**CONFIG, "listen": f"127.0.0.1:{free_port()}", **more}))
        return str(path)

    def heard(self, name: str) -> list[str]:
        return (self.folder / "out" / name).read_text().splitlines()

    @property
    def is_tidy(self) -> bool:
        return not list((self.folder / "tmp").iterdir()) and not list((self.folder / "home").iterdir())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_the_agent_is_told_of_the_running_proxy(proxy: Served, room: Room) -> None:
    room.does("claude", "exit 3")
    ended = room.launch("claude", "--url", proxy.url, "--model", "n", "--", "-p", "two words")
    assert ended.returncode == 3, ended.stderr
    assert room.heard("arguments")[2:] == ["-p", "two words"]
    said = jsons.read((room.folder / "out" / "settings").read_bytes())["env"]
    assert (said["ANTHROPIC_BASE_URL"], said["ANTHROPIC_AUTH_TOKEN"]) == (proxy.url, KEY)
    assert said["ANTHROPIC_MODEL"] == "n"
    assert said["ANTHROPIC_API_KEY"] == ""
    assert KEY not in " ".join(room.heard("arguments"))
    assert room.is_tidy


def test_every_agent_is_told_in_its_way(proxy: Served, room: Room) -> None:
    for agent in ("codex", "opencode", "qwen"):
        room.does(agent)
        assert room.launch(agent, "--url", proxy.url).returncode == 0
        said = "\n".join([*room.heard("arguments"), *room.heard("environment")])
        if agent == "qwen":
            said += (room.folder / "out" / "settings").read_text()
        assert proxy.url in said
        assert KEY in said
        assert "65536" in said
        assert room.is_tidy


def test_a_proxy_is_started_for_the_run_and_ends_with_it(room: Room) -> None:
    room.does("codex", 'kill -0 "$PPID" && ps -e -o pid=,args= >"$OUT/running"')
    ended = room.launch("codex", "--config", room.config(), "--log", str(room.folder / "log"), DRAGOMAN_KEY="")
    assert ended.returncode == 0, ended.stderr
    assert f"DRAGOMAN_KEY={KEY}" in room.heard("environment")  # which the file holds in clear
    serving = [line for line in room.heard("running") if "-m dragoman serve" in line and str(room.folder) in line]
    assert len(serving) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(serving[0].split()[0]), 0)
    assert "listens on" in (room.folder / "log").read_text()
    assert "listens on" not in ended.stdout + ended.stderr
    assert room.is_tidy


def test_without_anything_the_demo_model_is_served(room: Room) -> None:
    room.does("codex")
    ended = room.launch("codex", DRAGOMAN_KEY="", DRAGOMAN_LISTEN=f"127.0.0.1:{free_port()}")
    assert ended.returncode == 0, ended.stderr
    assert room.heard("arguments")[0] == "-m"
    assert room.heard("arguments")[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_an_agent_that_a_signal_ended_has_the_shells_status(number: int, proxy: Served, room: Room) -> None:
    room.does("codex", f"ulimit -c 0; kill -{int(number)} $$")
    assert room.launch("codex", "--url", proxy.url).returncode == 128 + number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_end_tells_the_agent(number: int, proxy: Served, room: Room) -> None:
    room.does("codex", 'trap "exit 5" TERM HUP; echo up; while :; do sleep 0.1; done')
    with started(room, "codex", "--url", proxy.url) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        running.send_signal(number)
        assert running.wait(SECONDS) == 5
    assert room.is_tidy


def test_the_proxy_of_a_run_that_is_killed_ends_too(room: Room) -> None:
    room.does("codex", "echo $$; exec sleep 60")
    with started(room, "codex", "--config", room.config()) as running:
        assert running.stdout is not None
        agent = int(running.stdout.readline())
        found = re.search(r"127\.0\.0\.1:(\d+)", "".join(room.heard("arguments")))
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), SECONDS) as line:
            running.kill()
            try:
                assert line.recv(1) == b""  # the proxy hangs up
            finally:
                os.kill(agent, signal.SIGTERM)


def started(room: Room, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        room.command(*arguments),
        env=room.environment,
        cwd=room.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_agent_has_the_terminal_and_its_control_c(proxy: Served, room: Room) -> None:
    """An agent that goes on after Ctrl-C, as they do to stop an answer, is waited for."""
    room.does("codex", "test -t 0 && test -t 1 || exit 9\ntrap 'echo caught' INT\necho up\n" + WAITS)
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the process under test
        os.chdir(room.folder)
        os.execve(PROGRAM, room.command("codex", "--url", proxy.url), room.environment)
    said, typed = b"", [(b"up", b"\x03"), (b"caught", b"go\n")]
    with contextlib.suppress(OSError):  # it has ended
        while True:
            said += os.read(terminal, 1024)
            if typed and typed[0][0] in said:
                os.write(terminal, typed.pop(0)[1])
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert b"heard go" in said
    assert os.waitstatus_to_exitcode(status) == 4


def test_proxies_of_the_network_are_passed_by(proxy: Served, room: Room) -> None:
    room.does("codex")
    assert room.launch("codex", "--url", proxy.url, HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="a").returncode == 0
    assert "NO_PROXY=a,127.0.0.1,localhost" in room.heard("environment")


def test_what_is_not_there_is_told_with_its_remedy(proxy: Served, room: Room) -> None:
    missing = room.launch("claude", "--url", proxy.url)
    assert missing.returncode == 127
    assert "npm install -g @anthropic-ai/claude-code@latest" in missing.stderr
    room.does("claude")
    assert "did you mean m?" in room.launch("claude", "--url", proxy.url, "--model", "mm").stderr
    assert "leave --url out" in room.launch("claude", "--url", f"http://127.0.0.1:{free_port()}").stderr
    assert "does not know this key" in room.launch("claude", "--url", proxy.url, DRAGOMAN_KEY="sk-x").stderr
    hashed = room.config(keys=[{"key_hash": "sha256:" + "ab" * 32}])
    assert "wants a key" in room.launch("claude", "--config", hashed, DRAGOMAN_KEY="").stderr
    broken = room.config(models=[])
    assert "models: none given" in room.launch("claude", "--config", broken).stderr
    assert "there is no such file" in room.launch("claude", "--config", "none.yaml").stderr
    assert not (room.folder / "out" / "arguments").exists()
    assert room.is_tidy
