"""What items that only Responses knows come down to in plain text."""

from typing import Final

from dragoman.protocols.fields import Object

# Said to the API and not to the model.
_SILENT: Final = frozenset(
    {
        "configuration_update",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "placeholder",
    }
)
_HOSTED_CALLS: Final = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "computer_call",
        "mcp_call",
    }
)


def gist(kind: str, of: Object) -> str | None:
    """The text other dialects may say for the item; "" = none is needed, None = nothing can stand for it."""
    match of:
        case {"type": "web_search_call", "action": dict(action)}:
            return f"[searched the web for: {action.get('query') or action.get('url') or ''}]"
        case {"type": "mcp_call", "name": str(name)}:
            return f"[{name}: {of.get('output') or of.get('error') or ''}]"
    if kind in _SILENT:
        return ""
    return f"[{kind}]" if kind in _HOSTED_CALLS else None
