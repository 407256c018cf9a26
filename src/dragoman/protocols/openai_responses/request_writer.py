"""Asking a Responses backend, whatever dialect the client spoke."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, assert_never

from dragoman.hub.losses import Losses
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, OutputFormat, Request, Tool, ToolChoice
from dragoman.hub.route import Profile, Route
from dragoman.protocols import effort, schemas, tool_names
from dragoman.protocols.fields import Object
from dragoman.protocols.openai_responses.conversation import Conversation
from dragoman.wire import jsons

_DIALECT: Final = "openai-responses"
_MIN_OUTPUT: Final = 16  # the API takes no lower limit
_LOST: Final = (
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "logit_bias",
)
_TIERS: Final = {"auto": "auto", "standard_only": "default"}


def write_request(request: Request, route: Route, profile: Profile, losses: Losses) -> bytes:
    ours = request.dialect == _DIALECT
    conversation = Conversation(request, profile, losses)
    body: Object = {"model": route.backend_model}
    if conversation.instructions:
        body["instructions"] = conversation.instructions
    body["input"] = conversation.items
    tools = _tools(request, conversation.brought, losses)
    if tools:
        body["tools"] = tools
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice, request)
        if request.parallel_tools is not None:
            body["parallel_tool_calls"] = request.parallel_tools
    body |= _limits(request, route, losses)
    body |= _sampling(request, profile, losses)
    body |= _reasoning(request, profile, losses)
    if request.output_format is not None:
        body["text"] = {"format": _format(request.output_format, ours=ours)}
    body |= _account(request, profile)
    # Nothing of ours is looked for at the backend later: what is kept, the proxy keeps.
    body["store"] = False
    body["include"] = ["reasoning.encrypted_content"]
    if request.stream:
        body["stream"] = True
    if ours:
        body |= _own(request, body)
    return jsons.write(body)


def _own(request: Request, body: Object) -> Object:
    """What only this dialect says, as it was said."""
    echo: Any = request.extra.get("echo")
    said = {key: value for key, value in request.extra.items() if key not in ("echo", "store", "previous_response_id")}
    verbosity = echo.get("text", {}).get("verbosity") if isinstance(echo, dict) else None
    if verbosity is not None:
        said["text"] = {**body.get("text", {}), "verbosity": verbosity}
    include = said.get("include")
    if isinstance(include, list):
        said["include"] = list(dict.fromkeys([*include, "reasoning.encrypted_content"]))
    return said


def _tools(request: Request, brought: Sequence[Tool], losses: Losses) -> list[Object]:
    ours = request.dialect == _DIALECT
    written: list[Object] = []
    namespaces: dict[str, Object] = {}
    for tool in (*request.tools, *brought):
        said = _tool(tool, losses, ours=ours)
        namespace = None if isinstance(tool, HostedTool) else tool.namespace
        if said is None:
            continue
        if namespace is None:
            written.append(said)
        elif namespace in namespaces:
            namespaces[namespace]["tools"].append(said)
        else:
            namespaces[namespace] = {"type": "namespace", "name": namespace, "description": "", "tools": [said]}
            written.append(namespaces[namespace])
    return written


def _tool(tool: Tool, losses: Losses, *, ours: bool) -> Object | None:
    match tool:
        case FunctionTool(kind="tool_search", extra={"raw": dict(raw)}):
            return raw
        case FunctionTool(kind="local_shell" | "shell" | "apply_patch" as kind):
            return {"type": kind}
        case FunctionTool():
            return _function(tool, ours=ours)
        case CustomTool():
            wanted: Object = {"type": "text"}
            if tool.definition is not None:
                wanted = {"type": "grammar", "syntax": tool.syntax, "definition": tool.definition}
            about = {} if tool.description is None else {"description": tool.description}
            return {"type": "custom", "name": tool.name, **about, "format": wanted, **(tool.extra if ours else {})}
        case HostedTool(dialect="openai-responses", raw=dict(raw)):
            return raw
        case HostedTool(kind="web_search", raw=dict(raw)):
            return _web_search(raw)
        case HostedTool(kind="placeholder"):
            return None
        case HostedTool(kind="web_fetch" | "tool_search" as kind):
            losses.warn(f"tools.{kind}", "left out: this backend has no such tool of its own")
            return None
        case HostedTool(kind=kind):
            losses.refuse(f"tools.{kind}", "this backend has no such tool of its own; leave it out", lenient=True)
            return None
        case _:
            assert_never(tool)


def _web_search(raw: Object) -> Object:
    """Anthropic's web search, as OpenAI's."""
    said: Object = {"type": "web_search"}
    if domains := raw.get("allowed_domains"):
        said["filters"] = {"allowed_domains": domains}
    if isinstance(place := raw.get("user_location"), dict):
        said["user_location"] = place
    return said


def _function(tool: FunctionTool, *, ours: bool) -> Object:
    """`strict` is always said: the API tries it by itself otherwise, and changes the schema on its way."""
    said: Object = {"type": "function", "name": tool.name if ours else tool_names.fit(tool.name)}
    if tool.description is not None:
        said["description"] = tool.description
    said["parameters"] = tool.schema if ours else schemas.of_arguments(tool.schema)
    said["strict"] = tool.strict if ours else tool.strict or False
    if tool.deferred and ours:
        said["defer_loading"] = True
    return {**said, **(tool.extra if ours else {})}


def _tool_choice(choice: ToolChoice, request: Request) -> Any:
    kinds = {tool.name: "custom" for tool in request.tools if isinstance(tool, CustomTool)}
    kinds |= {
        tool.name: tool.kind
        for tool in request.tools
        if isinstance(tool, FunctionTool) and tool.builtin is not None and tool.kind != "function"
    }
    named = [_choice(name, kinds.get(name, "function")) for name in choice.names]
    match choice.mode:
        case "named":
            return named[0]
        case "allowed":
            return {"type": "allowed_tools", "mode": "required" if choice.required else "auto", "tools": named}
        case "auto" | "required" | "none":
            return choice.mode
        case _:
            assert_never(choice.mode)


def _choice(name: str, kind: str) -> Object:
    if kind in ("function", "custom"):
        return {"type": kind, "name": tool_names.fit(name)}
    return {"type": kind}


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
    sampling = request.sampling
    if sampling.n is not None and sampling.n > 1:
        losses.refuse("n", "this backend gives one answer at a time; ask several times")
    for name in _LOST:
        if getattr(sampling, name):
            losses.warn(name, "this backend has no such setting")
    said = {name: value for name in ("temperature", "top_p") if (value := getattr(sampling, name)) is not None}
    if said and profile.sampling == "none" and request.dialect != _DIALECT:
        for name in said:
            losses.warn(name, "this model takes no sampling settings")
        said = {}
    if sampling.top_logprobs is not None:
        said["top_logprobs"] = sampling.top_logprobs
    return said


def _reasoning(request: Request, profile: Profile, losses: Losses) -> Object:
    """Summaries are asked for wherever the client shows reasoning: the text itself never leaves OpenAI."""
    said: Object = {}
    wanted = effort.wanted(request.reasoning)
    if request.dialect == _DIALECT:
        echo: Any = request.extra.get("echo")
        own = echo.get("reasoning") if isinstance(echo, dict) else None
        return (
            {"reasoning": {key: v for key, v in own.items() if v is not None}}
            if isinstance(own, dict) and any(own.values())
            else {}
        )
    if wanted is not None:
        word = effort.nearest(wanted, profile.efforts)
        if word is not None:
            said["effort"] = word
        elif wanted != "none":
            losses.silent("reasoning", "this backend has no setting for it")
    if profile.efforts and wanted != "none" and request.reasoning.display != "omitted":
        said["summary"] = "auto"
    return {"reasoning": said} if said else {}


def _format(wanted: OutputFormat, *, ours: bool) -> Object:
    if wanted.schema is None:
        return {"type": "json_object"}
    said: Object = {"type": "json_schema", "name": wanted.name or "response", "schema": wanted.schema}
    if wanted.description is not None:
        said["description"] = wanted.description
    strict = wanted.strict if ours or wanted.strict is not None else True
    return said if strict is None else {**said, "strict": strict}


def _account(request: Request, profile: Profile) -> Object:
    """Who asks: told to OpenAI itself only, and hashed. Other vendors need not know."""
    if request.dialect == _DIALECT:
        wishes = {
            "prompt_cache_key": request.cache_key,
            "service_tier": request.service_tier,
            "safety_identifier": request.user,
        }
        return {key: value for key, value in wishes.items() if value is not None}
    said: Object = {}
    if not profile.openai_fields:
        return said
    if request.user is not None:
        said["safety_identifier"] = hashlib.sha256(request.user.encode()).hexdigest()
    if (key := request.cache_key or request.session) is not None:
        said["prompt_cache_key"] = hashlib.sha256(key.encode()).hexdigest()[:32]
    if (tier := _TIERS.get(request.service_tier or "")) is not None:
        said["service_tier"] = tier
    return said
