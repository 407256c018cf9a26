"""`dragoman serve`."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer
import uvicorn

from dragoman.cli import logs
from dragoman.cli.banner import banner
from dragoman.cli.first_key import first_key
from dragoman.config import check
from dragoman.config.data_dir import data_directory
from dragoman.config.environment import CONFIG, GENERATOR, KEY, LISTEN, wants_keys, with_environment
from dragoman.config.findings import render_findings
from dragoman.config.listen import BadAddressError, ListenAddress, read_listen_address
from dragoman.config.load import load_file
from dragoman.config.schema import BackendConfig, Config, KeyConfig, ModelConfig
from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.gateway import demo
from dragoman.hub.route import Secret
from dragoman.net.client import Client
from dragoman.routing import zero_config
from dragoman.routing.discover import Discovery
from dragoman.routing.known import Knowledge, converses
from dragoman.routing.resolve import Router
from dragoman.routing.zero_config import Found
from dragoman.server.app import App
from dragoman.server.connection import client_connections
from dragoman.server.websocket import ClientSocket
from dragoman.store.secret import secret_in

_log: Final = logging.getLogger("dragoman.serve")
_USUAL_FILE: Final = Path("config.yaml")
_MOST_FILES: Final = 65_536
_BACKLOG: Final = 2048
_SECONDS_TO_FINISH: Final = 30  # for streams that run when the server is told to stop
_SECONDS_TO_LOOK: Final = 2.0
_PORTS_TO_TRY: Final = 20
_LARGEST_FRAME: Final = 64 * 2**20  # bytes of one WebSocket frame: agents send whole conversations
# A client that is gone without a word (a lid that closes, a cable) is asking again by another connection, and its first
# request would go on for a quarter of an hour, as long as TCP repeats what nobody acknowledges. None = not of this system.
_UNANSWERED: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)
_MILLISECONDS_UNANSWERED: Final = 60_000
LogForm = Literal["auto", "text", "json"]


def serve(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="The configuration file; else that of DRAGOMAN_CONFIG, if it is there. Without one, local models are"
            " looked for.",
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on, in place of the file's: 127.0.0.1:8080. Else that of DRAGOMAN_LISTEN."
        ),
    ] = None,
    serve_config_generator: Annotated[
        bool,
        typer.Option("--serve-config-generator", help="Show the page that writes the coding agents' settings, at `/`."),
    ] = False,
    log_format: Annotated[
        LogForm, typer.Option(help="Lines for people or for machines; auto: by what stderr is.")
    ] = "auto",
    log_level: Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="How much to log.")] = "info",
    while_stdin_is_open: Annotated[bool, typer.Option("--while-stdin-is-open", hidden=True)] = False,
) -> None:
    """Run the proxy."""
    logs.start(log_format, log_level)
    if while_stdin_is_open:
        threading.Thread(target=_end_with_stdin, name="dragoman-stdin", daemon=True).start()
    env = _environment(listen, generator=serve_config_generator)
    config = config or _usual_config(env)
    key = ""
    if config is None:
        found = asyncio.run(_find())
        settings, key = _open_to_its_key(_found_config(found), env)
        source, digest = ConfigSource(Snapshot.of(settings)), b""
    else:
        found = ()
        source, digest = _file_config(config, env)
        settings = source.current.config
    with _listen(settings.listen, exactly=config is not None or bool(env.get(LISTEN))) as listening:
        host, port = listening.getsockname()[:2]
        knowledge = Knowledge()
        asyncio.run(_look(source, knowledge))
        app, origin = App(source, config, digest, knowledge, env), _origin(host, port)
        typer.echo(banner(settings, found, origin, Router(knowledge), key))
        if place := app.dashboard(origin):
            typer.echo(f"Usage{'' if settings.usage_dashboard_password else ' (this link works once)'}\n  {place}")
        _run(app, listening)


def _end_with_stdin() -> None:
    """Whoever holds its other end, as `launch` does, takes the proxy along, however it ends."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _environment(listen: str | None, *, generator: bool) -> Mapping[str, str]:
    """The environment, with what the command line says of the configuration: a reload must not forget it."""
    env = {**os.environ, GENERATOR: "true"} if generator else dict(os.environ)
    if listen is not None:
        try:
            env[LISTEN] = str(read_listen_address(listen))
        except BadAddressError as error:
            raise typer.BadParameter(str(error), param_hint="--listen") from None
    return env


def _usual_config(env: Mapping[str, str]) -> Path | None:
    """The file that the environment names. A container names one that need not be there.

    One of the usual name in the working directory is only told of, since it may be any program's.
    """
    if not (named := env.get(CONFIG)):
        if _USUAL_FILE.is_file():
            _log.warning("%s of this directory is not read; `--config %s` serves it", _USUAL_FILE, _USUAL_FILE)
        return None
    if (path := Path(named)).exists():
        return path
    _log.warning("%s (DRAGOMAN_CONFIG) is not there: serving without a configuration file", path)
    return None


def _open_to_its_key(config: Config, env: Mapping[str, str]) -> tuple[Config, str]:
    """The configuration as it may be served at its address; and the key that was made for that, "" if none was."""
    config, wrong = with_environment(config, env)
    key = ""
    if wants_keys(config):
        key = first_key(secret_in(data_directory(config.data_dir, env)))
        config = msgspec.structs.replace(config, keys=(KeyConfig(key=Secret(key), name="first"),))
    wrong += [finding for finding in check.keys(config) if finding.level == "error"]
    if wrong:
        typer.echo(render_findings(wrong, KEY), err=True)
        raise typer.Exit(1)
    return config, key


async def _look(source: ConfigSource, knowledge: Knowledge) -> None:
    """Ask the backends what they are, so that the windows are known that agents are told. Whoever is slow goes without."""
    net = Client()
    try:
        async with asyncio.timeout(_SECONDS_TO_LOOK):
            await Discovery(source, net, knowledge).look()
    except TimeoutError:
        pass
    finally:
        await net.close()


async def _find() -> tuple[Found, ...]:
    net = Client()
    try:
        return await zero_config.find(net, os.environ)
    finally:
        await net.close()


def _found_config(found: tuple[Found, ...]) -> Config:
    config = zero_config.config_of(found)
    if not any(converses(model.backend_model) for model in config.models):
        model = ModelConfig(name=demo.NAME, backends=(BackendConfig(url=demo.URL),), context_window=200_000)
        config = msgspec.structs.replace(config, models=(model, *config.models))
    return msgspec.structs.replace(config, usage_dashboard=True)


def _file_config(path: Path, env: Mapping[str, str]) -> tuple[ConfigSource, bytes]:
    loaded = load_file(path, env)
    if loaded.findings:
        typer.echo(render_findings(loaded.findings, str(path)), err=True)
    if loaded.config is None:
        raise typer.Exit(1)
    return ConfigSource(Snapshot.of(loaded.config), loaded.findings), loaded.digest


def _listen(address: ListenAddress, *, exactly: bool) -> socket.socket:
    """Bind, at the address itself or, if nobody asked for exactly it, at one of the next ports."""
    tries = 1 if exactly or address.port == 0 else _PORTS_TO_TRY
    for port in range(address.port, address.port + tries):
        try:
            return _bound(ListenAddress(address.host, port))
        except OSError as error:
            if port == address.port + tries - 1:
                typer.echo(f"cannot listen on {address}: {_why(error)}; name another with --listen", err=True)
                raise typer.Exit(1) from None
    raise AssertionError("no port was tried")


def _why(error: OSError) -> str:
    """In the system's words: Python repeats the address in its own."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _bound(address: ListenAddress) -> socket.socket:
    listening = _listening(address)
    if _UNANSWERED is not None:
        listening.setsockopt(socket.IPPROTO_TCP, _UNANSWERED, _MILLISECONDS_UNANSWERED)
    return listening


def _listening(address: ListenAddress) -> socket.socket:
    """`[::]` is every interface of both families, as in Go."""
    both = address.host in ("", "::") and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)


def _origin(host: str, port: int) -> str:
    """The address people use: the unspecified address is no place to connect to."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _settle_down() -> None:
    """What has been made until now stays: the collector need not look at it again, and need not look that often.

    A request makes some thousand objects that go as soon as it ends; with Python's own thresholds the collector would
    go through them ten times a request, to find nothing.

    A thread that reads a huge request gives way after half a millisecond, not after five: with Python's own interval the
    longest silence of a stream beside bodies of 3 MB is some 45 ms, with this one 25 to 30 (`bench/run.py --only silence`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    sys.setswitchinterval(0.0005)


def _open_many_files() -> None:
    """A stream takes two of them, and the usual 1,024 are for programs that know only select(). As Go does it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _run(app: App, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        loop="auto",
        http=client_connections(app.answer),
        ws=ClientSocket,
        ws_max_size=_LARGEST_FRAME,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        backlog=_BACKLOG,
    )
    _open_many_files()
    _settle_down()
    server = _Server(config, app.leave)
    server.run(sockets=[listening])
    if not server.started:
        raise typer.Exit(1)


class _Server(uvicorn.Server):
    """Ends with status 0 when it is told to: uvicorn's own raises the signal again once everything is in order.

    leave: called as soon as it is told.
    """

    def __init__(self, config: uvicorn.Config, leave: Callable[[], None]) -> None:
        super().__init__(config)
        self._leave: Final = leave

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leave()
        await super().shutdown(sockets)
        if self.force_exit:  # Ctrl-C twice: nobody is waited for, but what is kept is put away
            for task in self.server_state.tasks:
                task.cancel()
            await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()
