"""Every block of commands in the documents is run by a shell, in a folder of its own, as a reader would run it.

What cannot be is stood in for by a program that does nothing. `STAND_INS` says why, and what tries it instead.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from dragoman.wire import jsons
from tests.ledger import foreign_file
from tests.serving import PROGRAM, Served, free_port, serving
from tests.test_documents import Piece, fenced, pieces

STAND_INS: Final[Mapping[str, str]] = {
    "claude": "the agents are driven by tests/agents, with the very lines that the documents show",
    "codex": "the same",
    "opencode": "the same",
    "qwen": "the same",
    "docker": "no engine is demanded of this machine; deploy/prove.sh builds and runs the image",
    "pip": "it would download; run_tests.py, or whoever runs these tests, has installed the package",
    "python3": "making an environment, and the test command itself",
    "sudo": "it would change this machine; tests/deploy has the unit checked",
}
# Documents whose commands measure: they take minutes, and an idle machine.
NOT_RUN: Final = ("bench/README.md",)
CONFIG: Final = """\
models:
  - {name: my-model, backends: ["http://127.0.0.1:9/v1"], context_window: 131072}
  - {name: large, backends: ["http://127.0.0.1:9/v1"]}
  - {name: small, backends: ["http://127.0.0.1:9/v1"]}
  - {name: thinker, backends: ["http://127.0.0.1:9/v1"]}
  - {name: little, backends: ["http://127.0.0.1:9/v1"]}
  - {name: other, backends: ["http://127.0.0.1:9/v1"]}
"""
# `serve` goes on until it is stopped, and the others are to find the proxy of these tests.
DRAGOMAN: Final = """\
#!/bin/sh
case $1 in
serve)
    {program} "$@" > served.log 2>&1 &
    until {python} -c "import urllib.request as r; r.urlopen('http://$DRAGOMAN_LISTEN/healthz')" 2> asked.log; do
        kill -0 $! || {{ cat served.log; exit 1; }}
    done
    kill $!
    wait $!
    ;;
setup | launch)
    command=$1
    shift
    exec {program} "$command" --url {url} "$@"
    ;;
*)
    exec {program} "$@"
    ;;
esac
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    names = ("my-model", "large", "small", "thinker", "little", "other")
    models = [{"name": name, "backends": ["http://127.0.0.1:9/v1"]} for name in names]
    with serving({"models": models}, tmp_path_factory.mktemp("proxy")) as served:
        yield served


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of usage records."""
    folder = tmp_path_factory.mktemp("ledger")
    theirs = foreign_file.add(folder / "theirs.db", [{}])
    env = {**os.environ, "XDG_DATA_HOME": str(folder)}
    subprocess.run([PROGRAM, "usage", "import", theirs], cwd=folder, env=env, capture_output=True, check=True)
    return folder / "dragoman" / "usage.db"


@pytest.fixture
def folder(proxy: Served, ledger: Path, tmp_path: Path) -> Path:
    """A checkout with an environment, a configuration, usage of ours and go-llm-proxy's."""
    (tmp_path / "dragoman").mkdir()
    shutil.copy(ledger, tmp_path / "dragoman")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in STAND_INS:
        _program(programs / name, "#!/bin/sh\n")
    _program(programs / "dragoman", DRAGOMAN.format(program=PROGRAM, python=sys.executable, url=proxy.url))
    (tmp_path / "config.yaml").write_text(CONFIG)
    foreign_file.add(tmp_path / "usage.db", [{}])
    return tmp_path


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def blocks() -> list[Piece]:
    return [piece for piece in fenced("sh") if not piece.place.startswith(NOT_RUN)]


@pytest.mark.parametrize("block", blocks(), ids=lambda piece: piece.place)
def test_commands_run(block: Piece, folder: Path) -> None:
    if "openssl" in block.text and shutil.which("openssl") is None:
        pytest.skip("there is no openssl on this machine")
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(
        ["sh", "-e", "-c", block.text],
        cwd=folder,
        env={
            **kept,
            "PATH": f"{folder / '.venv' / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "DRAGOMAN_LISTEN": f"127.0.0.1:{free_port()}",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr


def test_every_stand_in_is_needed() -> None:
    shown = "\n".join(block.text for block in blocks())
    assert {name for name in STAND_INS if name not in shown} == set()


@pytest.mark.parametrize("block", fenced("json"), ids=lambda piece: piece.place)
def test_json_is_json(block: Piece) -> None:
    assert jsons.is_object(block.text)


@pytest.mark.parametrize("block", fenced("toml"), ids=lambda piece: piece.place)
def test_toml_is_toml(block: Piece) -> None:
    assert tomllib.loads(block.text)


def test_every_language_that_is_shown_is_tried() -> None:
    """Also `floors` by test_architecture.py, and `yaml` by test_documents.py."""
    assert {piece.text for piece in pieces(r"^```(\w+)$")} <= {"sh", "yaml", "json", "toml", "floors"}
