"""How much a Messages backend is asked to think, and how much it may say: the two bound each other."""

from typing import Final

from dragoman.hub.losses import Losses
from dragoman.hub.request import Effort, Reasoning, Request, Thinking, ToolCall
from dragoman.hub.route import Profile, Route
from dragoman.protocols import effort
from dragoman.protocols.fields import Object

_DIALECT: Final = "anthropic-messages"
_DEFAULT_MAX_TOKENS: Final = 32_000  # the API demands a limit; 4,096 would cut agents' file writes
_MIN_BUDGET: Final = 1_024
_UNSAID: Final = Reasoning()
# The dialect's own words for Reasoning.mode and Profile.thinking_types.
_TYPES: Final = {"budget": "enabled", "off": "disabled"}
# What is sent for what was asked: the first that the model takes.
_NEAREST: Final = {
    "enabled": ("enabled", "adaptive"),
    "adaptive": ("adaptive", "enabled"),
    "between_tools": ("between_tools", "disabled"),
    "disabled": ("disabled",),
}
_THINKS: Final = ("enabled", "adaptive")


def limit_and_thinking(request: Request, route: Route, profile: Profile, losses: Losses) -> tuple[int, Object | None]:
    """Return `max_tokens` and `thinking`, None where nothing is to be said of it."""
    limit = _limit(request, route, losses)
    if request.reasoning == _UNSAID:
        return limit, None
    asked = _asked(request)
    kind = _taken(asked, request, profile, losses) if asked is not None else None
    if kind is None:
        return limit, None
    said: Object = {"type": kind}
    if kind == "enabled":
        limit, budget = _budget(request, limit, route, losses)
        if budget is None:
            return limit, None
        said["budget_tokens"] = budget
    if (display := _display(request, kind)) is not None:
        said["display"] = display
    return limit, said


def _limit(request: Request, route: Route, losses: Losses) -> int:
    limit = request.max_tokens
    if limit is None or limit < 0:
        return route.max_output or _DEFAULT_MAX_TOKENS
    if route.max_output is not None and limit > route.max_output:
        losses.silent("max_tokens", f"lowered from {limit} to {route.max_output}, the most this model can say")
        return route.max_output
    return limit


def _asked(request: Request) -> str | None:
    """The `thinking.type` that would say what was asked for. Clients of other dialects ask with an effort only."""
    mode = request.reasoning.mode
    if mode is not None:
        return _TYPES.get(mode, mode)
    if request.dialect == _DIALECT:
        return None
    wanted = effort.wanted(request.reasoning)
    return None if wanted is None else "disabled" if wanted == "none" else "adaptive"


def _taken(asked: str, request: Request, profile: Profile, losses: Losses) -> str | None:
    """The type that comes nearest to it and that the model takes in this conversation."""
    types = [_TYPES.get(name, name) for name in profile.thinking_types]
    kind = next((kind for kind in _NEAREST[asked] if kind in types), None)
    as_said = request.dialect == _DIALECT and kind == asked
    if kind is None:
        losses.silent("thinking", f"this model knows no thinking of type {asked}")
    elif kind in _THINKS and not as_said and (why := _hindrance(kind, request)) is not None:
        losses.warn("thinking" if request.dialect == _DIALECT else "reasoning_effort", f"left out: {why}")
        return None
    return kind


def _hindrance(kind: str, request: Request) -> str | None:
    """Why thinking would be a 400 here, None if it would not."""
    if request.tool_choice is not None and request.tool_choice.mode in ("required", "named"):
        return "this model cannot think when a tool is forced"
    if kind == "adaptive":
        return None
    if request.turns and request.turns[-1].role == "assistant":
        return "this model cannot think when its answer is begun for it"
    last = next((turn for turn in reversed(request.turns) if turn.role == "assistant"), None)
    if last is None or not any(isinstance(part, ToolCall) and part.by != "backend" for part in last.parts):
        return None
    sealed = any(
        isinstance(part, Thinking) and part.seal is not None and part.seal.dialect == _DIALECT for part in last.parts
    )
    return None if sealed else "the signed reasoning before the last tool call did not come back"


def _budget(request: Request, limit: int, route: Route, losses: Losses) -> tuple[int, int | None]:
    """The limit, which may have to grow, and the budget below it; None where there is no room to think."""
    wanted, said = request.reasoning.budget, request.dialect == _DIALECT and request.reasoning.mode == "budget"
    if wanted is None or not said:
        wanted, said = effort.BUDGET[_effort_or_medium(request)], False
    if said and wanted < limit:
        return limit, wanted
    if wanted >= limit and route.max_output is not None:
        limit = min(route.max_output, limit + wanted)
    budget = min(wanted, limit - _MIN_BUDGET)
    if budget < _MIN_BUDGET:
        losses.warn("max_tokens", "leaves no room to think, so this model is not asked to")
        return limit, None
    if said:
        losses.silent("thinking.budget_tokens", "lowered: it has to stay below max_tokens")
    return limit, budget


def _effort_or_medium(request: Request) -> Effort:
    wanted = effort.wanted(request.reasoning)
    return "medium" if wanted in (None, "none") else wanted


def _display(request: Request, kind: str) -> str | None:
    """Clients of other dialects cannot ask to see the reasoning, and always do where there is any."""
    if request.dialect == _DIALECT:
        return request.reasoning.display
    return "summarized" if kind == "adaptive" else None


def thinks(thinking: Object | None) -> bool:
    return thinking is not None and thinking["type"] in _THINKS


def output_effort(request: Request, thinking: Object | None, profile: Profile, losses: Losses) -> str | None:
    """Return `output_config.effort`, None for none. thinking: as it is sent."""
    reasoning, said = request.reasoning, request.dialect == _DIALECT and request.reasoning.effort is not None
    wanted = reasoning.effort if said else effort.wanted(reasoning)
    if wanted == "none":
        # A model that cannot be told not to think is told to think least.
        silent = thinking is None and "adaptive" in profile.thinking_types
        return profile.efforts[0] if silent and profile.efforts else None
    adapted = thinking is not None and thinking["type"] == "adaptive" and reasoning.mode != "adaptive"
    if wanted is None or not (said or adapted):
        return None
    word = effort.nearest(wanted, profile.efforts)
    if word != wanted:
        losses.silent("effort", f"{wanted!r} is said as {word!r}" if word else "this model knows no effort")
    return word
