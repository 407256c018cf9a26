"""The bench measures; here it is tried only in what can be right or wrong without measuring."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import aiohttp_relay
import interpreter
import pytest
import run
import toolchain
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

# Counts how often an environment is made, in which it stands for the environment's Python as well.
PYTHON: Final = """\
#!/bin/sh
case "$*" in
-VV) echo "Python $(cat {folder}/version)" ;;
"-m venv --clear "*)
    echo made >> {folder}/made
    rm -rf "$4"
    mkdir -p "$4/bin"
    cp "$0" "$4/bin/python"
    ;;
"-m pip install "*) exit "$(cat {folder}/pip)" ;;
esac
"""


@pytest.mark.parametrize(
    ("configured", "span", "optimised"),
    [
        ("'--prefix=/opt/python' '--enable-shared'", 8_384, False),
        ("", 9_536, False),
        ("'--build=x86_64-linux-gnu' '--enable-optimizations' '--with-lto'", 8_384, True),
        # Debian's, whose sysconfig describes the shared library; the second is that library, in another program.
        ("'--enable-shared' '--prefix=/usr' '--without-ensurepip'", 1_544_672, True),
        ("'--enable-shared' '--prefix=/usr' '--without-ensurepip'", 26_640, False),
    ],
)
def test_optimisation_shows_in_what_was_configured_or_in_the_program(
    configured: str, span: int, optimised: bool
) -> None:
    assert interpreter.shows_optimisation(configured, span) is optimised


def test_a_python_tells_how_it_was_built() -> None:
    assert interpreter.is_optimised(Path(sys.executable)) is not None


def test_a_python_that_does_not_tell_is_not_guessed_about(tmp_path: Path) -> None:
    mute = tmp_path / "python"
    mute.write_text("#!/bin/sh\nexit 1\n")
    mute.chmod(0o755)
    assert interpreter.is_optimised(mute) is None


def test_an_environment_is_kept_until_its_python_changes(python: Path) -> None:
    home = interpreter.environment(python)
    assert interpreter.environment(python) == home
    assert _made(python) == 1
    (python.parent / "version").write_text("3.12")
    assert interpreter.environment(python) == home
    assert _made(python) == 2


def test_an_environment_without_dragoman_is_made_again(python: Path) -> None:
    (python.parent / "pip").write_text("1")
    with pytest.raises(toolchain.CannotMeasureError, match="could not be installed"):
        interpreter.environment(python)
    (python.parent / "pip").write_text("0")
    interpreter.environment(python)
    assert _made(python) == 2


def test_another_proxy_brings_its_own_python(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--python", sys.executable, "--proxy", "other {port}"])
    assert "--proxy: not allowed with argument --python" in capsys.readouterr().err


def test_a_python_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--python", "/nowhere/python"])
    assert "/nowhere/python: no such program" in capsys.readouterr().err


def test_the_yardstick_runs_under_dragomans_own_python(python: Path) -> None:
    with pytest.raises(toolchain.CannotMeasureError, match="leave out --proxy"):
        run.with_aiohttp(None)
    python.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(toolchain.CannotMeasureError, match=f"run `{python} -m pip install aiohttp`"):
        run.with_aiohttp(python)
    assert run.with_aiohttp(Path(sys.executable)) == Path(sys.executable)


def test_the_yardstick_relays_what_is_said_piece_by_piece() -> None:
    go_on = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        said = web.StreamResponse(status=207, headers={"content-type": "text/event-stream"})
        await said.prepare(request)
        await said.write(b"data: " + request.path.encode() + b"\n\n")
        await go_on.wait()
        await said.write(await request.read())
        return said

    async def main() -> None:
        backend = web.Application()
        backend.router.add_post("/v1/messages", answer)
        async with (
            TestServer(backend) as behind,
            TestClient(TestServer(aiohttp_relay.app(behind.port or 0))) as client,
            client.post("/v1/messages", data=b"asked") as reply,
        ):
            assert (reply.status, reply.content_type) == (207, "text/event-stream")
            assert await reply.content.readany() == b"data: /v1/messages\n\n"
            go_on.set()
            assert await reply.content.read() == b"asked"
            assert (await client.get("/healthz")).status == 200

    asyncio.run(main())


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(interpreter, "CACHE", tmp_path / "cache")
    program = tmp_path / "python"
    program.write_text(PYTHON.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "version").write_text("3.11")
    (tmp_path / "pip").write_text("0")
    return program


def _made(python: Path) -> int:
    return (python.parent / "made").read_text().count("made")
