"""Codex (0.169): speaks Responses; configured by TOML, of which single values may come on the command line."""

from collections.abc import Sequence
from typing import Any, Final

from dragoman.agents.agent import Agent, Choice, line
from dragoman.wire import jsons

_KEY: Final = "DRAGOMAN_KEY"
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


def _connect(choice: Choice) -> str:
    """Values after `-c` are TOML, and JSON's strings are TOML's."""

    def quoted(text: str) -> str:
        return jsons.write_text(text)

    provider = {
        "name": quoted("Dragoman"),
        "base_url": quoted(f"{choice.origin}/v1"),
        "env_key": quoted(_KEY),
        "wire_api": quoted("responses"),
        "model_catalog_url": quoted(f"{choice.origin}/v1/models"),
    }
    settings = ["model_provider=dragoman"]
    settings += [f"model_providers.dragoman.{name}={value}" for name, value in provider.items()]
    if choice.context_window is not None:
        settings.append(f"model_context_window={choice.context_window}")
    options = [option for setting in settings for option in ("-c", setting)]
    return line({_KEY: choice.key}, "codex", "-m", choice.model, *options)


AGENT: Final = Agent("Codex", _connect)
