"""Tools whose schema is OpenAI's own and whose execution is the client's: `local_shell`, `shell`, `apply_patch`.

A request names only their type. Other models need the schema, so it is written out here (from OpenAI's public
documentation), in the shape of the call's own object, so that a call is restored without guessing.
"""

from typing import Any, Final

from dragoman.hub.request import CallKind

_STRINGS: Final = {"type": "array", "items": {"type": "string"}}

_LOCAL_SHELL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {**_STRINGS, "description": "The program and its arguments."},
        "working_directory": {"type": "string", "description": "Where to run it."},
        "timeout_ms": {"type": "integer"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["command"],
}
_SHELL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "commands": {**_STRINGS, "description": "Shell commands, run one after another."},
        "timeout_ms": {"type": "integer"},
        "max_output_length": {"type": "integer", "description": "Characters of output to return."},
    },
    "required": ["commands"],
}
_APPLY_PATCH: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
        "path": {"type": "string", "description": "The file, relative to the working directory."},
        "diff": {"type": "string", "description": "For create_file and update_file: the change, in V4A diff format."},
    },
    "required": ["type", "path"],
}

SHELLS: Final[dict[CallKind, tuple[str, dict[str, Any]]]] = {
    "local_shell": ("Run a program on the user's machine and return its output.", _LOCAL_SHELL),
    "shell": ("Run shell commands on the user's machine and return their output.", _SHELL),
    "apply_patch": ("Create, update or delete one file.", _APPLY_PATCH),
}
# What the call's object must hold for its client to be able to run it.
REQUIRED: Final[dict[CallKind, tuple[tuple[str, type], ...]]] = {
    "local_shell": (("command", list),),
    "shell": (("commands", list),),
    "apply_patch": (("type", str), ("path", str)),
}
