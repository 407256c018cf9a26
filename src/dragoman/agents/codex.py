"""Codex (0.169): speaks Responses; configured by TOML, of which single values may come on the command line."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dragoman.agents.agent import KEY_VARIABLE, PROVIDER, Agent, Choice, File, Slot, Start
from dragoman.agents.shells import line

# What Codex tells the model it is. Without a catalog it sends its vendor's prompt for an unknown model.
_INSTRUCTIONS: Final = """\
You are a coding agent working in the user's terminal through Codex. You and the user share one workspace.

# Working
- Keep going until the task is done. Find out what you need with your tools rather than asking or guessing.
- Read the code around what you change and keep to its style. Change what the task needs and no more.
- Follow AGENTS.md files: the one nearest to a file applies to it; what the user says goes before them.
- Never undo changes you did not make, and never run destructive git commands unless you are asked to.
- When you have changed something, check it: run the tests, the build or the program, as far as there is one.

# Tools
- Run commands with the shell tool; prefer `rg` for searching. Independent calls may be made at once.
- Edit files with `apply_patch` where you have it. A patch begins with `*** Begin Patch` and ends with
  `*** End Patch`; between them each file has a header (`*** Add File: path`, `*** Update File: path`,
  `*** Delete File: path`). In an update, hunks begin with `@@`, and every line with ` `, `-` or `+`.
- Give tool arguments exactly as their schema wants them.

# Talking
- Before a longer step say in one sentence what you are about to do.
- At the end say briefly what you did, what you found, and what is left. Name files by their path.
"""
_EFFORTS: Final = {
    "none": "No reasoning",
    "minimal": "Hardly any reasoning",
    "low": "Fast answers with light reasoning",
    "medium": "A balance of speed and depth",
    "high": "Deep reasoning for complex problems",
    "xhigh": "Deeper reasoning still",
    "max": "As much reasoning as there can be",
}
_TOOL_OUTPUT: Final = 10_000  # tokens of a tool's output that are kept
# Measured with 0.171. A profile may also say what Codex is allowed to do, so the line is the user's to remove.
_OLD_PROFILE: Final = (
    "A line `profile = ...` in config.toml has to go: with it Codex does not start, and older releases take their model"
    " from that profile. What stands under `[profiles.NAME]` goes into a file NAME.config.toml beside it, for"
    " `codex --profile NAME`."
)


def catalog_entry(
    name: str, place: int, context_window: int | None, efforts: Sequence[str], *, vision: bool
) -> dict[str, Any]:
    """One model of the catalog that Codex asks for with `GET /v1/models?client_version=`.

    place: in the list. An entry that lacks a field makes Codex drop the whole list. The tool shapes it names are those
    every backend can be told: function tools and a free-text `apply_patch`, no wrapping in namespaces or programs.
    """
    levels = [{"effort": effort, "description": _EFFORTS[effort]} for effort in efforts if effort in _EFFORTS]
    entry: dict[str, Any] = {
        "slug": name,
        "display_name": name,
        "description": "Served through Dragoman.",
        "supported_reasoning_levels": levels,
        "shell_type": "unified_exec",
        "visibility": "list",
        "supported_in_api": True,
        "priority": place,
        "base_instructions": _INSTRUCTIONS,
        "support_verbosity": False,
        "apply_patch_tool_type": "freeform",
        "web_search_tool_type": "text",
        "truncation_policy": {"mode": "tokens", "limit": _TOOL_OUTPUT},
        "experimental_supported_tools": [],
        "input_modalities": ["text", "image"] if vision else ["text"],
        "supports_search_tool": False,
        "use_responses_lite": False,
        "include_skills_usage_instructions": True,
        "include_plugin_usage_instructions": True,
        "effective_context_window_percent": 95,
    }
    if levels:
        entry["default_reasoning_level"] = levels[len(levels) // 2]["effort"]
    if context_window is not None:
        entry |= {"context_window": context_window, "max_context_window": context_window}
    return entry


def _values(choice: Choice) -> dict[str, Any]:
    model = choice.known(choice.at("model"))
    said: dict[str, Any] = {"model": model.name, "model_provider": PROVIDER}
    if model.context_window is not None:
        said["model_context_window"] = model.context_window
    if choice.effort:
        said["model_reasoning_effort"] = choice.effort
    if choice.search:
        said["web_search"] = "live"
    if choice.quiet:
        said |= {"check_for_update_on_startup": False, "analytics": {"enabled": False}}
    return said


def _provider(choice: Choice) -> dict[str, Any]:
    return {
        "name": "Dragoman",
        "base_url": f"{choice.origin}/v1",
        "wire_api": "responses",
        "model_catalog_url": f"{choice.origin}/v1/models",
    }


def _file(choice: Choice) -> File:
    provider = {**_provider(choice), "experimental_bearer_token": choice.key}
    values = {**_values(choice), "model_providers": {PROVIDER: provider}}
    return File(
        "~/.codex",
        ("config.toml",),
        "toml",
        values,
        moved_by="CODEX_HOME",
        cleared={"model_providers": {PROVIDER: {"env_key": None}}},  # it goes before the token, and may not be set
        hindrances={"profile": _OLD_PROFILE},
    )


def _start(choice: Choice) -> Start:
    return _command(choice, _values(choice))


def _command(choice: Choice, values: Mapping[str, Any]) -> Start:
    """Values after `-c` are TOML, and what is no TOML is taken as it stands: none needs quotes."""
    said = _flat({key: value for key, value in values.items() if key != "model"})
    said |= _flat({"model_providers": {PROVIDER: {**_provider(choice), "env_key": KEY_VARIABLE}}})
    options = [option for name, value in said.items() for option in ("-c", f"{name}={value}")]
    return Start(("codex", "-m", choice.at("model"), *options), {KEY_VARIABLE: choice.key})


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, str]:
    said: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            said |= _flat(value, f"{path}{key}.")
        else:
            said[f"{path}{key}"] = str(value).lower() if isinstance(value, bool) else str(value)
    return said


def _connect(choice: Choice) -> str:
    wanted = ("model_provider", "model_context_window")
    start = _command(choice, {key: value for key, value in _values(choice).items() if key in wanted})
    return line(start.environment, *start.command)


AGENT: Final = Agent(
    "codex",
    "Codex",
    "@openai/codex",
    (Slot("model", "Model", "The one model it works with; `-m` names another."),),
    _file,
    _start,
    _connect,
    notes=(
        "The proxy's catalog tells it each model's window, efforts and tools: `codex -m NAME` works with any of them.",
    ),
    has_effort=True,
    has_window=True,
)
