"""`dragoman keys` as operators use it, beside a running proxy."""

import http.client
import subprocess
from contextlib import closing
from pathlib import Path

from typer.testing import CliRunner, Result

from dragoman.cli import app
from tests.cli.test_serve import SECONDS, config, started
from tests.serving import PROGRAM


def keys(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments, "--config", str(path)])


def made(result: Result) -> str:
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()[-1]


def status(port: int, key: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"} if key else {})
        return connection.getresponse().status


def test_a_running_proxy_takes_over_every_change(tmp_path: Path) -> None:
    path = config(tmp_path)
    with started(tmp_path, "--config", str(path)) as dragoman:
        _, port = dragoman.origin()
        assert status(port, "") == 200
        first = made(keys(path, "add", "ann"))
        dragoman.read_until("taken over, 1 model, 1 key")
        assert (status(port, ""), status(port, first)) == (401, 200)
        second = made(keys(path, "rotate", "ann"))
        dragoman.read_until("taken over")
        assert (status(port, first), status(port, second)) == (401, 200)
        third = made(keys(path, "add", "bob", "--models", "m"))
        dragoman.read_until("taken over, 1 model, 2 keys")
        assert keys(path, "revoke", "ann").exit_code == 0
        dragoman.read_until("taken over, 1 model, 1 key")
        assert (status(port, second), status(port, third)) == (401, 200)
        assert dragoman.stop() == 0


def test_the_key_is_alone_on_the_last_line_and_nowhere_in_the_list(tmp_path: Path) -> None:
    path = config(tmp_path, keys=[{"key": "sk-0123456789abcdef", "name": "[old]"}])
    result = keys(path, "add", "ann", "--models", "m, m")
    assert made(result).startswith("sk-")
    assert result.stdout.count(made(result)) == 1
    listed = keys(path, "list").stdout
    assert made(result) not in listed
    assert "sk-0123" not in listed
    rows = [line.split() for line in listed.splitlines()]
    assert rows[0] == ["NAME", "FINGERPRINT", "MODELS", "KEPT"]
    assert rows[1][0::2] == ["[old]", "all", "clear"]
    assert [len(row[1]) for row in rows[1:]] == [16, 16]


def test_the_first_key_says_what_it_means(tmp_path: Path) -> None:
    path = config(tmp_path)
    assert "everybody who can connect" in keys(path, "list").stdout
    assert "nobody is let in without a key" in keys(path, "add", "ann").stdout
    assert "nobody is let in" not in keys(path, "add", "bob").stdout


def test_what_a_key_may_use_is_said_anew(tmp_path: Path) -> None:
    path = config(tmp_path)
    keys(path, "add", "ann")
    assert keys(path, "allow", "ann", "--models", "m").stdout == "ann may use m from now on.\n"
    assert keys(path, "list").stdout.splitlines()[1].split()[2] == "m"
    assert keys(path, "allow", "ann").stdout == "ann may use every model from now on.\n"
    assert keys(path, "list").stdout.splitlines()[1].split()[2] == "all"


def test_what_is_refused_has_a_status_and_no_key(tmp_path: Path) -> None:
    path = config(tmp_path)
    for arguments in (["add", "ann", "--models", "n"], ["rotate", "ann"], ["allow", "ann"], ["revoke", "ann"]):
        result = keys(path, *arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert "there is" in result.stderr
    assert keys(tmp_path / "none.yaml", "list").exit_code == 1


def test_many_at_once_lose_none(tmp_path: Path) -> None:
    path = config(tmp_path)
    running = [
        subprocess.Popen([PROGRAM, "keys", "add", f"user-{n}", "--config", path], stdout=subprocess.PIPE)
        for n in range(4)
    ]
    for each in running:
        each.communicate(timeout=SECONDS)
        assert each.returncode == 0
    listed = keys(path, "list").stdout
    assert all(f"user-{n}" in listed for n in range(4))
