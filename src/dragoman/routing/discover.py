"""Asking backends what they are: which family, which models, how large a window, what they can do.

    vLLM, SGLang   GET  {url}/models        data[].max_model_len
    llama.cpp      GET  {root}/props        default_generation_settings.n_ctx, modalities.vision
    Ollama         POST {root}/api/show     model_info["*.context_length"], parameters num_ctx, capabilities
    LM Studio      GET  {root}/api/v0/models  data[].loaded_context_length, max_context_length, type
    OpenRouter     GET  {url}/models        data[].context_length, top_provider, architecture
    LiteLLM        GET  {url}/models        data[].max_input_tokens, max_output_tokens, mode
    Anthropic      GET  {url}/v1/models/{id}  max_input_tokens, max_tokens

What is found is an overlay (routing/known.py). Nothing waits for it: a request that comes earlier goes without.
"""

import asyncio
import contextlib
import ipaddress
import logging
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from dragoman.config.schema import BackendConfig, ModelConfig
from dragoman.config.snapshot import ConfigSource
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect
from dragoman.hub.route import Backend, Secret, Timeouts
from dragoman.net.client import Client
from dragoman.routing.health import Health
from dragoman.routing.known import Knowledge, Known
from dragoman.routing.profiles import family_from_models, family_of
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.routing")
_TIMEOUTS: Final = Timeouts(connect=3.0, first_byte=5.0, idle=5.0)
_MAX_ANSWER: Final = 16 * 2**20  # OpenRouter lists some hundred models
_LONGEST_LOOK: Final = 30.0  # seconds at one server
_SECONDS_UNTIL_RETRY: Final = 30.0  # for what did not answer
_ROUNDS_BETWEEN_LOOKS: Final = 10  # of those, for what did
_AWAY: Final = frozenset({502, 503, 504})  # said in front of a server that is not there, or by one that still loads
_KEY_REFUSED: Final = 401
_LONGEST_QUESTION: Final = 10.0  # seconds, while a client waits
_OLLAMA_DEFAULT_WINDOW: Final = 4_096
_WINDOWS: Final = ("max_model_len", "context_length", "max_input_tokens")
# What LiteLLM says of a model's mode.
_CONVERSES: Final = {"chat": True, "responses": True, "embedding": False, "rerank": False}


class Listed(Struct, frozen=True):
    """What a server answers to `GET /models`. dialects: those it was found to have endpoints for, if it was asked."""

    status: int
    body: Any
    dialects: tuple[Dialect, ...] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        entries = self.body.get("data") if isinstance(self.body, dict) else None
        return [row for row in entries if isinstance(row, dict)] if isinstance(entries, list) else []

    def row(self, model: str) -> dict[str, Any]:
        """The entry of this model; of the only one, whatever it is called."""
        rows = self.rows
        return next((row for row in rows if row.get("id") == model), rows[0] if len(rows) == 1 else {})


class Server(Struct, frozen=True):
    """Where one or more models are."""

    url: str
    key: Secret
    type: str

    async def listed(self, net: Client) -> Listed:
        """Raise Problem if it does not answer at all."""
        if self.type == "anthropic":
            return Listed(200, None)  # there each model is asked for by itself
        status, body = await _get(f"{self.url}/models", self, net)
        tells = self.type == "auto" and status != _KEY_REFUSED
        return Listed(status, body, await _spoken(self, net) if tells else ())


class Place(Struct, frozen=True):
    """One model at one server."""

    server: Server
    model: str

    @property
    def url(self) -> str:
        return self.server.url


class Discovery:
    """Looks at every backend at the start and after each reload; at local ones again and again, whether they are there,
    and from time to time, what they are.
    """

    def __init__(self, config: ConfigSource, net: Client, knowledge: Knowledge, health: Health | None = None) -> None:
        self._config: Final = config
        self._net: Final = net
        self._knowledge: Final = knowledge
        self._health: Final = health or Health()
        self._again: Final = asyncio.Event()
        self._refused: Final[set[Server]] = set()  # a wrong key said twice a minute looks like guessing
        self._rounds = 0

    def look_again(self) -> None:
        """The configuration has changed."""
        self._again.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), _SECONDS_UNTIL_RETRY)
            self._again.clear()

    async def look(self) -> None:
        """Ask every backend that is due: backends all at once, what one of them serves one after the other."""
        places = [p for model in self._config.current.config.models for p in places_of(model)]
        self._knowledge.keep_only({(place.url, place.model) for place in places})
        self._health.keep_only({place.url for place in places})
        servers: dict[Server, list[Place]] = {}
        for place in places:
            servers.setdefault(place.server, []).append(place)
        self._refused.intersection_update(servers)
        self._rounds += 1
        async with asyncio.TaskGroup() as asking:
            for server, there in servers.items():
                if due := [place for place in there if self._is_due(place)]:
                    asking.create_task(self._learn(server, due))
                elif is_near(server.url) and server not in self._refused:
                    asking.create_task(self._see(server, there))

    def _is_due(self, place: Place) -> bool:
        known = self._knowledge.of(place.url, place.model)
        if not known.online:
            return True
        # A vendor is asked once: it is there, and it counts requests.
        return is_near(place.url) and self._rounds % _ROUNDS_BETWEEN_LOOKS == 0

    async def _learn(self, server: Server, places: list[Place]) -> None:
        try:
            async with asyncio.timeout(_LONGEST_LOOK):
                listed = await server.listed(self._net)
                self._note_the_key(server, listed.status)
                for place in places:
                    self._knowledge.learn(place.url, place.model, await self._found(place, listed))
            self._health.looked(server.url, answers=listed.status not in _AWAY)
        except (Problem, TimeoutError) as problem:
            self._miss(server, places, problem)

    async def _found(self, place: Place, listed: Listed) -> Known:
        if listed.status == _KEY_REFUSED:
            return msgspec.structs.replace(self._knowledge.of(place.url, place.model), online=True)
        return await ask(place, listed, self._net)

    def _note_the_key(self, server: Server, status: int) -> None:
        (self._refused.add if status == _KEY_REFUSED else self._refused.discard)(server)

    async def _see(self, server: Server, places: list[Place]) -> None:
        """Is it still there? One question, whatever it is."""
        try:
            async with asyncio.timeout(_LONGEST_LOOK):
                status, _ = await _get(f"{server.url}/models", server, self._net)
            self._note_the_key(server, status)
            self._health.looked(server.url, answers=status not in _AWAY)
        except (Problem, TimeoutError) as problem:
            self._miss(server, places, problem)

    def _miss(self, server: Server, places: list[Place], why: Exception) -> None:
        _log.debug("%s: %s", server.url, why)
        self._health.looked(server.url, answers=False)
        for place in places:
            known = msgspec.structs.replace(self._knowledge.of(place.url, place.model), online=False)
            self._knowledge.learn(place.url, place.model, known)


def places_of(model: ModelConfig) -> list[Place]:
    return [_place(model, backend) for backend in model.in_service if "://" in backend.url]


def _place(model: ModelConfig, backend: BackendConfig) -> Place:
    return Place(Server(backend.url.rstrip("/"), backend.api_key or model.api_key, model.type), model.backend_model)


async def ask(place: Place, listed: Listed, net: Client) -> Known:
    """Raise Problem if the backend does not answer at all."""
    if place.server.type == "anthropic":
        return await _anthropic(place, net)
    family = family_of(place.url) or family_from_models(listed.body)
    row = listed.row(place.model)
    known = Known(
        family=family,
        context_window=next((size for key in _WINDOWS if (size := _number(row, key))), None),
        max_output=_number(_object(row, "top_provider"), "max_completion_tokens") or _number(row, "max_output_tokens"),
        vision=_sees(_object(row, "architecture")),
        converses=_CONVERSES.get(str(row.get("mode"))),
        online=listed.status < 500,
        speaks=listed.dialects,
    )
    more = {"llama.cpp": _llama_cpp, "ollama": _ollama, "lmstudio": _lm_studio}.get(family or "")
    if more is None:
        return known
    try:
        return await more(place, net, known)
    except Problem:
        return known


# A backend's own Messages or Responses endpoint is mostly thinner than our translation onto its Chat one (llama.cpp,
# vLLM, Ollama: PROTOCOLS A6), so Chat is preferred wherever it is.
#
# llama-cpp-python 0.3.36 answers a Chat request without messages, and is deaf until that has filled its window;
# llama.cpp's Messages endpoint answers one that has null there.
_PROBES: Final[tuple[tuple[Dialect, str, bytes], ...]] = (
    ("openai-chat", "/chat/completions", b'{"messages":null,"max_tokens":1}'),
    ("openai-responses", "/responses", b"{}"),
    ("anthropic-messages", "/messages", b"{}"),
)


async def _spoken(server: Server, net: Client) -> tuple[Dialect, ...]:
    """The dialects the backend has endpoints for: a request for nothing is refused there, and not found elsewhere."""
    found: list[Dialect] = []
    headers = [("content-type", "application/json"), *_bearer(server)]
    for dialect, path, body in _PROBES:
        root = f"{_root(server)}/v1" if dialect == "anthropic-messages" else server.url
        status, said = await _request("POST", root + path, headers, body, net)
        if _has_endpoint(status, said):
            found.append(dialect)
    return tuple(found)


def may_have_changed(model: ModelConfig, problem: Problem) -> bool:
    """Whether this may say that an endpoint is missing. Where only the model is, that is another kind."""
    return model.type == "auto" and problem.kind == "backend_failed"


async def learn_dialects(model: ModelConfig, knowledge: Knowledge, net: Client) -> None:
    """Find out anew what the model's backends speak, unless that was done a moment ago."""
    for place in places_of(model):
        if not knowledge.may_ask_again(place.url, place.model):
            continue
        try:
            async with asyncio.timeout(_LONGEST_QUESTION):
                speaks = await _spoken(place.server, net)
        except (Problem, TimeoutError):
            continue
        if speaks:
            known = msgspec.structs.replace(knowledge.of(place.url, place.model), speaks=speaks)
            knowledge.learn(place.url, place.model, known)


def _has_endpoint(status: int, said: Any) -> bool:
    """404, 405 and 501 are plain. SGLang answers 500 for a path it does not know, llama.cpp for a field it misses: the
    latter says so in JSON.
    """
    if status in (404, 405, 501):
        return False
    return status < 500 or (isinstance(said, dict) and "error" in said)


async def _anthropic(place: Place, net: Client) -> Known:
    url = f"{_root(place.server)}/v1/models/{quote(place.model, safe='')}"
    key = place.server.key
    headers = [("x-api-key", key.reveal())] if key else []
    headers.append(("anthropic-version", "2023-06-01"))
    status, said = await _request("GET", url, headers, b"", net)
    row = said if isinstance(said, dict) and status == 200 else {}
    ours = (
        "dragoman" if row.get("owned_by") == "dragoman" else None
    )  # others' Messages endpoints differ from their Chat
    return Known(
        family=family_of(place.url) or ours,
        context_window=_number(row, "max_input_tokens"),
        max_output=_number(row, "max_tokens"),
        online=status < 500,
    )


async def _llama_cpp(place: Place, net: Client, known: Known) -> Known:
    _, props = await _get(f"{_root(place.server)}/props", place.server, net)
    if not isinstance(props, dict):
        return known
    window = _number(_object(props, "default_generation_settings"), "n_ctx")
    vision = _object(props, "modalities").get("vision")
    return msgspec.structs.replace(
        known,
        context_window=window or known.context_window,
        vision=vision if isinstance(vision, bool) else known.vision,
    )


async def _ollama(place: Place, net: Client, known: Known) -> Known:
    """The OpenAI-like endpoint ignores `num_ctx`, so the window is what the model's own parameters or a running
    instance say, else Ollama's default of 4,096, whatever the model could do: longer prompts are cut silently. Models
    that it only passes on to its cloud have all of theirs.
    """
    server, root = place.server, _root(place.server)
    headers = [("content-type", "application/json"), *_bearer(server)]
    _, shown = await _request("POST", f"{root}/api/show", headers, jsons.write({"model": place.model}), net)
    _, running = await _get(f"{root}/api/ps", server, net)
    if not isinstance(shown, dict):
        return known
    capabilities = shown.get("capabilities")
    window = _ollama_window(place.model, shown, running)
    if not isinstance(capabilities, list):
        return msgspec.structs.replace(known, context_window=window)
    talks = "completion" in capabilities
    return msgspec.structs.replace(
        known,
        context_window=window,
        vision="vision" in capabilities,
        converses=talks if talks or "embedding" in capabilities else None,
    )


async def running_window(backend: Backend, model: str, net: Client) -> int | None:
    """The window with which Ollama runs the model at this moment; None if it does not run it, or does not tell."""
    server = Server(backend.url, backend.key, "openai")
    try:
        _, running = await _get(f"{_root(server)}/api/ps", server, net)
    except Problem:
        return None
    return _running_window(model, running)


def _running_window(model: str, running: Any) -> int | None:
    loaded = running.get("models") if isinstance(running, dict) else None
    rows = [row for row in loaded if isinstance(row, dict)] if isinstance(loaded, list) else []
    return next((_number(row, "context_length") for row in rows if row.get("name") in (model, f"{model}:latest")), None)


def _ollama_window(model: str, shown: dict[str, Any], running: Any) -> int | None:
    if shown.get("remote_host"):
        information = _object(shown, "model_info")
        return next((_number(information, name) for name in information if name.endswith(".context_length")), None)
    if (window := _running_window(model, running)) is not None:
        return window
    for line in str(shown.get("parameters") or "").split("\n"):
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdecimal():
            return int(value)
    return _OLLAMA_DEFAULT_WINDOW


async def _lm_studio(place: Place, net: Client, known: Known) -> Known:
    _, said = await _get(f"{_root(place.server)}/api/v0/models", place.server, net)
    rows = said.get("data") if isinstance(said, dict) else None
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("id") == place.model:
            window = _number(row, "loaded_context_length") or _number(row, "max_context_length")
            kind = row.get("type")
            return msgspec.structs.replace(
                known,
                context_window=window,
                vision=kind == "vlm",
                converses={"llm": True, "vlm": True, "embeddings": False}.get(str(kind)),
            )
    return known


async def _get(url: str, server: Server, net: Client) -> tuple[int, Any]:
    return await _request("GET", url, _bearer(server), b"", net)


def _bearer(server: Server) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {server.key.reveal()}")] if server.key else []


async def _request(method: str, url: str, headers: list[tuple[str, str]], body: bytes, net: Client) -> tuple[int, Any]:
    """Status and answer, None where that is not JSON."""
    reply = await net.send(method, url, headers, body, _TIMEOUTS)
    try:
        return reply.status, jsons.read(await reply.read_all(_MAX_ANSWER))
    except jsons.JSONError:
        return reply.status, None
    finally:
        reply.close()


def is_near(url: str) -> bool:
    """Whether the backend is on this machine or network, where asking costs nobody anything."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".localhost"))


def _root(server: Server) -> str:
    return server.url.removesuffix("/v1")


def _number(of: dict[str, Any], key: str) -> int | None:
    value = of.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def _sees(architecture: dict[str, Any]) -> bool | None:
    modalities = architecture.get("input_modalities")
    return "image" in modalities if isinstance(modalities, list) else None
