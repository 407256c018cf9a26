"""How much a Chat Completions backend is asked to think: by a word, by a switch, or not at all."""

from typing import Final

from dragoman.hub.losses import Losses
from dragoman.hub.request import Effort, Request
from dragoman.hub.route import Profile
from dragoman.protocols import effort
from dragoman.protocols.fields import Object

_DIALECT: Final = "openai-chat"


def write_thinking(request: Request, profile: Profile, losses: Losses) -> tuple[Object, bool]:
    """Return the members that say it, and whether the model may think."""
    wanted = effort.wanted(request.reasoning)
    if request.reasoning.budget is not None:
        losses.silent("thinking.budget_tokens", "other backends are asked in words, not in tokens")
    on = None if profile.thinking_switch is None else _on(wanted, request, profile, losses)
    said = {} if on is None else _switch(profile, on=on)
    if on is False or (wanted == "none" and profile.thinking_switch is not None):
        return said, False
    word = None if wanted is None else _word(wanted, request, profile, losses)
    if word is not None:
        said["reasoning_effort"] = word
        if profile.template_effort:
            said["chat_template_kwargs"] = {**said.get("chat_template_kwargs", {}), "reasoning_effort": word}
    return said, word != "none"


def _on(wanted: Effort | None, request: Request, profile: Profile, losses: Losses) -> bool | None:
    """How the backend's switch is to be set; None = not at all."""
    asked = None if wanted is None else wanted != "none"
    if asked is False:
        return False
    choice = request.tool_choice
    forced = choice is not None and (choice.mode in ("named", "required") or choice.required)
    why = ""
    if profile.thinking_streams_only and not request.stream:
        why = "this backend thinks only where the answer is streamed"
    elif profile.forced_tools == "not_thinking" and forced:
        why = "this backend cannot think when a tool is forced"
    if not why:
        return asked
    (losses.warn if asked else losses.silent)("reasoning", why)
    return False


def _switch(profile: Profile, *, on: bool) -> Object:
    name = profile.thinking_switch or ""
    match profile.thinking_form:
        case "template":
            return {"chat_template_kwargs": {name: on}}
        case "member":
            return {name: on}
        case "type":
            return {name: {"type": "enabled" if on else "disabled"}}


def _word(wanted: Effort, request: Request, profile: Profile, losses: Losses) -> str | None:
    if request.dialect == _DIALECT and not (profile.efforts or profile.refuses_efforts or profile.thinking_switch):
        return wanted  # nothing is known of this backend, and the client asked it in its own words
    word = effort.nearest(wanted, profile.efforts)
    if word is None or (wanted == "none" and word not in ("none", "minimal")):
        losses.silent("reasoning", "this backend has no setting for it")
        return None
    if word != wanted:
        losses.silent("reasoning", f"{wanted!r} is said as {word!r}, the nearest this backend knows")
    return word
