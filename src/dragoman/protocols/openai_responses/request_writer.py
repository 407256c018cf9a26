"""Asking a Responses backend, whatever dialect the client spoke.

A client of this dialect is repeated: only what the proxy decides is said anew.
"""

import hashlib
from typing import Any, Final

from dragoman.hub.losses import Losses
from dragoman.hub.request import HostedTool, OutputFormat, Request, Sampling
from dragoman.hub.route import Backend, Profile, Route
from dragoman.protocols import effort
from dragoman.protocols.fields import Object
from dragoman.protocols.openai_responses.conversation import Conversation
from dragoman.protocols.openai_responses.response import said_in
from dragoman.protocols.openai_responses.tool_writer import write_tool_choice, write_tools
from dragoman.protocols.sessions import cache_key
from dragoman.protocols.verbosity import verbosity_for
from dragoman.wire import jsons

_DIALECT: Final = "openai-responses"
_MIN_OUTPUT: Final = 16  # the API takes no lower limit
_ENCRYPTED: Final = "reasoning.encrypted_content"
_LOGPROBS: Final = "message.output_text.logprobs"
_SOURCES: Final = "web_search_call.action.sources"
_UNSAID: Final = Sampling()
_LOST: Final = (
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "logit_bias",
)
_TIERS: Final = {"standard_only": "default"}  # the others have one name everywhere
# Of what a client of this dialect has said: what the proxy says itself, or keeps.
_DECIDED: Final = frozenset(
    [
        "model",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "stream",
        "store",
        "include",
        "previous_response_id",
        "type",
    ]
)


def write_request(request: Request, route: Route, backend: Backend, losses: Losses) -> bytes:
    profile, ours = backend.profile, request.dialect == _DIALECT
    conversation = Conversation(request, route, profile, losses)
    body: Object = {"model": route.backend_model}
    if conversation.instructions:
        body["instructions"] = conversation.instructions
    body["input"] = conversation.items
    has_tools = request.tools or conversation.brought
    if has_tools and (tools := write_tools(request, conversation.brought, losses)):
        body["tools"] = tools
        if request.tool_choice is not None:
            body["tool_choice"] = write_tool_choice(request, conversation.brought, losses)
        if request.parallel_tools is not None:
            body["parallel_tool_calls"] = request.parallel_tools
    body |= _limits(request, route, losses)
    if request.sampling != _UNSAID:
        body |= _sampling(request, profile, losses)
    # Nothing of ours is looked for at the backend later: what is kept, the proxy keeps.
    body |= {"store": False, "include": _include(request)}
    if request.stream:
        body["stream"] = True
    if ours:
        body |= _own(request)
    else:
        body |= _wishes(request, profile, losses)
        if profile.openai_fields:
            body |= _account(request, [conversation.instructions or conversation.items[:1], body.get("tools")])
    return jsons.write(body)


def _own(request: Request) -> Object:
    """What only this dialect says, as it was said."""
    said = {key: value for key, value in said_in(request).items() if value is not None and key not in _DECIDED}
    effort_wanted = request.reasoning.effort
    if effort_wanted is not None and "reasoning" not in said and not _is_configured_on_the_way(request):
        said["reasoning"] = {"effort": effort_wanted}  # the model's default
    return said


def _is_configured_on_the_way(request: Request) -> bool:
    parts = (part for turn in request.turns for part in turn.parts)
    return any(getattr(part, "kind", None) == "configuration_update" for part in parts)


def _include(request: Request) -> list[Any]:
    wanted: list[Any] = []
    if request.dialect == _DIALECT:
        said = said_in(request).get("include")
        wanted = [*said] if isinstance(said, list) else []
    else:
        for tool in request.tools:
            if isinstance(tool, HostedTool) and tool.kind == "web_search":
                wanted.append(_SOURCES)  # clients of other dialects are shown what was found
                break
        if request.sampling.logprobs:
            wanted.append(_LOGPROBS)
    return wanted if _ENCRYPTED in wanted else [*wanted, _ENCRYPTED]


def _wishes(request: Request, profile: Profile, losses: Losses) -> Object:
    said = _reasoning(request, profile, losses)
    if request.output_format is not None:
        said["text"] = {"format": _format(request.output_format)}
    if request.verbosity is not None and (verbosity := verbosity_for(request, profile, losses)):
        said["text"] = {**said.get("text", {}), "verbosity": verbosity}
    return said


def _limits(request: Request, route: Route, losses: Losses) -> Object:
    limit = request.max_tokens
    if limit is None:
        return {}
    wanted = max(limit, _MIN_OUTPUT)
    if route.max_output is not None and wanted > route.max_output:
        losses.silent("max_tokens", f"lowered from {limit} to {route.max_output}, the most this model can say")
        wanted = route.max_output
    return {"max_output_tokens": wanted}


def _sampling(request: Request, profile: Profile, losses: Losses) -> Object:
    sampling, ours = request.sampling, request.dialect == _DIALECT
    if sampling.n is not None and sampling.n > 1:
        losses.refuse("n", "this backend gives one answer at a time; ask several times")
    for name in _LOST:
        if getattr(sampling, name):
            losses.warn(name, "this backend has no such setting")
    said: Object = {name: value for name in ("temperature", "top_p") if (value := getattr(sampling, name)) is not None}
    if profile.sampling == "none" and not ours:
        for name in said:
            losses.warn(name, "this model takes no sampling settings")
        said = {}
    if sampling.top_logprobs is not None and not ours:
        said["top_logprobs"] = sampling.top_logprobs
    return said


def _reasoning(request: Request, profile: Profile, losses: Losses) -> Object:
    """Summaries are asked for wherever the client shows reasoning: the text itself never leaves OpenAI."""
    said: Object = {}
    wanted = effort.wanted(request.reasoning)
    if wanted is not None:
        word = effort.nearest(wanted, profile.efforts)
        if word is not None:
            said["effort"] = word
        if word != wanted and (word or wanted != "none"):
            why = (
                f"{wanted!r} is said as {word!r}, the nearest this model knows"
                if word
                else "this model has no such setting"
            )
            losses.silent("reasoning", why)
    if profile.efforts and wanted != "none" and request.reasoning.display != "omitted":
        said["summary"] = "auto"
    return {"reasoning": said} if said else {}


def _format(wanted: OutputFormat) -> Object:
    if wanted.schema is None:
        return {"type": "json_object"}
    said: Object = {"type": "json_schema", "name": wanted.name or "response", "schema": wanted.schema}
    if wanted.description is not None:
        said["description"] = wanted.description
    return {**said, "strict": wanted.strict is None or wanted.strict}


def _account(request: Request, beginning: list[Any]) -> Object:
    """Who asks: told to OpenAI itself only, and hashed. Other vendors need not know.

    beginning: of the prompt.
    """
    said: Object = {"prompt_cache_key": cache_key(request, beginning)}
    if request.user is not None:
        said["safety_identifier"] = hashlib.sha256(request.user.encode()).hexdigest()
    if (tier := request.service_tier) is not None:
        said["service_tier"] = _TIERS.get(tier, tier)
    return said
