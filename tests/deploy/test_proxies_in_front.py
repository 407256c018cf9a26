"""The examples for nginx and Caddy, run by the real programs in front of the real application, with TLS."""

import asyncio
import contextlib
import io
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from dragoman.server.websocket import ClientSocket
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    END,
    STREAM,
    House,
    chunk,
    hangs_after,
    house,
    model,
    origin,
    playback,
    responses_body,
    run,
    says,
)
from tests.net.scripted import Asked, Backend, Peer
from tests.serving import free_port

EXAMPLES: Final = Path(__file__).parents[2] / "deploy"
PROGRAMS: Final = "/usr/sbin:/usr/bin:/usr/local/bin"
HOST: Final = "dragoman.example"
CALLER: Final = "127.0.0.2"  # the proxy in front calls from 127.0.0.1
KEY: Final = "sk-client-0123456789abcdef"
FRAMES: Final = list(chat.stream({"model": "x", "stream": True}, [Words("one two three")]))
ASKED: Final = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


class _Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


class Door:
    """The proxy in front. session: a client that trusts it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url: Final = url
        self.session: Final = session


def _put(text: str, **changes: str) -> str:
    for before, after in changes.items():
        assert before in text, f"the example no longer says {before}"
        text = text.replace(before, after)
    return text


def nginx(example: str, house_port: int, port: int, folder: Path) -> tuple[str, list[str]]:
    server = _put(
        example,
        **{
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "127.0.0.1:8080": f"127.0.0.1:{house_port}",
            "/etc/ssl/dragoman.example": f"{folder}/tls",
        },
    )
    rooms = "".join(
        f"{room}_temp_path {folder}/{room};\n" for room in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"""
        daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1;
        events {{ worker_connections 64; }}
        http {{ access_log off; {rooms} {server} }}
    """
    return text, ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "config")]


def caddy(example: str, house_port: int, port: int, folder: Path) -> tuple[str, list[str]]:
    site = _put(
        example,
        **{
            "dragoman.example {": f"{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/tls.crt {folder}/tls.key\n",
            "127.0.0.1:8080": f"127.0.0.1:{house_port}",
        },
    )
    text = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/storage\n}}\n{site}"
    return text, ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "config")]


FRONTS: Final = {"nginx": (nginx, "nginx/dragoman.conf"), "caddy": (caddy, "caddy/Caddyfile")}


@contextlib.asynccontextmanager
async def in_front_of(running: House, name: str, folder: Path) -> AsyncIterator[Door]:
    write, example = FRONTS[name]
    if shutil.which(name, path=PROGRAMS) is None or sys.platform != "linux":
        pytest.skip(f"there is no {name} here")
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "tls.crt"))
    certificate.private_key_pem.write_to_path(str(folder / "tls.key"))
    port = free_port()
    text, command = write((EXAMPLES / example).read_text(), running.port, port, folder)
    (folder / "config").write_text(text)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env={"PATH": PROGRAMS, "HOME": str(folder)}, stdout=log, stderr=log
        )
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    connector = aiohttp.TCPConnector(ssl=trust, resolver=_Here(), local_addr=(CALLER, 0))
    try:
        await _connected(port, process)
        async with aiohttp.ClientSession(connector=connector, headers={"x-api-key": KEY}) as session:
            yield Door(f"https://{HOST}:{port}", session)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _connected(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until the program takes connections; its start is no event of ours."""
    while True:
        assert process.returncode is None, "it ended; its log is in the test's folder"
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def at_home(backend: Backend) -> AsyncIterator[House]:
    models = [model("m", f"{origin(backend)}/v1")]
    async with house(models, ws=ClientSocket, keys=[{"key": KEY}], trusted_proxies=["127.0.0.1"]) as running:
        yield running


@pytest.mark.parametrize("name", FRONTS)
def test_each_event_leaves_as_it_comes(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def half(peer: Peer, asked: Asked) -> None:
            await peer.say(STREAM, *map(chunk, FRAMES[:2]))
            await go_on.wait()
            await peer.say(*map(chunk, FRAMES[2:]), END)

        async with (
            playback(half) as backend,
            at_home(backend) as running,
            in_front_of(running, name, tmp_path) as door,
            door.session.post(f"{door.url}/v1/chat/completions", json=ASKED) as answer,
        ):
            assert answer.status == 200
            first = await answer.content.readuntil(b"\n\n")
            assert b"one" in first or b"one" in await answer.content.readuntil(b"\n\n")
            go_on.set()
            assert (await answer.content.read()).endswith(b"data: [DONE]\n\n")

    run(main)


@pytest.mark.parametrize("name", FRONTS)
def test_a_client_that_hangs_up_ends_the_backends_work(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            playback(hangs_after(STREAM, *map(chunk, FRAMES[:2]))) as backend,
            at_home(backend) as running,
            in_front_of(running, name, tmp_path) as door,
        ):
            async with door.session.post(f"{door.url}/v1/chat/completions", json=ASKED) as answer:
                await answer.content.readuntil(b"\n\n")
                assert answer.connection is not None
                assert answer.connection.transport is not None
                answer.connection.transport.abort()
            await backend.gone.wait()

    run(main)


@pytest.mark.parametrize("name", FRONTS)
def test_codex_gets_its_websocket(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            at_home(backend) as running,
            in_front_of(running, name, tmp_path) as door,
            door.session.ws_connect(f"{door.url}/v1/responses") as line,
        ):
            await line.send_json({"type": "response.create", **responses_body()})
            while (said := await line.receive_json())["type"] != "response.completed":
                assert said["type"] not in {"error", "response.failed"}, said

    run(main)


@pytest.mark.parametrize("name", FRONTS)
def test_large_requests_pass_and_the_callers_address_arrives(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            at_home(backend) as running,
            in_front_of(running, name, tmp_path) as door,
        ):
            url = f"{door.url}/v1/chat/completions"
            long = jsons.write({**ASKED, "messages": [{"role": "user", "content": "x" * 20_000_000}]})
            async with door.session.post(url, data=io.BytesIO(long)) as answer:
                assert answer.status == 200
            assert len(backend.asked[-1].body) > 20_000_000
            async with door.session.post(url, json=ASKED, headers={"x-api-key": "wrong"}) as answer:
                assert answer.status == 401
            assert list(running.app._failed.strikes) == [CALLER]

    run(main)
