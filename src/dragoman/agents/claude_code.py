"""Claude Code (2.1): speaks Messages, configured by environment variables, which its settings can hold too."""

from typing import Final

from dragoman.agents.agent import Agent, Choice, File, Model, Overlay, Slot, Start
from dragoman.agents.shells import line
from dragoman.wire import jsons

_USUAL_OUTPUT: Final = 32_000  # tokens it asks for of a model it does not know
_UNSAYABLE: Final = frozenset(";=,*")  # in a list of capabilities
# Where else it can reach its vendor's models. One that is switched on goes before the base URL.
_CLOUDS: Final = ("ANTHROPIC_AWS", "ANTHROPIC_GOOGLE_CLOUD", "BEDROCK", "FOUNDRY", "MANTLE", "VERTEX")
_NO_CLOUD: Final = {f"CLAUDE_CODE_USE_{cloud}": "0" for cloud in _CLOUDS}
_KEY: Final = "ANTHROPIC_AUTH_TOKEN"


def _essential(choice: Choice) -> dict[str, str]:
    said = {
        "ANTHROPIC_BASE_URL": choice.origin,
        _KEY: choice.key,
        "ANTHROPIC_API_KEY": "",  # of the vendor: it would go before the token
        "ANTHROPIC_MODEL": choice.at("sonnet"),
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": choice.at("haiku"),
        "ANTHROPIC_DEFAULT_SONNET_MODEL": choice.at("sonnet"),
        "ANTHROPIC_DEFAULT_OPUS_MODEL": choice.at("opus"),
    }
    window = _window(choice)
    if window is not None:
        # Of a model it does not know it believes that 1,000,000 tokens fit, and never compacts.
        said["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(window)
    return said


def environment(choice: Choice) -> dict[str, str]:
    said = _essential(choice)
    said["ANTHROPIC_DEFAULT_FABLE_MODEL"] = choice.at("opus")
    if "subagent" in choice.slots:
        said["CLAUDE_CODE_SUBAGENT_MODEL"] = choice.at("subagent")
    if (output := _output(choice)) < _USUAL_OUTPUT:
        said["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(output)
    if capabilities := _capabilities(choice):
        said["CLAUDE_CODE_MODEL_CAPABILITIES"] = capabilities
    said |= _NO_CLOUD
    said["CLAUDE_CODE_ATTRIBUTION_HEADER"] = "0"  # it changes with every request, and no prefix cache survives that
    said["ENABLE_TOOL_SEARCH"] = "auto"  # all tools at once where they take little of the window
    if choice.quiet:
        said["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"
    return said


def _chosen(choice: Choice) -> tuple[str, ...]:
    return tuple(dict.fromkeys(choice.at(slot.name) for slot in _SLOTS))


def _conversing(choice: Choice) -> list[Model]:
    """Those that whole conversations are held with. Haiku has small tasks, and should not make the others compact."""
    slots = ["sonnet", "opus", *(["subagent"] if "subagent" in choice.slots else [])]
    return [choice.known(name) for name in dict.fromkeys(choice.at(slot) for slot in slots)]


def _window(choice: Choice) -> int | None:
    """One number for all: the smallest."""
    return min((model.context_window for model in _conversing(choice) if model.context_window), default=None)


def _output(choice: Choice) -> int:
    limits = [model.max_output for model in _conversing(choice) if model.max_output]
    limits += [model.context_window // 4 for model in _conversing(choice) if model.context_window]
    return min(limits, default=_USUAL_OUTPUT)


def _capabilities(choice: Choice) -> str:
    """It believes that a model it does not know has what the newest of its vendor has."""
    names = [name for name in _chosen(choice) if choice.known(name).reasons is False]
    return ";".join(f"{name}=-effort" for name in names if not _UNSAYABLE & set(name))


def _file(choice: Choice) -> File:
    # Claude Code (2.1) takes a file with comments for "Invalid or malformed JSON", and reads none of it.
    values = {"env": environment(choice)}
    return File("~/.claude", ("settings.json",), "json", values, moved_by="CLAUDE_CONFIG_DIR", strict=True)


def _start(choice: Choice) -> Start:
    """By a file of settings, since what stands in `env` of the user's own goes before the environment."""
    overlay = Overlay({"env": environment(choice)}, option="--settings")
    return Start(("claude",), overlay=overlay)


def _connect(choice: Choice) -> str:
    """As `_start`. The key alone is a variable, for others on the machine can see command lines."""
    said = {name: value for name, value in (_essential(choice) | _NO_CLOUD).items() if name != _KEY}
    return line({_KEY: choice.key}, "claude", "--settings", jsons.write_text({"env": said}))


_SLOTS: Final = (
    Slot("sonnet", "Sonnet", "The model it starts with and works with most."),
    Slot("opus", "Opus", "For harder work: `/model opus`, and planning with `opusplan`."),
    Slot("haiku", "Haiku", "Small tasks beside the conversation."),
    Slot("subagent", "Sub-agents", "The agents it starts itself. Not chosen: the model of the conversation.", True),
)
AGENT: Final = Agent(
    "claude",
    "Claude Code",
    "@anthropic-ai/claude-code",
    _SLOTS,
    _file,
    _start,
    _connect,
    notes=(
        "`/model` changes between the slots; `claude` starts with Sonnet's.",
        "Its web search goes to the proxy, as its models' own tool.",
    ),
)
