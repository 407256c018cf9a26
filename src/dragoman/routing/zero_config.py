"""Without a configuration file: which models are there? Asks the well-known local ports and the usual vendors' keys."""

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.config.schema import BackendConfig, BackendType, Config, ModelConfig
from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret, Timeouts
from dragoman.net.client import Client
from dragoman.routing.known import converses
from dragoman.wire import jsons

_TIMEOUTS: Final = Timeouts(connect=1.5, first_byte=4.0, idle=4.0)
_LONGEST: Final = 8.0  # seconds for one of them, all together
_MAX_ANSWER: Final = 16 * 2**20
_WANTS_A_KEY: Final = "it wants a key; write a config.yaml that names it"
# Which of a vendor's models answer texts with texts is not in its list; these parts of names say which do not.
_NO_TEXT: Final = (
    "whisper",
    "tts",
    "dall-e",
    "moderation",
    "image",
    "transcribe",
    "realtime",
    "audio",
    "davinci",
    "babbage",
    "sora",
)


class Candidate(Struct, frozen=True):
    """Where models may be. variable: the environment variable its key comes from, "" = none is needed."""

    title: str
    url: str
    variable: str = ""
    url_variable: str = ""
    type: BackendType = "openai"


LOCAL: Final = (
    Candidate("Ollama", "http://127.0.0.1:11434/v1"),
    Candidate("vLLM", "http://127.0.0.1:8000/v1"),
    Candidate("llama-server", "http://127.0.0.1:8080/v1"),
    Candidate("llama-server", "http://127.0.0.1:8081/v1"),
    Candidate("SGLang", "http://127.0.0.1:30000/v1"),
    Candidate("LM Studio", "http://127.0.0.1:1234/v1"),
)
VENDORS: Final = (
    Candidate("OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    Candidate("Anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic"),
    Candidate("OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    Candidate("DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    Candidate("Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    Candidate("Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    Candidate("xAI", "https://api.x.ai/v1", "XAI_API_KEY"),
    Candidate("Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    Candidate("Moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    Candidate("DashScope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    Candidate("Z.ai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
    Candidate("MiniMax", "https://api.minimax.io/v1", "MINIMAX_API_KEY"),
)


class Found(Struct, frozen=True):
    """A candidate that was asked. trouble: why it has no models; "" if it has. models: the backend's own ids."""

    candidate: Candidate
    key: Secret
    models: tuple[str, ...] = ()
    trouble: str = ""


async def find(
    net: Client,
    environment: Mapping[str, str],
    local: Iterable[Candidate] = LOCAL,
    vendors: Iterable[Candidate] = VENDORS,
) -> tuple[Found, ...]:
    """Ask all at once. Local ports where no models are found are left out, unless they want a key; a vendor whose key
    is set is always told of.
    """
    asked = [_at(candidate, environment) for candidate in vendors if environment.get(candidate.variable)]
    async with asyncio.TaskGroup() as asking:
        at_home = [asking.create_task(_ask(candidate, Secret(""), net)) for candidate in local]
        outside = [
            asking.create_task(_ask(candidate, Secret(environment[candidate.variable]), net)) for candidate in asked
        ]
    of_use = (f for task in at_home if (f := task.result()).models or f.trouble == _WANTS_A_KEY)
    return (*of_use, *(task.result() for task in outside))


def _at(candidate: Candidate, environment: Mapping[str, str]) -> Candidate:
    """Where the vendor's own SDK would find it."""
    url = environment.get(candidate.url_variable, "") if candidate.url_variable else ""
    return Candidate(candidate.title, url or candidate.url, candidate.variable, "", candidate.type)


async def _ask(candidate: Candidate, key: Secret, net: Client) -> Found:
    base = candidate.url.rstrip("/")
    if candidate.type == "anthropic":
        url = f"{base.removesuffix('/v1')}/v1/models?limit=1000"
        headers = [("x-api-key", key.reveal()), ("anthropic-version", "2023-06-01")]
    else:
        url = f"{base}/models"
        headers = [("authorization", f"Bearer {key.reveal()}")] if key else []
    try:
        async with asyncio.timeout(_LONGEST):
            status, body = await _get(url, headers, net)
    except Problem as problem:
        return Found(candidate, key, trouble=problem.public)
    except TimeoutError:
        return Found(candidate, key, trouble=f"it did not list its models within {_LONGEST:g} s")
    if status in (401, 403) and not key:
        return Found(candidate, key, trouble=_WANTS_A_KEY)
    if status != 200:
        return Found(candidate, key, trouble=f"it answers with HTTP {status}")
    try:
        models = _ids(jsons.read(body))
    except jsons.JSONError:
        return Found(candidate, key, trouble="its list of models is not JSON")
    return Found(candidate, key, models, "" if models else "it lists no models")


async def _get(url: str, headers: Sequence[tuple[str, str]], net: Client) -> tuple[int, bytes]:
    reply = await net.send("GET", url, headers, b"", _TIMEOUTS)
    try:
        return reply.status, await reply.read_all(_MAX_ANSWER)
    finally:
        reply.close()


def _ids(listed: Any) -> tuple[str, ...]:
    rows = listed.get("data") if isinstance(listed, dict) else None
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    ids = [row["id"] for row in rows if isinstance(row.get("id"), str) and row.get("owned_by") != "dragoman"]
    # Names are shown in a terminal, and whoever listens at a usual port may have made them up.
    return tuple(i for i in ids if i.isprintable() and not any(part in i.lower() for part in _NO_TEXT))


def config_of(found: Iterable[Found]) -> Config:
    """A configuration that serves what was found, models for embeddings or reranking last.

    A name that is taken is followed by the place it is at.
    """
    models: dict[str, ModelConfig] = {}
    for place in found:
        for model in dict.fromkeys(place.models):
            name = _free_name(public_name(model), place.candidate, models)
            backend = BackendConfig(url=place.candidate.url.rstrip("/"), api_key=place.key)
            models[name] = ModelConfig(name=name, model=model, backends=(backend,), type=place.candidate.type)
    return Config(models=tuple(sorted(models.values(), key=lambda model: not converses(model.backend_model))))


def _free_name(name: str, candidate: Candidate, taken: Container[str]) -> str:
    if name not in taken:
        return name
    placed = f"{name}@{urlsplit(candidate.url).port or candidate.title.lower()}"
    numbered = (f"{placed}-{number}" for number in count(2))
    return next(each for each in chain((placed,), numbered) if each not in taken)


def public_name(model: str) -> str:
    """llama-server names a model by the path of its file."""
    return model.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".gguf") if model.endswith(".gguf") else model
