"""What items that only Responses knows come down to in plain text."""

from typing import Final

from dragoman.protocols.fields import Object

_CIPHER: Final = "gAAAA"  # how OpenAI's begin: Fernet's version and the first zeros of the time
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
        case {"type": "agent_message", "content": list(content)}:
            return _between_agents(content)
    if kind in _SILENT:
        return ""
    return f"[{kind}]" if kind in _HOSTED_CALLS else None


def _between_agents(content: list[object]) -> str | None:
    """What one of Codex's agents tells another. The task is under `encrypted_content`, where OpenAI's API would have put
    a cipher in the place of what the model had said; other models' words stand there as they were.
    """
    said: list[str] = []
    for part in content:
        match part:
            case {"type": "input_text", "text": str(text)}:
                said.append(text)
            case {"type": "encrypted_content", "encrypted_content": str(text)} if not text.startswith(_CIPHER):
                said.append(text)
            case _:
                return None
    return "".join(said)
