"""A model backend that plays scripts and remembers what it was asked.

It speaks one dialect and serves no other path, so an agent of another dialect reaches it only through something that
truly translates; and it knows one key, so the agent's own key reaches nothing. The model's name in a request says
which script is played.
"""

import asyncio
import dataclasses
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Final, Self

from aiohttp import web

from dragoman.wire import jsons
from tests.agents.heard import Recorded
from tests.agents.scenarios import Scenario, Wire
from tests.agents.script import answer
from tests.agents.wires import chat, messages, responses

WIRES: Final[Mapping[Wire, ModuleType]] = {"chat": chat, "messages": messages, "responses": responses}
LARGEST_REQUEST: Final = 64 * 2**20
SECONDS_TO_START: Final = 30


@dataclasses.dataclass(frozen=True)
class Part:
    """One model's role: its scenario, and the folder the agent works in."""

    scenario: Scenario
    folder: Path


class ScriptedBackend:
    """Serves in a thread of its own between `with` and its end; `url` is its origin."""

    def __init__(self, wire: Wire, key: str | None = None) -> None:
        self.wire, self.key = wire, key or secrets.token_hex(8)
        self.url = ""
        self._dialect = WIRES[wire]
        self._parts: dict[str, Part] = {}
        self._recorded: dict[str, list[Recorded]] = {}
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"scripted-{wire}")

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(SECONDS_TO_START):
            raise TimeoutError(f"the scripted backend did not start within {SECONDS_TO_START} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def play(self, model: str, scenario: Scenario, folder: Path) -> None:
        """Let `model` play this scenario from now on."""
        self._parts[model] = Part(scenario, folder)

    def recorded(self, model: str) -> list[Recorded]:
        return self._recorded.get(model, [])

    def _run(self) -> None:
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1)
        self._loop.run_until_complete(self._listen(runner))
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _listen(self, runner: web.AppRunner) -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST_REQUEST)
        for path in self._dialect.PATHS:
            application.router.add_post(path, self._answer)
        application.router.add_route("*", "/{path:.*}", self._refuse)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return self._problem(401, "this is not the backend's key")
        raw = await request.read()
        body = jsons.read(raw)
        heard = self._dialect.read(body)
        self._recorded.setdefault(heard.model, []).append(Recorded(request.path, dict(request.headers), raw, heard))
        part = self._parts.get(heard.model)
        if part is None:
            return self._problem(404, f"model {heard.model!r} not found")
        said = answer(part.scenario, heard, part.folder)
        if not heard.stream:
            return web.json_response(self._dialect.whole(body, said))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for frame in self._dialect.stream(body, said):
            await response.write(frame)
        return response

    def _knows(self, request: web.Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.key in {bearer, request.headers.get("x-api-key")}

    async def _refuse(self, request: web.Request) -> web.Response:
        return self._problem(404, f"this backend speaks {self.wire}, it serves no {request.method} {request.path}")

    def _problem(self, status: int, message: str) -> web.Response:
        return web.json_response(self._dialect.problem(status, message), status=status)
