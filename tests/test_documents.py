"""What the documents say is so: examples load, commands exist, links lead somewhere, lists are complete."""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import typer.main

from dragoman.agents import AGENTS
from dragoman.agents.agent import Agent, Choice, Model
from dragoman.agents.merge import merged
from dragoman.cli import app
from dragoman.config.load import load_bytes
from dragoman.hub.problems import ELSEWHERE, KINDS, Kind, Problem
from dragoman.hub.request import Dialect
from dragoman.protocols import CLIENTS
from dragoman.routing.profiles import FAMILIES
from dragoman.wire import jsons
from tests.golden.table import table

CHECKOUT: Final = Path(__file__).parents[1]
FILES: Final = tuple(
    sorted(
        [
            *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md")),
            *(CHECKOUT / "docs").rglob("*.md"),
        ]
    )
)
# Every name that a document gives an agent's line.
CHOICE: Final = Choice(origin="http://127.0.0.1:8080", key="YOUR-KEY", models=(Model("my-model", 131_072),))
DIALECTS: Final[Mapping[str, Dialect]] = {
    "Messages": "anthropic-messages",
    "Chat Completions": "openai-chat",
    "Responses": "openai-responses",
}


class Piece(NamedTuple):
    """A piece of a document. place: file and line, to be shown."""

    place: str
    text: str


def text_of(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def pieces(pattern: str) -> Iterator[Piece]:
    """What the first group of the pattern finds in all documents."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, found.start()) + 1
            yield Piece(f"{path.relative_to(CHECKOUT)}:{line}", found[1])


def fenced(language: str) -> list[Piece]:
    return list(pieces(rf"^```{language}\n(.*?)^```"))


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line that is shown: place and words, without variables set before it."""
    for place, block in fenced("sh"):
        for line in block.splitlines():
            yield from ((place, words) for words in _split(line))
    for place, line in pieces(r"`((?:dragoman|python3?) [^`\n]+)`"):
        yield from ((place, words) for words in _split(line))


def _split(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in (*lexer, ";"):
        if set(token) <= set("();<>|&"):
            if words:
                yield words
            words = []
        elif words or not re.match(r"[A-Za-z_]\w*=", token):
            words.append(token)


@pytest.mark.parametrize("example", fenced("yaml"), ids=lambda piece: piece.place)
def test_every_configuration_loads_without_a_remark(example: Piece) -> None:
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)", example.text), "x" * 32)
    loaded = load_bytes(example.text.encode(), variables)
    assert [finding.render(example.place) for finding in loaded.findings] == []
    assert loaded.config is not None


def test_every_command_of_dragoman_exists_with_its_options() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    shown = [(place, words[1:]) for place, words in commands() if Path(words[0]).name == "dragoman"]
    assert shown
    for place, words in shown:
        command: Any = group
        options = words
        while isinstance(command, typer.core.TyperGroup):
            name = next((word for word in options if not word.startswith("-")), None)
            if name is None:
                break
            command = command.get_command(typer.Context(command), name)
            assert command is not None, f"{place}: there is no `dragoman {' '.join(words)}`"
            options = options[options.index(name) + 1 :]
        known = {option for param in command.params for option in param.opts}
        own = options[: options.index("--")] if "--" in options else options
        unknown = {word.partition("=")[0] for word in own if word.startswith("-")} - known - {"--help"}
        assert unknown == set(), f"{place}: `dragoman {words[0]}` does not know {', '.join(sorted(unknown))}"


def test_every_program_and_module_of_ours_that_is_run_exists() -> None:
    for place, words in commands():
        if not Path(words[0]).name.startswith("python"):
            continue
        match words[1:]:
            case ["-m", str(name), *_] if name.split(".")[0] in ("dragoman", "tests"):
                assert importlib.util.find_spec(name) is not None, f"{place}: there is no module {name}"
            case [str(name), *_] if name.endswith(".py"):
                assert (CHECKOUT / name).is_file(), f"{place}: there is no {name}"


def test_links_lead_somewhere() -> None:
    assert [f"{path.relative_to(CHECKOUT)}: {target}" for path in FILES for target in _lost(path)] == []


def _lost(document: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        if "://" not in target and not (document.parent / target).exists():
            yield target


def _envelope(kind: Kind) -> str:
    """How each dialect says a problem, as docs/errors.md has it."""
    said = []
    for name, dialect in DIALECTS.items():
        if dialect in CLIENTS:
            refused = CLIENTS[dialect].write_problem(Problem(kind, "it"), "req_1")
            error = jsons.read(refused.body)["error"]
            words = [error["type"], *([error["code"]] if error.get("code") else [])]
            said.append(f"{name} {refused.status} {' / '.join(f'`{word}`' for word in words)}")
    return " · ".join(said)


@pytest.mark.parametrize("kind", KINDS)
def test_every_problem_has_its_heading_and_its_status(kind: Kind) -> None:
    sections = text_of("docs/errors.md").split("\n## ")
    found = [section for section in sections if section.startswith(f"`{kind}`\n")]
    assert len(found) == 1, f"docs/errors.md wants one heading `{kind}`"
    assert found[0].splitlines()[2] == _envelope(kind)
    assert "**What to do**" in found[0]


def test_no_problem_is_invented() -> None:
    headings = set(re.findall(r"^## `(\w+)`$", text_of("docs/errors.md"), re.MULTILINE))
    assert headings == set(KINDS)


def test_the_problems_after_which_another_backend_is_asked_are_named() -> None:
    line = next(line for line in text_of("docs/errors.md").splitlines() if line.startswith("- **Other backends**"))
    assert set(re.findall(r"`(\w+)`", line)) == ELSEWHERE


def test_every_family_of_backends_has_its_heading() -> None:
    headings = set(re.findall(r"^### `([\w.-]+)`$", text_of("docs/backends.md"), re.MULTILINE))
    assert headings == set(FAMILIES)


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_the_line_that_connects_an_agent_is_ours(agent: Agent) -> None:
    for document in ("README.md", _guide(agent)):
        assert agent.connect(CHOICE) in text_of(document).splitlines()


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_every_agent_has_its_guide_with_the_file_that_is_made(agent: Agent) -> None:
    text, file = text_of(_guide(agent)), agent.file(CHOICE)
    assert text.startswith(f"# {agent.title}\n")
    assert f"```{file.form}\n{merged(file).strip()}\n```\n" in text
    assert f"`{file.path}`" in text
    assert f"agents/{Path(_guide(agent)).name}" in text_of("docs/agents.md")
    for slot in agent.slots if len(agent.slots) > 1 else ():
        assert f"| `{slot.name}` |" in text


def _guide(agent: Agent) -> str:
    return f"docs/agents/{agent.title.lower().replace(' ', '-')}.md"


def test_the_table_of_what_works_is_made_of_the_tests() -> None:
    shown = text_of("README.md").partition("## What works with what\n\n")[2].partition("\n\n")[0]
    assert f"{shown}\n" == table(), "README.md: put in what `python -m tests.golden.table` prints"


def test_decisions_are_numbered_and_say_what_a_decision_says() -> None:
    decisions = sorted((CHECKOUT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        for part in ("Context.", "Decision.", "Consequences.", "How we would notice we were wrong."):
            assert text.count(f"**{part}**") == 1, f"{path.name}: {part}"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    required = [project["dependencies"], *project["optional-dependencies"].values()]
    needed = {re.split(r"[^\w.-]", requirement)[0] for requirements in required for requirement in requirements}
    rows = [line for line in text_of("docs/decisions/0011-dependencies.md").splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([\w.-]+)`", row.split("|")[1])} == needed - {"dragoman"}
