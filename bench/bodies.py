"""Requests as a coding agent makes them: many turns, tool calls and their results, tools with nested schemas.

Made up, yet the same on every run and every machine, so that numbers can be compared. Texts look like source code:
quotes, backslashes, line ends, indentation and a few characters beyond ASCII, for that is what JSON has to escape.
"""

import json
import random
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

Dialect: TypeAlias = Literal["anthropic-messages", "openai-chat", "openai-responses"]
Value: TypeAlias = dict[str, Any]

# fmt: off
WORDS = (
    "request", "reader", "writer", "stream", "event", "buffer", "index", "offset", "parser", "session", "model", "token",
    "cache", "queue", "worker", "result", "config", "schema", "value", "field", "error", "retry", "timeout", "handler",
    "client", "server", "naïve", "straße", "日本語", "→", "résumé",
)
TOOL_NAMES = (
    "Bash", "Read", "Edit", "MultiEdit", "Write", "Glob", "Grep", "LS", "Task", "TodoWrite", "WebFetch", "WebSearch",
    "NotebookRead", "NotebookEdit", "BashOutput", "KillShell", "ExitPlanMode", "AskUser", "mcp__browser__navigate",
    "mcp__browser__click", "mcp__browser__snapshot", "mcp__github__search", "mcp__github__comment",
    "mcp__database__query",
)
# fmt: on


class Call(NamedTuple):
    id: str
    name: str
    arguments: Value
    result: str


class Exchange(NamedTuple):
    """What the user said, what the assistant said and did about it, in as many steps as it took."""

    question: str
    steps: tuple[tuple[str, tuple[Call, ...]], ...]
    conclusion: str


class Conversation(NamedTuple):
    system: str
    tools: tuple[tuple[str, str, Value], ...]
    exchanges: tuple[Exchange, ...]
    question: str


def agent_request(dialect: Dialect, size: int, *, deltas: int = 5) -> bytes:
    """A streamed request of about `size` bytes that asks the mock backend for `deltas` deltas.

    size: at least 100,000; system prompt and tools alone take about 80,000.
    """
    said = _conversation(size, f"[[mock n={deltas} b=20]]")
    body = {"anthropic-messages": _messages, "openai-chat": _chat, "openai-responses": _responses}[dialect](said)
    return json.dumps({"model": "mock", **body, "stream": True}, ensure_ascii=False, separators=(",", ":")).encode()


def _conversation(size: int, directive: str) -> Conversation:
    chance = random.Random(20)
    system = "\n".join(_prose(chance, 40) for _ in range(60))
    tools = tuple((name, "\n".join(_prose(chance, 30) for _ in range(6)), _schema(chance)) for name in TOOL_NAMES)
    taken = len(json.dumps([system, tools], ensure_ascii=False).encode())
    exchanges = []
    for exchange in _exchanges(chance):
        taken += len(json.dumps(exchange, ensure_ascii=False).encode())
        if taken > size:
            break
        exchanges.append(exchange)
    return Conversation(system, tools, tuple(exchanges), f"Now run the tests again. {directive}")


def _exchanges(chance: random.Random) -> Iterator[Exchange]:
    calls = 0
    while True:
        steps = []
        for _ in range(chance.randint(2, 6)):
            step = tuple(_call(chance, calls + i) for i in range(chance.choice((1, 1, 1, 2, 3))))
            calls += len(step)
            steps.append((_prose(chance, 20), step))
        yield Exchange(_prose(chance, 40), tuple(steps), "\n\n".join(_prose(chance, 50) for _ in range(3)))


def _call(chance: random.Random, number: int) -> Call:
    call_id = f"call_{number:04d}{chance.getrandbits(64):016x}"
    path = f"/home/dev/project/src/{chance.choice(WORDS)}/{chance.choice(WORDS)}.py"
    match chance.choice(("Bash", "Read", "Read", "Edit", "Grep")):
        case "Bash":
            command = f'cd /home/dev/project && grep -rn "{_prose(chance, 3)}" --include="*.py" . | head -20'
            return Call(call_id, "Bash", {"command": command, "timeout": 120000}, _source(chance, 15))
        case "Edit":
            edit = {"file_path": path, "old_string": _source(chance, 8), "new_string": _source(chance, 10)}
            return Call(call_id, "Edit", edit, f"The file {path} has been updated.")
        case "Grep":
            search = {"pattern": r"def \w+\(", "path": path, "output_mode": "content", "-n": True}
            return Call(call_id, "Grep", search, _source(chance, 25))
        case _:
            return Call(call_id, "Read", {"file_path": path, "offset": 1, "limit": 80}, _source(chance, 70))


def _prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."


def _source(chance: random.Random, lines: int) -> str:
    def line(number: int) -> str:
        a, b, c = chance.choices(WORDS, k=3)
        text = chance.choice(
            (
                f'    {a} = self._{b}.get("{c}", {{}})',
                f"    if {a} is None or {b}.{c} > {chance.randint(0, 999)}:",
                f'\t\treturn f"{a}: {{{b}!r}}\\n" + r"\\d+\\s*{c}"',
                f"def {a}_{b}(self, {c}: str) -> list[{a.title()}]:",
                f"        # {_prose(chance, 8)}",
                "",
            )
        )
        return f"{number:6d}→{text}"

    return "\n".join(line(number) for number in range(1, lines + 1))


def _schema(chance: random.Random) -> Value:
    def text() -> Value:
        return {"type": "string", "description": _prose(chance, 12)}

    items = {
        "type": "object",
        "properties": {
            "content": text(),
            "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
            "range": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2},
        },
        "required": ["content", "status"],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            **{name: text() for name in chance.sample(("file_path", "pattern", "command", "url", "query"), 3)},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 1000,
                "default": 100,
                "description": _prose(chance, 9),
            },
            "items": {"type": "array", "description": _prose(chance, 10), "items": items},
            "mode": {"anyOf": [{"type": "string", "enum": ["fast", "full"]}, {"type": "null"}]},
        },
        "required": ["limit"],
        "additionalProperties": False,
    }


def _chat(said: Conversation) -> Value:
    messages: list[Value] = [{"role": "system", "content": said.system}]
    for exchange in said.exchanges:
        messages.append({"role": "user", "content": exchange.question})
        for text, calls in exchange.steps:
            made = [
                {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
                for c in calls
            ]
            messages.append({"role": "assistant", "content": text, "tool_calls": made})
            messages += [{"role": "tool", "tool_call_id": c.id, "content": c.result} for c in calls]
        messages.append({"role": "assistant", "content": exchange.conclusion})
    messages.append({"role": "user", "content": said.question})
    tools = [
        {"type": "function", "function": {"name": name, "description": purpose, "parameters": schema}}
        for name, purpose, schema in said.tools
    ]
    return {
        "messages": messages,
        "tools": tools,
        "tool_choice": "auto",
        "max_tokens": 32000,
        "stream_options": {"include_usage": True},
    }


def _messages(said: Conversation) -> Value:
    mark = {"type": "ephemeral"}
    messages: list[Value] = []
    for exchange in said.exchanges:
        results: list[Value] = []
        messages.append({"role": "user", "content": [{"type": "text", "text": exchange.question}]})
        for text, calls in exchange.steps:
            if results:
                messages.append({"role": "user", "content": results})
            made = [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in calls]
            messages.append({"role": "assistant", "content": [{"type": "text", "text": text}, *made]})
            results = [{"type": "tool_result", "tool_use_id": c.id, "content": c.result} for c in calls]
        messages.append({"role": "user", "content": results})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": exchange.conclusion}]})
    question = {"type": "text", "text": said.question, "cache_control": mark}
    messages.append({"role": "user", "content": [question]})
    return {
        "system": [{"type": "text", "text": said.system, "cache_control": mark}],
        "messages": messages,
        "tools": [
            {"name": name, "description": purpose, "input_schema": schema} for name, purpose, schema in said.tools
        ],
        "max_tokens": 32000,
        "metadata": {"user_id": "bench"},
    }


def _responses(said: Conversation) -> Value:
    items: list[Value] = []

    def speak(role: str, text: str) -> None:
        kind = "output_text" if role == "assistant" else "input_text"
        items.append({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})

    for exchange in said.exchanges:
        speak("user", exchange.question)
        for text, calls in exchange.steps:
            speak("assistant", text)
            items.extend(
                {"type": "function_call", "call_id": c.id, "name": c.name, "arguments": json.dumps(c.arguments)}
                for c in calls
            )
            items.extend({"type": "function_call_output", "call_id": c.id, "output": c.result} for c in calls)
        speak("assistant", exchange.conclusion)
    speak("user", said.question)
    tools = [
        {"type": "function", "name": name, "description": purpose, "parameters": schema, "strict": False}
        for name, purpose, schema in said.tools
    ]
    return {"instructions": said.system, "input": items, "tools": tools, "tool_choice": "auto", "store": False}
