"""Requests in the shapes the coding agents send, written by hand: Claude Code 2.1, OpenCode 1.18, Qwen Code 0.24."""

from typing import Any, Final

from dragoman.hub.request import Dialect
from dragoman.wire import jsons

Object = dict[str, Any]

PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
PDF: Final = "JVBERi0xLjQKJeLjz9MKMyAwIG9iago="
EPHEMERAL: Final = {"type": "ephemeral"}


def text(said: str, **more: object) -> Object:
    return {"type": "text", "text": said, **more}


def schema(*names: str, **more: object) -> Object:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
        **more,
    }


_JSON_SCHEMA: Final = {"$schema": "https://json-schema.org/draft/2020-12/schema", "additionalProperties": False}
_BASH: Final = {"name": "Bash", "description": "Run a command.", "input_schema": schema("command", **_JSON_SCHEMA)}
_READ: Final = {"name": "Read", "description": "Read a file.", "input_schema": schema("file_path", **_JSON_SCHEMA)}
_SEARCH: Final = {"name": "ToolSearch", "description": "Find tools.", "input_schema": schema("query", **_JSON_SCHEMA)}
_PLACEHOLDER: Final = {
    "name": "DeferredToolPlaceholder",
    "description": "Never shown.",
    "input_schema": {"type": "object", "properties": {}},
    "defer_loading": True,
}
_FETCH: Final = {**_READ, "name": "WebFetch", "description": "Fetch a page.", "defer_loading": True}

CLAUDE_CODE: Final[Object] = {
    "model": "lab-model",
    "max_tokens": 32_000,
    "system": [
        text("x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=sdk-cli; cch=0d5f1;"),
        text("You are a coding agent.", cache_control=EPHEMERAL),
        text("Work in small steps.", cache_control=EPHEMERAL),
    ],
    "messages": [
        {
            "role": "user",
            "content": [text("<system-reminder>\nToday is Sunday.\n</system-reminder>"), text("Look at shot.png")],
        },
        {"role": "system", "content": [text("Deferred tools: WebFetch, Monitor")]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Two things at once.", "signature": ""},
                text("I look."),
                {"type": "tool_use", "id": "toolu_01A", "name": "Read", "input": {"file_path": "/tmp/shot.png"}},
                {
                    "type": "tool_use",
                    "id": "toolu_01B",
                    "name": "Bash",
                    "input": {"command": "ls 'é'"},
                    "caller": {"type": "direct"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01B", "content": "ls: cannot access", "is_error": True},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01A",
                    "content": [
                        {"source": {"type": "base64", "data": PNG, "media_type": "image/png"}, "type": "image"}
                    ],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_01C", "name": "ToolSearch", "input": {"query": "select:WebFetch"}}
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01C",
                    "content": [{"type": "tool_reference", "tool_name": "WebFetch"}],
                },
                text("Tool loaded."),
            ],
        },
        {"role": "system", "content": "1,234 tokens left"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_01D", "name": "Read", "input": {"file_path": "/tmp/a.pdf"}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01D",
                    "content": [
                        text("PDF of 1 page"),
                        {
                            "type": "document",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                        },
                    ],
                    "cache_control": EPHEMERAL,
                }
            ],
        },
    ],
    "tools": [_BASH, _READ, _SEARCH, _PLACEHOLDER, _FETCH],
    "thinking": {"type": "adaptive", "display": "updates"},
    "output_config": {"effort": "high"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "metadata": {"user_id": '{"device_id":"d","account_uuid":"a","session_id":"6f9619ff-8b86-d011-b42d-00cf4fc964ff"}'},
    "stream": True,
}

_OLDER_CLAUDE_CODE: Final[Object] = {
    **CLAUDE_CODE,
    "messages": [{"role": "user", "content": "hi"}],
    "thinking": {"type": "enabled", "budget_tokens": 31_999, "display": "updates"},
    "output_config": None,
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
}

_WEB_SEARCH: Final[Object] = {
    "model": "lab-model",
    "max_tokens": 32_000,
    "system": "You search the web.",
    "messages": [{"role": "user", "content": [text("Perform a web search for the query: weather")]}],
    "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "disabled"},
    "temperature": 1,
    "stream": True,
}

QWEN_AS_CLAUDE: Final[Object] = {
    "model": "lab-model",
    "max_tokens": 32_000,
    "temperature": 1,
    "thinking": {"type": "enabled", "budget_tokens": 32_000},
    "messages": [{"role": "user", "content": [text("hi")]}],
    "stream": True,
}

_SERVER_TOOLS: Final[Object] = {
    "model": "lab-model",
    "max_tokens": 4_096,
    "messages": [
        {"role": "user", "content": "What is new?"},
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "news"}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "srvtoolu_1",
                    "content": [
                        {
                            "type": "web_search_result",
                            "title": "T",
                            "url": "https://a.example",
                            "encrypted_content": "x",
                        }
                    ],
                },
                text("This.", citations=[{"type": "web_search_result_location", "url": "https://a.example"}]),
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "search_result", "source": "s", "title": "T", "content": [text("body")]},
                text("And?"),
            ],
        },
    ],
    "tools": [
        {"type": "bash_20250124", "name": "bash"},
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
    ],
}

MESSAGES: Final[dict[str, Object]] = {
    "claude-code": CLAUDE_CODE,
    "claude-code-old-model": _OLDER_CLAUDE_CODE,
    "claude-code-web-search": _WEB_SEARCH,
    "server-tools": _SERVER_TOOLS,
}


def function(name: str, parameters: Object) -> Object:
    return {"type": "function", "function": {"name": name, "description": f"{name}.", "parameters": parameters}}


def call(call_id: str, name: str, arguments: str) -> Object:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


OPENCODE: Final[Object] = {
    "model": "lab-model",
    "max_tokens": 8_192,
    "messages": [
        {"role": "system", "content": "You are a coding agent."},
        {"role": "user", "content": "Read shot.png"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "I read it.",
            "tool_calls": [
                call("call_1", "read", '{"filePath":"/tmp/shot.png"}'),
                call("call_2", "bash", '{"command":"ls"}'),
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Image read successfully"},
        {"role": "tool", "tool_call_id": "call_2", "content": ""},
        {
            "role": "user",
            "content": [
                text("Attached media from tool result:"),
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        },
    ],
    "tools": [function("read", schema("filePath")), function("bash", schema("command"))],
    "tool_choice": "auto",
    "stream": True,
    "stream_options": {"include_usage": True},
}

QWEN_CODE: Final[Object] = {
    "model": "lab-model",
    "max_tokens": 32_000,
    "messages": [
        {"role": "system", "content": [text("You are a coding agent.")]},
        {"role": "user", "content": [text("Context."), text("Do it.")]},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "First.",
            "tool_calls": [call("call_a", "edit", "{}")],
        },
        {"role": "tool", "tool_call_id": "call_a", "content": [text("done")]},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": [text("Thanks.")]},
    ],
    "tools": [function("edit", schema("path")), function("tool_search", schema("query"))],
    "stream": True,
    "stream_options": {"include_usage": True},
}

_LEGACY: Final[Object] = {
    "model": "gpt-4",
    "messages": [
        {"role": "user", "content": "weather?", "name": "bob"},
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": '{"city":"Ulm"}'}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ],
    "functions": [{"name": "weather", "parameters": schema("city")}],
    "function_call": {"name": "weather"},
    "stop": "END",
    "logit_bias": {"50256": -100},
    "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": schema("sky"), "strict": True}},
}

_EVERYTHING: Final[Object] = {
    "model": "gpt-6",
    "messages": [
        {
            "role": "developer",
            "content": [text("Be brief.", prompt_cache_breakpoint={"mode": "explicit", "ttl": "12h"})],
        },
        {
            "role": "user",
            "content": [
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": [text("No."), {"type": "refusal", "refusal": "I will not."}]},
        {"role": "user", "content": "Patch it."},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "call_9", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin Patch"}}
            ],
            "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}],
        },
        {"role": "tool", "tool_call_id": "call_9", "content": "ok"},
    ],
    "tools": [
        {
            "type": "custom",
            "custom": {
                "name": "apply_patch",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
            },
        }
    ],
    "tool_choice": {"type": "custom", "custom": {"name": "apply_patch"}},
    "parallel_tool_calls": False,
    "reasoning_effort": "xhigh",
    "verbosity": "low",
    "seed": 1,
    "metadata": {"a": "b"},
}

CHAT: Final[dict[str, Object]] = {
    "opencode": OPENCODE,
    "qwen-code": QWEN_CODE,
    "legacy": _LEGACY,
    "everything": _EVERYTHING,
}


def with_tool(dialect: Dialect, parameters: Object, arguments: Object) -> Object:
    """A conversation with one tool and one call of it."""
    if dialect == "anthropic-messages":
        return {
            "max_tokens": 1_000,
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": arguments}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "ok"}]},
            ],
            "tools": [{"name": "f", "input_schema": parameters}],
        }
    return {
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "tool_calls": [call("a", "f", jsons.write_text(arguments))]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
        ],
        "tools": [function("f", parameters)],
    }


def tool_in(dialect: Dialect, body: Object) -> tuple[Any, Any]:
    """The schema of the first tool and the arguments of the first call."""
    if dialect == "anthropic-messages":
        return body["tools"][0]["input_schema"], body["messages"][1]["content"][0]["input"]
    called = body["messages"][1]["tool_calls"][0]["function"]
    return body["tools"][0]["function"]["parameters"], jsons.read(called["arguments"])


def of_rounds(dialect: Dialect, rounds: int) -> Object:
    """A question and so many rounds of calls and results, with reasoning, late system messages and odd ids."""
    messages: list[Object] = [{"role": "user", "content": "Do it."}]
    for number in range(rounds):
        messages += _messages_round(number) if dialect == "anthropic-messages" else _chat_round(number)
    if dialect == "anthropic-messages":
        return {"max_tokens": 32_000, "system": "Be brief.", "messages": messages, "tools": [_BASH]}
    return {
        "messages": [{"role": "system", "content": "Be brief."}, *messages],
        "tools": [function("Bash", schema("command"))],
    }


def _arguments(number: int, which: int) -> Object:
    return {"command": f"echo {number}", "which": which, "nested": {"z": [number], "a": None}}


def _messages_round(number: int) -> list[Object]:
    ids = [f"functions.Bash:{number}{which}" for which in range(1 + number % 3)]
    calls = [{"type": "tool_use", "id": i, "name": "Bash", "input": _arguments(number, n)} for n, i in enumerate(ids)]
    results = [
        {"type": "tool_result", "tool_use_id": i, "content": [text(f"result {i}")], "is_error": number % 4 == 1}
        for i in reversed(ids)
    ]
    thought = {"type": "thinking", "thinking": f"thought {number}", "signature": ""}
    late = [{"role": "system", "content": f"note {number}"}] if number % 5 == 2 else []
    also = [text("By the way.")] if number % 7 == 3 else []
    return [
        {"role": "assistant", "content": [thought, text(f"step {number}"), *calls]},
        {"role": "user", "content": [*results, *also]},
        *late,
    ]


def _chat_round(number: int) -> list[Object]:
    ids = [f"functions.Bash:{number}{which}" for which in range(1 + number % 3)]
    calls = [call(i, "Bash", jsons.write_text(_arguments(number, n))) for n, i in enumerate(ids)]
    late = [{"role": "system", "content": f"note {number}"}] if number % 5 == 2 else []
    also = [{"role": "user", "content": "By the way."}] if number % 7 == 3 else []
    return [
        {
            "role": "assistant",
            "content": f"step {number}" if number % 2 else None,
            "reasoning_content": "thought",
            "tool_calls": calls,
        },
        *({"role": "tool", "tool_call_id": i, "content": f"result {i}"} for i in reversed(ids)),
        *also,
        *late,
    ]
