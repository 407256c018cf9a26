"""Scripts that start agents: run by a real shell where there is one, read as theirs would where there is none."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.agents import AGENTS
from dragoman.agents.agent import Agent, Choice, Model, Overlay, Start
from dragoman.agents.shells import SHELLS, Shell
from dragoman.wire import jsons

SH, POWERSHELL, CMD = SHELLS
ODD: Final = "a b'c\"d$e`f\\g%h^i&j|k<l>m!n(o)é日"
# What stands in for an agent: it writes down what it was given.
AGENT: Final = """\
#!/bin/sh
{ printf '%s\\n' "$@"; } >"$OUT/arguments"
env >"$OUT/environment"
for file in "$@" "${SETTINGS:-}"; do case $file in */tmp*) cp "$file" "$OUT/settings"; ls -l "$file" >"$OUT/listed";; esac; done
exit 7
"""
texts = st.text(st.sampled_from("ab/-:.@ '\"\\$`!#&;|*?~(){}[]<>=%^é日"), min_size=1, max_size=20)


def choice(model: str = "m") -> Choice:
    models = (Model(model, 65536, 8192, True, True, ("low",)),)
    return Choice(origin="http://127.0.0.1:8080", key="sk-k", models=models, search=True)


@pytest.mark.parametrize(
    "start",
    [
        Start(("agent", "-m", ODD), {"NAME": ODD}),
        Start(("agent",), {"NAME": ODD}, Overlay({"a": ODD}, option="--settings")),
        Start(("agent", "x"), {"NAME": ODD}, Overlay({"a": ODD}, variable="SETTINGS")),
    ],
)
def test_a_script_for_sh_runs_the_agent_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "agent"
    program.parent.mkdir()
    program.write_text(AGENT)
    program.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "start.sh").write_text(SH.script(start, "Agent"))
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "OUT": str(tmp_path),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    ended = subprocess.run(["sh", "start.sh", "more", "of it"], cwd=tmp_path, env=environment, check=False)
    assert ended.returncode == 7
    arguments = (tmp_path / "arguments").read_text().splitlines()
    variables = (tmp_path / "environment").read_text().splitlines()
    assert arguments[: len(start.command) - 1] == list(start.command[1:])
    assert arguments[-2:] == ["more", "of it"]
    assert f"NAME={ODD}" in variables
    if start.overlay is not None:
        assert jsons.read((tmp_path / "settings").read_bytes()) == {"a": ODD}
        assert (tmp_path / "listed").read_text().startswith("-rw-------")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_the_key_is_on_no_command_line(agent: Agent, shell: Shell) -> None:
    start = agent.start(choice())
    script = shell.script(start, agent.title)
    running = [line for line in script.split("\n") if re.match(rf"\s*(exec |call |& ')?{start.command[0]}\b", line)]
    assert len(running) == 1
    assert "sk-k" not in running[0]
    assert "sk-k" in script


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_scripts_end_their_lines_as_their_shell_does(agent: Agent) -> None:
    start = agent.start(choice())
    assert "\r" not in SH.script(start, agent.title)
    for shell in (POWERSHELL, CMD):
        script = shell.script(start, agent.title)
        assert script.count("\r\n") == script.count("\n") == script.count("\r")


# cmd, as far as the scripts need it: `^` makes the next character plain, `%%` is a percent sign.


def as_cmd(text: str) -> str:
    assert '"' not in re.sub(r"\^.", "", text), "a quote opens"
    assert not re.search(r"[&|<>()]", re.sub(r"\^.", "", text)), "a special character is plain"
    return re.sub(r"\^(.)", r"\1", text).replace("%%", "%")


@given(texts)
def test_cmd_reads_back_what_was_meant(text: str) -> None:
    start = Start(("agent",), {"NAME": text}, Overlay({"a": {"b": text}}, variable="SETTINGS"))
    lines = CMD.script(start, "Agent").split("\r\n")
    said = next(line for line in lines if line.startswith("set NAME=")).removeprefix("set NAME=")
    assert as_cmd(said) == text
    json = "\n".join(as_cmd(line.removeprefix("echo(")) for line in lines if line.startswith("echo("))
    assert jsons.read(json) == {"a": {"b": text}}
    assert json.isascii()


@given(texts)
def test_powershell_reads_back_what_was_meant(text: str) -> None:
    script = POWERSHELL.script(Start(("agent", text), {"NAME": text}, Overlay({"a": text}, option="-s")), "Agent")
    quoted = "'" + text.replace("'", "''") + "'"
    assert f"$env:NAME = {quoted}\r\n" in script
    assert f"& 'agent' {quoted} -s $settings @args\r\n" in script
    here = script.partition("@'\r\n")[2].partition("\r\n'@")[0]
    assert jsons.read(here) == {"a": text}


def test_what_cmd_cannot_take_is_said() -> None:
    script = CMD.script(Start(("agent",), {"NAME": "x" * 9000}), "Agent")
    assert "Use the PowerShell script" in script
    assert "xxx" not in script


def test_a_script_says_what_it_starts() -> None:
    for shell in SHELLS:
        assert "Starts Agent on Dragoman." in shell.script(Start(("agent",)), "Agent")
        assert "{name}" in shell.run
