"""What `dragoman serve` says when it starts: which models there are, and how each agent gets to them."""

import io
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragoman import __version__
from dragoman.agents import AGENTS
from dragoman.agents.agent import Choice, Model
from dragoman.config.schema import Config, ModelConfig
from dragoman.gateway import demo
from dragoman.routing.resolve import Router
from dragoman.routing.zero_config import Found

_MOST_ROWS = 25
_ANY_KEY = "dragoman"


def banner(config: Config, found: Iterable[Found], origin: str, router: Router, key: str = "") -> str:
    """found: what was looked for without a configuration file. origin: where we listen. router: knows the windows.

    key: the one that was made for this proxy; "" if none was.
    """
    console = Console(file=io.StringIO(), width=_width(), highlight=False)
    console.print(Text(f"Dragoman {__version__} listens on {origin}", style="bold"))
    console.print()
    console.print(_models(config, router))
    for place in found:
        if place.trouble:
            known_by = f"{place.candidate.variable} is set" if place.candidate.variable else place.candidate.url
            console.print(Text(f"{place.candidate.title} ({known_by}): {place.trouble}"))
    if any(backend.url == demo.URL for model in config.models for backend in model.backends):
        console.print(Text(_NO_MODEL))
    if config.serve_config_generator:
        console.print(Text(f"\nAgents' settings for every model: {origin}/"))
    if key:
        console.print(Text(_FIRST_KEY))
    console.print()
    key = key or ("YOUR-KEY" if config.keys else _ANY_KEY)
    first = config.models[0]
    for agent in AGENTS:
        choice = Choice(origin=origin, key=key, models=(Model(first.name, _window(first, router)),))
        console.print(Text(agent.title, style="bold"))
        console.print(Text(f"  {agent.connect(choice)}"), soft_wrap=True)
    out = console.file
    return out.getvalue() if isinstance(out, io.StringIO) else ""


_NO_MODEL = (
    "\nNo model server answered on this machine, so only a built-in demo model is served: it shows that an agent is"
    " wired correctly, and nothing else. Start Ollama, vLLM, llama-server, SGLang or LM Studio, or export"
    " OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENROUTER_API_KEY, and start again; or write a config.yaml"
    " (config.example.yaml shows how)."
)

_FIRST_KEY = (
    "\nOther machines can connect, so a key is needed, and none was given. One was made, and stands in the lines below; it"
    " stays the same as long as the data directory does. DRAGOMAN_KEY sets another."
)


def _models(config: Config, router: Router) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("MODEL", "BACKEND", "SPEAKS", "WINDOW"):
        table.add_column(title, overflow="fold")
    for model in config.models[:_MOST_ROWS]:
        window = _window(model, router)
        table.add_row(Text(model.name), Text(_where(model)), _speaks(model), f"{window:,}" if window else "")
    if len(config.models) > _MOST_ROWS:
        table.add_row(f"... and {len(config.models) - _MOST_ROWS} more", "", "", "")
    for alias, name in config.aliases.items():
        table.add_row(Text(alias), Text(f"alias of {name}"), "", "")
    return table


def _window(model: ModelConfig, router: Router) -> int | None:
    return router.known(model).context_window or model.context_window or None


def _where(model: ModelConfig) -> str:
    urls = [backend.url for backend in model.in_service]
    more = f" and {len(urls) - 1} more" if len(urls) > 1 else ""
    return f"{urls[0]}{more}" if urls else "(disabled)"


def _speaks(model: ModelConfig) -> str:
    return {"anthropic": "Messages", "responses": "Responses"}.get(model.type, "Chat Completions")


def _width() -> int:
    return max(80, Console().width)
