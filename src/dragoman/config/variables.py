"""`${VAR}` and `${VAR:-default}` in values; `$${` is a plain `${`."""

import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}?")
_INSIDE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.ASCII | re.DOTALL)


def expand(text: str, env: Mapping[str, str]) -> str:
    """Return the text with its variables filled in, or raise ValueError naming the variable.

    As in the shell, the default also stands for a variable that is set but empty.
    """
    if "${" not in text:
        return text
    return _REFERENCE.sub(lambda found: _fill(found, env), text)


def _fill(found: re.Match[str], env: Mapping[str, str]) -> str:
    if found[1] is None:
        return "${"
    inside = _INSIDE.fullmatch(found[1])
    if inside is None or not found[0].endswith("}"):
        # What stands in the braces is not shown: it may be part of a secret.
        raise ValueError("`${` without a variable: write ${NAME} or ${NAME:-default}, or $${ for a plain ${")
    name, default = inside[1], inside[2]
    value = env.get(name, "")
    if value or (name in env and default is None):
        return value
    if default is None:
        raise ValueError(
            f"the environment variable {name} is not set: set it, or give a default as in ${{{name}:-...}}"
        )
    return default
