"""`dragoman serve` as users start and stop it."""

import contextlib
import http.client
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from dragoman import __version__
from dragoman.cli import app
from dragoman.cli.serve import (
    _bound,
    _found_config,
    _listen,
    _open_many_files,
    _open_to_its_key,
    _origin,
    _usual_config,
)
from dragoman.config.listen import ListenAddress
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.agents.wires import chat
from tests.serving import PROGRAM, free_port

SECONDS: Final = 60
GOOD: Final = {"models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}]}


class Started:
    """A running `dragoman`, and what it printed so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process: Final = process
        self.lines: Final[list[str]] = []

    def read_until(self, text: str) -> str:
        """Return the line in which `text` stands."""
        assert self.process.stdout is not None
        too_late = threading.Timer(SECONDS, self.process.kill)
        too_late.start()
        try:
            for raw in self.process.stdout:
                line = raw.decode()
                self.lines.append(line)
                if text in line:
                    return line
        finally:
            too_late.cancel()
        raise AssertionError(f"{text!r} was not said, but:\n{''.join(self.lines)}")

    def origin(self) -> tuple[str, int]:
        """Wait until it listens."""
        said = self.read_until("listens on http://")
        host, _, port = said.split("http://")[1].strip().rpartition(":")
        return host, int(port)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        rest, _ = self.process.communicate(timeout=SECONDS)
        self.lines.append(rest.decode())
        return self.process.returncode


@contextlib.contextmanager
def started(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Started]:
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    process = subprocess.Popen(
        [PROGRAM, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={
            **env,
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            **(environment or {}),
        },
    )
    try:
        yield Started(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def config(folder: Path, **more: Any) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(jsons.write({"listen": "127.0.0.1:0", **GOOD, **more}))
    return path


def asked(port: int, path: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    with contextlib.closing(connection):
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, jsons.write(body))
        answer = connection.getresponse()
        return answer.status, jsons.read(answer.read())


def test_what_only_other_commands_need_is_not_kept_in_memory() -> None:
    code = "import sys, dragoman.cli.serve; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=SECONDS)
    assert {"rich", "tomlkit", "http.client", "dragoman.cli.launch"}.isdisjoint(said.stdout.decode().split())


def test_every_command_is_in_the_help() -> None:
    said = CliRunner().invoke(app, ["--help"]).stdout
    for command in ("serve", "check", "health", "setup", "launch", "keys", "usage"):
        assert f" {command} " in said
    assert CliRunner().invoke(app, ["nothing-like-it"]).exit_code == 2


def test_a_mistyped_command_is_told_what_it_may_mean() -> None:
    said = CliRunner().invoke(app, ["srve"])
    assert said.exit_code == 2
    assert "Did you mean 'serve'?" in said.output


def test_a_group_of_commands_has_no_options_of_its_own() -> None:
    for group in ("keys", "usage"):
        assert "--install-completion" not in CliRunner().invoke(app, [group, "--help"]).stdout


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop_and_ends_with_status_0(how: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path, "--config", str(config(tmp_path))) as dragoman:
        _, port = dragoman.origin()
        dragoman.read_until("qwen --auth-type")
        assert asked(port, "/healthz") == (200, {"status": "ok"})
        assert dragoman.stop(how) == 0
        assert "Traceback" not in "".join(dragoman.lines)
        assert "rror" not in dragoman.lines[-1]


def test_the_page_of_settings_stays_when_the_file_changes(tmp_path: Path) -> None:
    path = config(tmp_path)
    with started(tmp_path, "--config", str(path), "--serve-config-generator") as dragoman:
        _, port = dragoman.origin()
        dragoman.read_until("qwen --auth-type")
        assert asked(port, "/generator/choices")[0] == 200
        config(tmp_path, aliases={"a": "m"})
        dragoman.read_until("taken over")
        assert [model["id"] for model in asked(port, "/generator/choices")[1]["models"]] == ["m", "a"]
        assert dragoman.stop() == 0


class OneStream:
    """A backend with one connection, whose answer goes on when it is told to."""

    def __init__(self) -> None:
        self.listening: Final = socket.create_server(("127.0.0.1", 0))
        self.port: Final = self.listening.getsockname()[1]
        self.asked, self.go_on = threading.Event(), threading.Event()
        self._thread: Final = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        frames = list(chat.stream({"model": "x", "stream": True}, [Words("one two three")]))
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if connection.recv(65536).startswith(b"GET"):
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    continue
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + b"".join(frames[:2]))
                self.asked.set()
                self.go_on.wait(SECONDS)
                connection.sendall(b"".join(frames[2:]))

    def close(self) -> None:
        self.listening.close()


@contextlib.contextmanager
def asked_for_a_stream(port: int) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    with contextlib.closing(connection):
        connection.request("POST", "/v1/messages", jsons.write(body))
        yield connection.getresponse()


def test_a_stream_under_way_is_finished_first(tmp_path: Path) -> None:
    with contextlib.closing(OneStream()) as backend:
        path = config(tmp_path, models=[{"name": "m", "backends": [f"http://127.0.0.1:{backend.port}/v1"]}])
        with started(tmp_path, "--config", str(path)) as dragoman:
            _, port = dragoman.origin()
            dragoman.read_until("qwen --auth-type")
            with asked_for_a_stream(port) as answer:
                first = answer.readline()
                assert backend.asked.wait(SECONDS)
                dragoman.process.send_signal(signal.SIGTERM)
                until_it_refuses(port)
                backend.go_on.set()
                rest = first + answer.read()
            assert b"three" in rest
            assert b"event: message_stop" in rest
            dragoman.process.communicate(timeout=SECONDS)
            assert dragoman.process.returncode == 0


def test_who_is_told_twice_from_the_keyboard_waits_for_nobody(tmp_path: Path) -> None:
    with contextlib.closing(OneStream()) as backend:
        models = [{"name": "m", "backends": [f"http://127.0.0.1:{backend.port}/v1"]}]
        path = config(tmp_path, models=models, usage_db="usage.db")
        with started(tmp_path, "--config", str(path)) as dragoman:
            _, port = dragoman.origin()
            dragoman.read_until("qwen --auth-type")
            with asked_for_a_stream(port) as answer:
                assert answer.readline()
                dragoman.process.send_signal(signal.SIGINT)
                until_it_refuses(port)
                assert dragoman.stop(signal.SIGINT) == 0
                backend.go_on.set()
                assert b"is being stopped" in answer.read()
        assert "Traceback" not in "".join(dragoman.lines)
        assert used(path) == 1


def test_a_stream_without_an_end_of_its_own_does_not_hold_it_up(tmp_path: Path) -> None:
    with started(tmp_path, "--config", str(config(tmp_path))) as dragoman:
        _, port = dragoman.origin()
        dragoman.read_until("qwen --auth-type")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", "/mcp/sse")
            answer = connection.getresponse()
            assert answer.readline() == b"event: endpoint\n"
            dragoman.process.send_signal(signal.SIGTERM)
            answer.read()  # to its end, in good order: when the time is up it is cut off
        dragoman.process.communicate(timeout=SECONDS)
        assert dragoman.process.returncode == 0


@pytest.mark.parametrize("soft", [100, 1024])
def test_as_many_files_may_be_open_as_the_system_lets_us(soft: int) -> None:
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        _open_many_files()
        raised, still = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
    assert still == hard
    assert raised == (65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard))


def until_it_refuses(port: int) -> None:
    """Wait until the server has noticed that it is to stop: it takes no more connections then."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=SECONDS).close()
        except ConnectionError:
            return


def test_without_a_file_local_servers_and_keys_are_looked_for(tmp_path: Path) -> None:
    with contextlib.closing(Lists("gpt-x", "text-embedding-x")) as vendor:
        environment = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"http://127.0.0.1:{vendor.port}/v1"}
        with started(tmp_path, "--listen", "127.0.0.1:0", environment=environment) as dragoman:
            _, port = dragoman.origin()
            dragoman.read_until("qwen --auth-type")
            status, listed = asked(port, "/v1/models")
            assert status == 200
            assert "gpt-x" in [one["id"] for one in listed["data"]]
            assert "text-embedding-x" in [one["id"] for one in listed["data"]]
            _, for_agents = asked(port, "/v1/models/status")
            assert "text-embedding-x" not in [one["id"] for one in for_agents["data"] if one["chat"]]
            assert "sk-test" not in "".join(dragoman.lines)
            assert dragoman.stop() == 0


class Lists:
    """A vendor whose only page is its list of models."""

    def __init__(self, *ids: str) -> None:
        self._body: Final = jsons.write({"data": [{"id": one} for one in ids]})
        self.listening: Final = socket.create_server(("127.0.0.1", 0))
        self.port: Final = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(self._body)
                connection.sendall(head + self._body)

    def close(self) -> None:
        self.listening.close()


def test_nothing_found_is_the_demo_model() -> None:
    found = _found_config(())
    assert [model.name for model in found.models] == ["dragoman-demo"]


# What keeps it from serving.


def said_by(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["serve", *arguments])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("address", "word"),
    [("nonsense", "has no port"), ("127.0.0.1:99999", "is not a port"), ("::1:80", "brackets"), ("[::x]:80", "IPv6")],
)
def test_an_address_that_is_none(address: str, word: str) -> None:
    status, said = said_by("--listen", address)
    assert status == 2
    assert "--listen" in said
    assert word in " ".join(said.replace("│", " ").split())


@pytest.mark.parametrize("content", [b"models: [", b"models: []", b"keys: 5"])
def test_a_bad_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    status, said = said_by("--config", str(path))
    assert status == 1
    assert "config.yaml" in said


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = said_by("--config", str(config(tmp_path)), "--listen", f"127.0.0.1:{port}")
        assert status == 1
        assert said == f"cannot listen on 127.0.0.1:{port}: Address already in use; name another with --listen\n"


@pytest.mark.parametrize("address", ["0.0.0.0:0", ":0", "[::]:0"])
def test_an_open_address_wants_keys_wherever_it_was_said(address: str, tmp_path: Path) -> None:
    status, said = said_by("--config", str(config(tmp_path)), "--listen", address)
    assert status == 1
    assert "can be reached by other machines: add a key" in said


def test_an_open_address_wants_keys_that_are_hard_to_guess(tmp_path: Path) -> None:
    path = config(tmp_path, keys=[{"key": "short"}])
    status, said = said_by("--config", str(path), "--listen", "0.0.0.0:0")
    assert status == 1
    assert "is shorter than 16 characters" in said


def test_a_key_in_the_environment_opens_the_address_and_a_reload_does_not_forget_it(tmp_path: Path) -> None:
    path = config(tmp_path)
    environment = {
        "DRAGOMAN_LISTEN": "0.0.0.0:0",
        "DRAGOMAN_CONFIG": str(path),
        "DRAGOMAN_KEY": "sk-of-the-environment",
    }
    with started(tmp_path, environment=environment) as dragoman:
        _, port = dragoman.origin()
        dragoman.read_until("qwen --auth-type")
        config(tmp_path, models=[{"name": "other", "backends": ["http://127.0.0.1:9/v1"]}])
        dragoman.read_until("taken over, 1 model, 1 key")
        assert asked(port, "/v1/models")[0] == 401
        assert models_for("sk-of-the-environment", port) == ["other"]
        assert dragoman.stop() == 0


def test_without_a_file_an_open_address_gets_a_key_that_stays(tmp_path: Path) -> None:
    missing = {"DRAGOMAN_CONFIG": str(tmp_path / "none.yaml")}
    keys = set()
    for _ in range(2):
        with started(tmp_path, "--listen", "0.0.0.0:0", environment=missing) as dragoman:
            _, port = dragoman.origin()
            key = re.findall(r"OPENAI_API_KEY=(\S+)", dragoman.read_until("qwen --auth-type"))[0]
            assert asked(port, "/v1/models")[0] == 401
            assert models_for(key, port) != []
            keys.add(key)
            said = " ".join("".join(dragoman.lines).split())
            assert "none.yaml (DRAGOMAN_CONFIG) is not there" in said
            assert "One was made" in said
    assert len(keys) == 1


def test_without_a_file_a_key_of_the_environment_must_be_hard_to_guess(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        _open_to_its_key(_found_config(()), {"DRAGOMAN_LISTEN": ":0", "DRAGOMAN_KEY": "short"})
    assert capsys.readouterr().err == (
        "DRAGOMAN_KEY: keys[0].key: is shorter than 16 characters, and other machines can connect: make a longer one\n"
    )


def test_a_file_of_the_usual_name_that_nobody_named_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _usual_config({}) is None
    assert not caplog.records
    config(tmp_path)
    assert _usual_config({}) is None
    assert "config.yaml of this directory is not read; `--config config.yaml` serves it" in caplog.text


def models_for(key: str, port: int) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", "/v1/models", headers={"x-api-key": key})
        return [model["id"] for model in jsons.read(connection.getresponse().read())["data"]]


# Addresses.


def test_where_nobody_asked_for_a_port_the_next_free_one_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with contextlib.closing(_listen(ListenAddress("127.0.0.1", port), exactly=False)) as listening:
            assert port < listening.getsockname()[1] <= port + 20
        with pytest.raises(typer.Exit):
            _listen(ListenAddress("127.0.0.1", port), exactly=True)


def test_a_host_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        _listen(ListenAddress("192.0.2.1", 0), exactly=True)
    assert "cannot listen on 192.0.2.1:0" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["", "127.0.0.1", "0.0.0.0", "localhost", "::1"])
def test_addresses_that_can_be_bound(host: str) -> None:
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with contextlib.closing(_bound(ListenAddress(host, 0))) as listening:
        assert listening.getsockname()[1] > 0


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["", "::"])
@pytest.mark.parametrize("place", ["127.0.0.1", "::1"])
def test_every_interface_is_one_of_both_families(host: str, place: str) -> None:
    with contextlib.closing(_bound(ListenAddress(host, 0))) as listening:
        socket.create_connection((place, listening.getsockname()[1]), timeout=SECONDS).close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it")
def test_a_client_that_is_gone_without_a_word_is_given_up_after_a_minute() -> None:
    with (
        contextlib.closing(_bound(ListenAddress("127.0.0.1", 0))) as listening,
        socket.create_connection(listening.getsockname()),
        contextlib.closing(listening.accept()[0]) as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:5"),
        ("0.0.0.0", "http://127.0.0.1:5"),
        ("::", "http://127.0.0.1:5"),
        ("::1", "http://[::1]:5"),
    ],
)
def test_origins_are_places_to_connect_to(host: str, origin: str) -> None:
    assert _origin(host, 5) == origin


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"dragoman {__version__}\n")


def test_a_server_that_cannot_start_ends_with_a_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        started = False

        def __init__(self, _: object) -> None: ...

        def run(self, sockets: Sequence[socket.socket]) -> None:
            """As uvicorn, where the lifespan fails."""

    monkeypatch.setattr(sys.modules["dragoman.cli.serve"], "_Server", Broken)
    assert said_by("--config", str(config(tmp_path)))[0] == 1


def test_free_ports_are_free() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_asked_can_be_read_while_it_runs_and_afterwards(how: signal.Signals, tmp_path: Path) -> None:
    path = config(tmp_path, usage_db="usage.db")
    with started(tmp_path, "--config", str(path)) as dragoman:
        _, port = dragoman.origin()
        body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
        assert asked(port, "/v1/messages", body)[0] == 502
        while used(path) == 0:  # a moment at most
            pass
        if how == signal.SIGTERM:
            assert asked(port, "/v1/messages", body)[0] == 502
        dragoman.stop(how)
    assert used(path) == (2 if how == signal.SIGTERM else 1)


def used(path: Path) -> int:
    """Requests by the command; 0 as long as there is no ledger."""
    said = CliRunner().invoke(app, ["usage", "--by", "user", "--json", "--config", str(path)])
    return sum(row["requests"] for row in jsons.read(said.stdout)) if said.exit_code == 0 else 0
