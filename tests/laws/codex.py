"""Requests in the shapes Codex (0.169) sends, written by hand.

It has three manners, by the model's name: one it does not know gets function tools and namespaces; `gpt-5.5` also a
patch tool with a grammar and a search for tools; newer ones get all their tools in an input item ("responses lite"),
a shell only through a tool that takes JavaScript.
"""

from typing import Any, Final

from dragoman.wire import jsons

Object = dict[str, Any]

PNG: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
PATCH: Final = '*** Begin Patch\n*** Update File: a.py\n@@\n-print("a\\n")\n+print("ä😀\\t")\n*** End Patch\n'
SCRIPT: Final = 'const r = await tools.exec_command({cmd: "cat \\"a b\\".txt"});\ntext(r);\n'
_GRAMMAR: Final = 'start: begin_patch hunk+ end_patch\nbegin_patch: "*** Begin Patch" LF\n'


def text(said: str) -> list[Object]:
    return [{"type": "input_text", "text": said}]


def message(role: str, said: str, number: int = 0) -> Object:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "id": f"msg_{role}{number}", "role": role, "content": [{"type": kind, "text": said}]}


def function(name: str, *required: str, **more: object) -> Object:
    schema = {
        "type": "object",
        "properties": {key: {"type": "string"} for key in required},
        "required": list(required),
        "additionalProperties": False,
    }
    return {"type": "function", "name": name, "description": f"{name}.", "strict": False, "parameters": schema, **more}


def custom(name: str, definition: str = _GRAMMAR) -> Object:
    about = f"The `{name}` tool. This is a FREEFORM tool, so do not wrap it in JSON."
    return {
        "type": "custom",
        "name": name,
        "description": about,
        "format": {"type": "grammar", "syntax": "lark", "definition": definition},
    }


def namespace(name: str, *tools: Object) -> Object:
    return {"type": "namespace", "name": name, "description": f"Tools of {name}.", "tools": list(tools)}


def call(number: int, name: str, arguments: Object, **more: object) -> Object:
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "status": "completed",
        "call_id": f"call_{number}",
        "name": name,
        "arguments": jsons.write_text(arguments),
        **more,
    }


def free_call(number: int, name: str, said: str, **more: object) -> Object:
    head = {"type": "custom_tool_call", "id": f"ctc_{number}", "status": "completed"}
    return {**head, "call_id": f"call_{number}", "name": name, "input": said, **more}


def output(number: int, said: Any, kind: str = "function_call") -> Object:
    return {"type": f"{kind}_output", "id": f"out_{number}", "call_id": f"call_{number}", "output": said}


def thought(number: int, said: str, sealed: str | None = None) -> Object:
    summary = [{"type": "summary_text", "text": said}]
    return {"type": "reasoning", "id": f"rs_{number}", "summary": summary, "content": None, "encrypted_content": sealed}


def body(*items: Object, tools: list[Object] | None = None, **more: object) -> Object:
    return {
        "model": "lab-model",
        "stream": True,
        "input": list(items),
        "tools": tools or [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a202f0-4ccd-7a51",
        "client_metadata": {"session_id": "01a202f0-4ccd-7a51", "x-codex-turn-metadata": '{"request_kind":"turn"}'},
        **more,
    }


BEGINNING: Final = (
    message("developer", "You are a coding agent running in the Codex CLI."),
    {
        "type": "message",
        "id": "msg_d2",
        "role": "developer",
        "content": [*text("<skills_instructions>"), *text("<permissions instructions>")],
    },
    message("user", "<environment_context>\n  <cwd>/tmp/work</cwd>\n</environment_context>", 1),
)
EXEC: Final = function("exec_command", "cmd", "workdir")
AGENTS: Final = namespace("multi_agent_v1", function("spawn_agent", "message"), function("wait_agent", "targets"))
LAB: Final = namespace("mcp__lab", function("echo", "text"), function("pic"))
WEB: Final = {"type": "web_search", "external_web_access": True, "search_content_types": ["text", "image"]}
SEARCH: Final = {
    "type": "tool_search",
    "execution": "client",
    "description": "# Tool discovery\n\nSearches over deferred tool metadata.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}

UNKNOWN_MODEL: Final = body(
    *BEGINNING,
    message("user", "Run it, and show the picture.", 2),
    thought(1, "Two at once."),
    message("assistant", "I run it.", 1),
    call(1, "exec_command", {"cmd": "make", "workdir": "/tmp/work"}),
    call(2, "pic", {}, namespace="mcp__lab"),
    output(2, [*text("Wall time: 0.1 seconds\nOutput:"), {"type": "input_image", "image_url": PNG, "detail": "high"}]),
    output(1, "Process exited with code 0\nOutput:\nok\n"),
    {
        "type": "message",
        "id": "msg_u3",
        "role": "user",
        "content": [*text("<image name=[Image #1]>"), {"type": "input_image", "image_url": PNG}, *text("</image>")],
    },
    tools=[EXEC, function("view_image", "path"), AGENTS, WEB, LAB],
)

FOUND: Final = namespace("mcp__lab", function("echo", "text", defer_loading=True))
GPT_5_5: Final = body(
    *BEGINNING,
    message("user", "Patch it.", 2),
    thought(1, "A patch."),
    free_call(1, "apply_patch", PATCH),
    output(1, "Success. Updated the following files:\nM a.py\n", "custom_tool_call"),
    {
        "type": "tool_search_call",
        "id": "tsc_2",
        "call_id": "call_2",
        "execution": "client",
        "status": "completed",
        "arguments": {"query": "echo", "limit": 8},
    },
    {
        "type": "tool_search_output",
        "id": "tso_2",
        "call_id": "call_2",
        "execution": "client",
        "status": "completed",
        "tools": [FOUND],
    },
    call(3, "echo", {"text": "LAB"}, namespace="mcp__lab"),
    output(3, text("LAB")),
    {
        "type": "web_search_call",
        "id": "ws_4",
        "status": "completed",
        "action": {"type": "search", "query": "lark", "queries": ["lark"]},
    },
    message("assistant", "Done.", 2),
    message("user", "Thanks. Again.", 3),
    tools=[EXEC, custom("apply_patch"), SEARCH, WEB],
    reasoning={"effort": "medium", "summary": "auto"},
    text={"verbosity": "low"},
)

LITE: Final = {
    key: value
    for key, value in body(
        {
            "type": "additional_tools",
            "id": "at_1",
            "role": "developer",
            "tools": [
                namespace("functions", custom("exec", "start: /(.|\\n)+/"), function("wait", "cell_id")),
                namespace("collaboration", function("spawn_agent", "message"), function("list_agents")),
            ],
        },
        *BEGINNING,
        message("user", "Run it.", 2),
        thought(1, "A script."),
        free_call(1, "exec", SCRIPT, namespace="functions"),
        output(1, [*text("Script running with cell ID 7"), *text("Output:\n")], "custom_tool_call"),
        call(2, "wait", {"cell_id": "7"}, namespace="functions"),
        output(2, "done"),
        parallel_tool_calls=False,
        reasoning={"effort": "low", "context": "all_turns"},
    ).items()
    if key != "tools"
}

REQUESTS: Final = {"unknown model": UNKNOWN_MODEL, "gpt-5.5": GPT_5_5, "lite": LITE}


def of_turns(count: int) -> Object:
    """A session that has gone on for so many steps, each with reasoning, a call of some kind and its result."""
    items: list[Object] = [message("user", "Make it work.", 2)]
    for number in range(1, count + 1):
        items.append(thought(number, f"Step {number}."))
        items.append(message("assistant", f"Step {number} now.", number))
        match number % 4:
            case 0:
                items += [
                    free_call(number, "apply_patch", PATCH),
                    output(number, "Success.", "custom_tool_call"),
                ]
            case 1:
                items += [
                    call(number, "exec_command", {"cmd": f"make {number}", "workdir": "/tmp/ä"}),
                    output(number, f"ok {number}\n"),
                ]
            case 2:
                items += [call(number, "echo", {"text": "é"}, namespace="mcp__lab"), output(number, text("é"))]
            case _:
                items += [
                    {
                        "type": "tool_search_call",
                        "call_id": f"call_{number}",
                        "execution": "client",
                        "status": "completed",
                        "arguments": {"query": "echo"},
                    },
                    {
                        "type": "tool_search_output",
                        "call_id": f"call_{number}",
                        "execution": "client",
                        "status": "completed",
                        "tools": [FOUND, namespace("mcp__other", function(f"tool_{number}"))],
                    },
                ]
    return body(*BEGINNING, *items, tools=[EXEC, custom("apply_patch"), SEARCH, AGENTS, WEB])
