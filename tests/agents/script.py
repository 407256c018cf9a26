"""What the scripted model says in each scenario: a tool call while results are missing, then the word DONE."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from dragoman.wire import jsons
from tests.agents.heard import Heard
from tests.agents.scenarios import DONE, MADE, SECOND, SIGHT, SOUGHT, STEPS, SUMMARY, THOUGHT, TITLE, Scenario
from tests.engines import PAGES


@dataclasses.dataclass(frozen=True)
class Thought:
    text: str


@dataclasses.dataclass(frozen=True)
class Words:
    text: str


@dataclasses.dataclass(frozen=True)
class Call:
    """A function call. Codex keeps the tools of an MCP server in a namespace."""

    name: str
    arguments: Mapping[str, Any]
    namespace: str | None = None


@dataclasses.dataclass(frozen=True)
class FreeCall:
    """A call whose argument is one free text: the custom tools of Responses, which Codex uses."""

    name: str
    text: str


Said: TypeAlias = Thought | Words | Call | FreeCall
Named: TypeAlias = Callable[[Heard, Path], Sequence[Said]]


def answer(scenario: Scenario, heard: Heard, folder: Path) -> Sequence[Said]:
    """Return what the model says next. `folder` is where the agent works: some tools want absolute paths."""
    return SCRIPTS[scenario](heard, folder)


def _text(heard: Heard, _folder: Path) -> Sequence[Said]:
    # OpenCode asks for a title on the side, without tools; an answer of its own shows if the two are ever mixed up.
    return [Words(DONE if heard.tools else TITLE)]


def _reason(heard: Heard, folder: Path) -> Sequence[Said]:
    return [Thought(f"Let me think about {THOUGHT}."), *_text(heard, folder)]


def _compact(heard: Heard, folder: Path) -> Sequence[Said]:
    if "<summary>" in heard.asked:
        return [Words(f"<analysis>Little happened.</analysis>\n<summary>{SUMMARY}</summary>")]
    return _text(heard, folder)


def _tool(heard: Heard, folder: Path) -> Sequence[Said]:
    return [Thought("I should run it."), _shell(heard, folder, "cat lab.txt")]


def _said_tool(heard: Heard, folder: Path) -> Sequence[Said]:
    """The call as Qwen's models say it, where the server lets it through."""
    call = _shell(heard, folder, "cat lab.txt")
    if not isinstance(call, Call):
        return [call]
    said = jsons.write_text({"name": call.name, "arguments": call.arguments})
    return [Words(f"I run it.\n<tool_call>\n{said}\n</tool_call>")]


def _parallel(heard: Heard, folder: Path) -> Sequence[Said]:
    return [
        Words("Running two."),
        _shell(heard, folder, "cat lab.txt"),
        _shell(heard, folder, f"echo {SECOND}"),
    ]


def _multi(heard: Heard, folder: Path) -> Sequence[Said]:
    step = len(heard.results)
    return [Thought(f"step {step}"), _shell(heard, folder, f"echo step{step}; cat lab.txt")]


def _edit(heard: Heard, folder: Path) -> Sequence[Said]:
    path = str(folder / "made.txt")
    if "apply_patch" in heard.tools:
        return [FreeCall("apply_patch", f"*** Begin Patch\n*** Add File: {path}\n+{MADE}\n*** End Patch\n")]
    offered: dict[str, dict[str, Any]] = {
        "Write": {"file_path": path, "content": MADE},
        "write": {"filePath": path, "content": MADE},
        "write_file": {"file_path": path, "content": MADE},
    }
    return [_first_offered(heard, offered) or _shell(heard, folder, f"printf {MADE} > {path}")]


def _image(heard: Heard, folder: Path) -> Sequence[Said]:
    path = str(folder / "red.png")
    offered: dict[str, dict[str, Any]] = {
        "view_image": {"path": path},
        "Read": {"file_path": path},
        "read": {"filePath": path},
        "read_file": {"file_path": path},
    }
    return [_first_offered(heard, offered) or Words("There is no tool to open an image.")]


def _reads(name: str) -> Named:
    def script(heard: Heard, folder: Path) -> Sequence[Said]:
        return [_first_offered(heard, {"Read": {"file_path": str(folder / name)}}) or Words("There is no such tool.")]

    return script


def _describe(_heard: Heard, _folder: Path) -> Sequence[Said]:
    return [Words(SIGHT)]


def _mcp(tool: str, arguments: Mapping[str, Any]) -> Named:
    """Find that tool of the server `lab`, which each agent offers under another name or holds back."""

    def script(heard: Heard, _folder: Path) -> Sequence[Said]:
        for name in heard.tools:
            if name.endswith(tool) and "lab" in name:
                namespace, _, plain = name.rpartition(".")
                return [Call(plain, arguments, namespace or None)]
        if "tool_call" in heard.tools:  # Qwen Code's way to call a tool that it did not list
            return [Call("tool_call", {"name": f"mcp__lab__{tool}", "arguments": arguments})]
        return [Call(f"mcp__lab__{tool}", arguments)]  # Claude Code runs tools that it only named in a reminder

    return script


def _websearch(heard: Heard, folder: Path) -> Sequence[Said]:
    """Claude Code has a tool of its own, and makes of it a request with nothing but the server's tool."""
    if heard.tools == ("web_search",):
        return [Words(f"See {PAGES[0].url}.")] if heard.results else [Words("I look."), _SEARCH]
    if not heard.tools or heard.results:
        return _text(heard, folder)
    return [Words("I look."), _SEARCH if "web_search" in heard.tools else Call("WebSearch", _SEARCH.arguments)]


_SEARCH: Final = Call("web_search", {"query": SOUGHT})


def _shell(heard: Heard, folder: Path, line: str) -> Said:
    # Qwen Code 0.24.4 now and then loses the output of a command that ends at once; one that lives on keeps it.
    lasting = f"{line}; sleep 0.3"
    offered: dict[str, dict[str, Any]] = {
        "Bash": {"command": line, "description": "run"},
        "bash": {"command": line, "description": "run"},
        "run_shell_command": {"command": lasting, "description": "run", "is_background": False},
        "shell_command": {"command": line, "workdir": str(folder)},
        "exec_command": {"cmd": line, "workdir": str(folder)},
        "shell": {"command": ["bash", "-lc", line]},
    }
    if call := _first_offered(heard, offered):
        return call
    if "exec" in heard.tools:  # Codex in code mode: JavaScript, to models whose name it knows
        return FreeCall("exec", f"const r = await tools.exec_command({{cmd: {jsons.write_text(line)}}}); text(r);")
    return Words("There is no shell tool.")


def _first_offered(heard: Heard, arguments: Mapping[str, Mapping[str, Any]]) -> Call | None:
    return next((Call(name, given) for name, given in arguments.items() if name in heard.tools), None)


def _until(results: int, script: Named) -> Named:
    """Play `script` while fewer tool results have come, then end. Requests without tools are side calls."""

    def play(heard: Heard, folder: Path) -> Sequence[Said]:
        if heard.tools and len(heard.results) < results:
            return script(heard, folder)
        return _text(heard, folder)

    return play


SCRIPTS: Final[Mapping[Scenario, Named]] = {
    "text": _text,
    "reason": _reason,
    "tool": _until(1, _tool),
    "saidtool": _until(1, _said_tool),
    "parallel": _until(1, _parallel),
    "multi": _until(STEPS, _multi),
    "edit": _until(1, _edit),
    "image": _until(1, _image),
    "userimage": _text,
    "mcp": _until(1, _mcp("echo", {"text": "LABMCP"})),
    "mcpsearch": _until(1, _mcp("web_search", {"query": SOUGHT})),
    "compact": _compact,
    "badkey": _text,
    "websearch": _websearch,
    "seenimage": _until(1, _image),
    "seenuser": _text,
    "pdf": _until(1, _reads("doc.pdf")),
    "scan": _until(1, _reads("scan.pdf")),
    "describe": _describe,
}
