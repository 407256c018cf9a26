"""What `dragoman serve` says when it starts: which models there are, and how each agent gets to them."""

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from dragoman import __version__
from dragoman.agents import AGENTS
from dragoman.agents.agent import ANY_KEY, Choice, Model
from dragoman.cli.running import led_past
from dragoman.config.schema import Config, ModelConfig
from dragoman.gateway import demo
from dragoman.routing.resolve import Router
from dragoman.routing.zero_config import Found

_MOST_ROWS: Final = 25
_AGENTS_NEED: Final = 16_384  # tokens: instructions and tools, before a word was said
_NARROWEST: Final = 80  # columns


def banner(config: Config, found: Iterable[Found], origin: str, router: Router, key: str = "") -> str:
    """found: what was looked for without a configuration file. origin: where we listen. router: knows the windows.

    key: the one that was made for this proxy; "" if none was.
    """
    return "\n".join(_lines(config, found, origin, router, key)) + "\n"


def _lines(config: Config, found: Iterable[Found], origin: str, router: Router, key: str) -> Iterator[str]:
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    yield f"Dragoman {__version__} listens on {origin}"
    yield ""
    yield from _table(_models(config, router))
    chatty = [model for model in config.models if router.converses(model)]
    yield from (_cuts(model, window) for model in chatty if (window := _too_little(model, router)))
    for place in found:
        if place.trouble:
            known_by = f"{place.candidate.variable} is set" if place.candidate.variable else place.candidate.url
            yield f"{place.candidate.title} ({known_by}): {place.trouble}"
    if any(backend.url == demo.URL for model in config.models for backend in model.backends):
        yield ""
        yield textwrap.fill(_NO_MODEL, width)
    if config.serve_config_generator:
        yield ""
        yield f"Agents' settings for every model: {origin}/"
    if key:
        yield ""
        yield textwrap.fill(_FIRST_KEY, width)
    if past := led_past(origin, os.environ):
        yield ""
        yield textwrap.fill(past, width)
    yield ""
    key = key or ("YOUR-KEY" if config.keys else ANY_KEY)
    first = next((model for model in config.models if router.converses(model)), config.models[0])
    for agent in AGENTS:
        choice = Choice(origin=origin, key=key, models=(Model(first.name, _window(first, router)),))
        yield agent.title
        yield f"  {agent.connect(choice)}"


_NO_MODEL = (
    "No model server answered on this machine, so only a built-in demo model is served: it shows that an agent is"
    " wired correctly, and nothing else. Start Ollama, vLLM, llama-server, SGLang or LM Studio, or export"
    " OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENROUTER_API_KEY, and start again; or write a config.yaml"
    " (config.example.yaml shows how) and name it with --config."
)

_FIRST_KEY = (
    "Other machines can connect, so a key is needed, and none was given. One was made, and stands in the lines below; it"
    " stays the same as long as the data directory does. DRAGOMAN_KEY sets another."
)


def _models(config: Config, router: Router) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("MODEL", "BACKEND", "SPEAKS", "WINDOW")]
    for model in config.models[:_MOST_ROWS]:
        window = _window(model, router)
        speaks = _speaks(model) if router.converses(model) else "no conversations"
        rows.append((model.name, _where(model), speaks, f"{window:,}" if window else ""))
    if len(config.models) > _MOST_ROWS:
        rows.append((f"... and {len(config.models) - _MOST_ROWS} more", "", "", ""))
    rows += [(alias, f"alias of {name}", "", "") for alias, name in config.aliases.items()]
    return rows


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _window(model: ModelConfig, router: Router) -> int | None:
    return router.known(model).context_window or model.context_window or None


def _too_little(model: ModelConfig, router: Router) -> int | None:
    """The window of a model that loses an agent's prompt without a word."""
    window = _window(model, router)
    cuts = router.profile(model, "openai-chat").cuts_prompts
    return window if cuts and window and window < _AGENTS_NEED else None


def _cuts(model: ModelConfig, window: int) -> str:
    return (
        f"{model.name}: Ollama cuts prompts at {window:,} tokens without a word, and agents send more at once: start it"
        " with OLLAMA_CONTEXT_LENGTH=65536"
    )


def _where(model: ModelConfig) -> str:
    urls = [backend.url for backend in model.in_service]
    more = f" and {len(urls) - 1} more" if len(urls) > 1 else ""
    return f"{urls[0]}{more}" if urls else "(disabled)"


def _speaks(model: ModelConfig) -> str:
    return {"anthropic": "Messages", "responses": "Responses"}.get(model.type, "Chat Completions")
