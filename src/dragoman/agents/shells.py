"""Scripts that start an agent: for a POSIX shell, PowerShell and cmd. No key is on a command line in any of them."""

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from dragoman.agents.agent import Overlay, Start
from dragoman.wire import jsons

_CMD_SPECIAL: Final = re.compile(r'([\^&|<>"()!])')
_LONGEST_CMD: Final = 8000  # characters; cmd reads 8,191 of a line


class Shell(Struct, frozen=True):
    """name: as commands take it. suffix: of its scripts. run: how a script in the current folder is started."""

    name: str
    title: str
    suffix: str
    run: str
    script: Callable[[Start, str], str]


def line(environment: Mapping[str, str], *command: str) -> str:
    """A line for a POSIX shell."""
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in environment.items()), shlex.join(command)])


def _text(overlay: Overlay) -> str:
    return jsons.write_pretty(overlay.values)


def _sh(start: Start, title: str) -> str:
    lines = ["#!/bin/sh", f"# Starts {title} on Dragoman. It changes none of your files.", "set -eu"]
    command = shlex.join(start.command)
    if start.overlay is not None:
        # Whoever presses Ctrl-C means the agent; the script waits for it, to tidy up.
        lines += ["settings=$(mktemp)", "trap 'rm -f \"$settings\"' EXIT", "trap : INT QUIT"]
        lines += ["cat >\"$settings\" <<'DRAGOMAN'", _text(start.overlay), "DRAGOMAN"]
        if start.overlay.variable:
            lines.append(f'export {start.overlay.variable}="$settings"')
        else:
            command += f' {start.overlay.option} "$settings"'
    lines += [f"export {name}={shlex.quote(value)}" for name, value in start.environment.items()]
    lines.append(f'{"" if start.overlay else "exec "}{command} "$@"')
    return "\n".join(lines) + "\n"


def _powershell(start: Start, title: str) -> str:
    lines = [f"# Starts {title} on Dragoman. It changes none of your files."]
    command = " ".join(_ps(word) for word in start.command[1:])
    set_here = dict(start.environment)
    tidy = []
    if start.overlay is not None:
        lines += ["$settings = [IO.Path]::GetTempFileName()"]
        lines += ["[IO.File]::WriteAllText($settings, @'", _text(start.overlay), "'@)"]
        tidy.append("Remove-Item -LiteralPath $settings")
        if start.overlay.variable:
            lines.append(f"$env:{start.overlay.variable} = $settings")
            tidy.append(f"Remove-Item Env:{start.overlay.variable}")
        else:
            command += f" {start.overlay.option} $settings"
    lines += [f"$env:{name} = {_ps(value)}" for name, value in set_here.items()]
    tidy += [f"Remove-Item Env:{name}" for name in set_here]
    call = " ".join(part for part in ("&", _ps(start.command[0]), command.strip(), "@args") if part)
    lines += ["try {", f"    {call}", "} finally {", *(f"    {each}" for each in tidy), "}", "exit $LASTEXITCODE"]
    return "\r\n".join("\n".join(lines).split("\n")) + "\r\n"


def _ps(word: str) -> str:
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", word) + "'"


def _cmd(start: Start, title: str) -> str:
    lines = ["@echo off", f"rem Starts {title} on Dragoman. It changes none of your files.", "setlocal"]
    command = " ".join(_cmd_word(word) for word in start.command)
    if start.overlay is not None:
        lines += ['set "settings=%TEMP%\\dragoman-%RANDOM%%RANDOM%.json"', '>"%settings%" (']
        lines += [f"echo({_cmd_plain(row)}" for row in _ascii(_text(start.overlay)).split("\n")]
        lines.append(")")
        if start.overlay.variable:
            lines.append(f'set "{start.overlay.variable}=%settings%"')
        else:
            command += f' {start.overlay.option} "%settings%"'
    lines += [f"set {name}={_cmd_plain(_cmd_value(value))}" for name, value in start.environment.items()]
    lines += [f"call {command} %*", "set code=%ERRORLEVEL%"]
    if start.overlay is not None:
        lines.append('del "%settings%"')
    lines.append("exit /b %code%")
    if not "".join(lines).isascii():
        lines.insert(2, "chcp 65001 >nul")
    if any(len(row) > _LONGEST_CMD for row in lines):
        lines = [
            "@echo off",
            "rem cmd cannot take lines of this length.",
            "echo Use the PowerShell script instead.",
            "exit /b 1",
        ]
    return "\r\n".join(lines) + "\r\n"


def _cmd_plain(text: str) -> str:
    """As it stands outside quotes: every special character is escaped, so no quote ever opens."""
    return _CMD_SPECIAL.sub(r"^\1", text).replace("%", "%%")


def _cmd_word(word: str) -> str:
    """A word of a command that `call` reads twice."""
    return word if re.fullmatch(r"[\w./:=\[\]@+-]+", word, re.ASCII) else f'"{word.replace("%", "%%%%")}"'


def _cmd_value(value: str) -> str:
    return _ascii(value) if jsons.is_object(value) else value


def _ascii(json: str) -> str:
    r"""JSON in ASCII, whatever the console's code page."""

    def escaped(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))

    return re.sub(r"[^\x00-\x7f]", escaped, json)


SHELLS: Final = (
    Shell("sh", "Linux, macOS", "sh", "sh ./{name}", _sh),
    Shell("powershell", "PowerShell", "ps1", "powershell -ExecutionPolicy Bypass -File .\\{name}", _powershell),
    Shell("cmd", "cmd", "cmd", ".\\{name}", _cmd),
)
