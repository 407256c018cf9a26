"""The words of ASGI, in which uvicorn speaks of the app's life and of WebSockets. HTTP takes a shorter way: connection.py."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = Mapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


def peer_of(scope: Scope) -> str | None:
    """The address that a client comes from."""
    return scope["client"][0] if scope.get("client") else None


def headers_of(scope: Scope) -> dict[str, str]:
    """Names in lower case; of a repeated name the values are joined, as HTTP allows."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
