"""What the agents are asked to do, and the words by which it is known that they did."""

import dataclasses
import zlib
from typing import Final, Literal, TypeAlias

Wire: TypeAlias = Literal["chat", "messages", "responses"]
# How Codex comes: told of its model by the proxy's catalog, or over a WebSocket and told as well.
Manner: TypeAlias = Literal["plain", "catalog", "websocket"]
Scenario: TypeAlias = Literal[
    "text",
    "reason",
    "tool",
    "saidtool",
    "parallel",
    "multi",
    "edit",
    "image",
    "userimage",
    "mcp",
    "compact",
    "badkey",
    "websearch",
    "mcpsearch",
    "seenimage",
    "seenuser",
    "pdf",
    "scan",
    "describe",
]

DONE: Final = "PONG-LAB-42"  # every final answer holds it
SECOND: Final = "SECOND-LAB"
MADE: Final = "MADE-BY-LAB"
THOUGHT: Final = "LABTHOUGHT"
SUMMARY: Final = "SUMMARY-LAB-7"
TITLE: Final = "Lab title"
ECHO: Final = "MCPECHO LABMCP"  # what the MCP server's tool `echo` answers to LABMCP
SIGHT: Final = "a plain rectangle, SIGHT-LAB-9"  # what the model that sees says of every image
PRINTED: Final = "Printed by the laboratory on a Tuesday"  # in doc.pdf
SCANNED: Final = "Scanned in the laboratory on a Friday"  # in scan.pdf, as a picture
SOUGHT: Final = "how to care for llamas"
STEPS: Final = 3  # shell calls of the scenario `multi`

_REPLY: Final = f"eply with exactly this word and nothing else: {DONE}"

PROMPTS: Final[dict[Scenario, str]] = {
    "text": f"R{_REPLY}",
    "reason": f"Think carefully, then r{_REPLY}",
    "tool": "Use your shell tool to run `cat lab.txt` in the current directory, then reply with the file's content "
    f"and the word {DONE}.",
    "saidtool": "Use your shell tool to run `cat lab.txt` in the current directory, then reply with the file's content "
    f"and the word {DONE}.",
    "parallel": f"In ONE step make two parallel shell tool calls: `cat lab.txt` and `echo {SECOND}`. Then reply with "
    f"both outputs and the word {DONE}.",
    "multi": "One after the other (three separate shell calls, waiting for each) run `echo step0; cat lab.txt`, "
    f"`echo step1; cat lab.txt`, `echo step2; cat lab.txt`. Then reply {DONE}.",
    "edit": f"Create a file named made.txt in the current directory whose whole content is {MADE} (use your file "
    f"writing or patch tool), then reply {DONE}.",
    "image": "Open the image red.png in the current directory with your file-reading or image-viewing tool and say "
    f"which colour it is, then write {DONE}.",
    "userimage": f"Which colour is the attached image? Answer with the colour, then write {DONE}.",
    "mcp": f"Call the MCP tool named echo of the server lab with text LABMCP, then write {DONE}.",
    "compact": f"R{_REPLY}",
    "mcpsearch": f"Call the MCP tool named web_search of the server lab with the query: {SOUGHT}. Then write {DONE}.",
    "websearch": f"Search the web for: {SOUGHT}. Name the page you rely on, then write {DONE}.",
    "badkey": f"R{_REPLY}",
    "seenimage": "Open the image red.png in the current directory with your file-reading or image-viewing tool and say "
    f"what it shows, then write {DONE}.",
    "seenuser": f"What does the attached image show? Say it, then write {DONE}.",
    "pdf": f"Read the file doc.pdf in the current directory and say who printed it, then write {DONE}.",
    "scan": f"Read the file scan.pdf in the current directory and say when it was scanned, then write {DONE}.",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One agent doing one thing: what it speaks, and what the backend behind the proxy speaks."""

    agent: str
    wire: Wire
    scenario: Scenario
    behind: Wire = "chat"
    manner: Manner = "plain"

    def __str__(self) -> str:
        manner = "" if self.manner == "plain" else f"-{self.manner}"
        return f"{self.agent}-{self.wire}_to_{self.behind}{manner}-{self.scenario}"

    def public_model(self) -> str:
        """Name the model as the agent asks for it. No vendor's name: agents change their manners by those."""
        return f"lab-{self._mark()}"

    def backend_model(self) -> str:
        """Name the model as the backend must hear it, one for each case: that is how it knows which script to play."""
        return f"scripted-{self._mark()}"

    def _mark(self) -> str:
        return f"{self.scenario}-{zlib.crc32(str(self).encode()):08x}"


_SHARED: Final[tuple[Scenario, ...]] = (
    "text", "reason", "tool", "parallel", "multi", "edit", "image", "mcp", "badkey",
)  # fmt: skip
_KINDS: Final[tuple[Wire, ...]] = ("chat", "messages", "responses")
_CLAUDE: Final[tuple[Scenario, ...]] = (*_SHARED, "userimage", "compact")
_CODEX: Final[tuple[Scenario, ...]] = (*_SHARED, "userimage")

# Where a pair of dialects is not the agent's usual one, these show tools, reasoning, pictures and errors crossing it.
_TELLING: Final[tuple[Scenario, ...]] = ("parallel", "reason", "image", "badkey")

# Searches that the proxy runs, for backends that have none.
_SEARCHES: Final = (
    Case("claude", "messages", "websearch"),
    Case("claude", "messages", "websearch", "messages"),
    Case("codex", "responses", "websearch"),
    Case("codex", "responses", "websearch", "chat", "websocket"),
    # Agents without a search of their own, which have the proxy's over MCP.
    Case("opencode", "chat", "mcpsearch"),
    Case("qwen", "chat", "mcpsearch"),
)

# Models that cannot see, before a proxy that reads images and documents for them.
READ_FOR: Final[tuple[Scenario, ...]] = ("seenimage", "seenuser", "pdf", "scan")
_READ_FOR: Final = (
    *(Case("claude", "messages", scenario) for scenario in READ_FOR),
    Case("claude", "messages", "seenimage", "messages"),
    Case("codex", "responses", "seenimage"),
    Case("codex", "responses", "seenuser"),
    Case("codex", "responses", "seenimage", "responses", "catalog"),
    Case("opencode", "chat", "seenimage"),
)

# A server that does not know its model's calls, and gives them out as text.
_SAID: Final = (
    Case("claude", "messages", "saidtool"),
    Case("claude", "messages", "saidtool", "messages"),
    Case("codex", "responses", "saidtool"),
    Case("opencode", "chat", "saidtool"),
    Case("qwen", "chat", "saidtool"),
)

CASES: Final[tuple[Case, ...]] = (
    *_SAID,
    *_READ_FOR,
    *_SEARCHES,
    *(Case("claude", "messages", scenario, behind) for behind in _KINDS for scenario in _CLAUDE),
    *(Case("codex", "responses", scenario, behind) for behind in _KINDS for scenario in _CODEX),
    *(
        Case("codex", "responses", scenario, "chat", manner)
        for manner in ("catalog", "websocket")
        for scenario in _CODEX
        if scenario != "badkey"
    ),
    *(Case("opencode", wire, scenario) for wire in ("chat", "messages") for scenario in _SHARED),
    *(Case("qwen", wire, scenario) for wire in ("chat", "messages") for scenario in _SHARED),
    *(
        Case(agent, wire, scenario, behind)
        for agent in ("opencode", "qwen")
        for wire in _KINDS
        for behind in _KINDS
        if (wire, behind) not in (("chat", "chat"), ("messages", "chat"))
        for scenario in _TELLING
    ),
)
