"""Tools whose schema is Anthropic's own and whose execution is the client's.

A request names only their type and version; the model knows them by training. Other models need the schema, so it is
written out here (from Anthropic's public tool documentation). Dropping such a tool would break the client.
"""

from typing import Any, Final

_PATH: Final = {"type": "string", "description": "Absolute path to a file or directory."}

_BASH: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "description": "The bash command to run. Required unless the tool is restarted."},
        "restart": {"type": "boolean", "description": "True restarts the tool. Otherwise leave it unspecified."},
    },
}
_EDITOR: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {
            "type": "string",
            "enum": ["view", "create", "str_replace", "insert"],
            "description": "What to do.",
        },
        "path": _PATH,
        "file_text": {"type": "string", "description": "For `create`: the content of the file."},
        "old_str": {"type": "string", "description": "For `str_replace`: the text to replace, exactly as it stands."},
        "new_str": {"type": "string", "description": "For `str_replace` and `insert`: the new text."},
        "insert_line": {
            "type": "integer",
            "description": "For `insert`: the line after which the text goes, 0 = first.",
        },
        "insert_text": {"type": "string", "description": "For `insert`: the text to insert."},
        "view_range": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "For `view`: first and last line, from 1; -1 = to the end.",
        },
    },
    "required": ["command", "path"],
}
_MEMORY: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {
            "type": "string",
            "enum": ["view", "create", "str_replace", "insert", "delete", "rename"],
            "description": "What to do in the /memories directory.",
        },
        "path": _PATH,
        "file_text": {"type": "string"},
        "old_str": {"type": "string"},
        "new_str": {"type": "string"},
        "insert_line": {"type": "integer"},
        "insert_text": {"type": "string"},
        "old_path": {"type": "string"},
        "new_path": {"type": "string"},
        "view_range": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["command"],
}
_COORDINATE: Final = {"type": "array", "items": {"type": "integer"}, "description": "x and y in pixels."}
_COMPUTER: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "action": {
            "type": "string",
            "enum": [
                "key",
                "type",
                "mouse_move",
                "left_click",
                "left_click_drag",
                "right_click",
                "middle_click",
                "double_click",
                "triple_click",
                "left_mouse_down",
                "left_mouse_up",
                "scroll",
                "hold_key",
                "wait",
                "screenshot",
                "cursor_position",
                "zoom",
            ],
        },
        "coordinate": _COORDINATE,
        "start_coordinate": _COORDINATE,
        "region": {"type": "array", "items": {"type": "integer"}, "description": "For `zoom`: x0, y0, x1, y1."},
        "text": {"type": "string", "description": "The text to type, or the keys to press."},
        "duration": {"type": "number", "description": "Seconds."},
        "scroll_direction": {"type": "string", "enum": ["up", "down", "left", "right"]},
        "scroll_amount": {"type": "integer"},
    },
    "required": ["action"],
}

# By prefix and not by a closed list of dates: new versions keep the arguments.
_BY_PREFIX: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("bash_", "Run a command in a persistent bash session and return its output.", _BASH),
    ("text_editor_", "View, create and edit text files.", _EDITOR),
    ("memory_", "Read and keep notes in files below /memories that outlive this conversation.", _MEMORY),
    ("computer_", "Use the mouse, the keyboard and the screen of a computer.", _COMPUTER),
)


def builtin(tool_type: str) -> tuple[str, dict[str, Any]] | None:
    """Return description and schema of an Anthropic-schema client tool, None for other types."""
    if tool_type.startswith("computer_toolset_"):
        return None
    return next(((text, schema) for prefix, text, schema in _BY_PREFIX if tool_type.startswith(prefix)), None)
