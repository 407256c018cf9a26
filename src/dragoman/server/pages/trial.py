"""A short question to a model, asked as a client asks it, to see whether it answers."""

import time
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway import exchange
from dragoman.gateway.call import Call, Outlet, ReadBody, new_id
from dragoman.gateway.gateway import Gateway
from dragoman.protocols import CLIENTS
from dragoman.wire import jsons

_OK: Final = 200
_PATH: Final = "/v1/chat/completions"
_QUESTION: Final = "This is a test of the connection. Answer with one short sentence."
_MOST_TOKENS: Final = 1_000  # some think before they answer
_ASKER: Final = Key("admin page")


class Trial(Struct, frozen=True):
    """text: what the model said, or what went wrong. milliseconds: until the answer was there."""

    is_answered: bool
    text: str
    milliseconds: int


async def try_model(name: str, gateway: Gateway) -> Trial:
    """The question is an exchange like any other: it is in the log and in the ledger, and counts for the backend."""
    heard = _Heard()
    body = jsons.write(
        {"model": name, "max_tokens": _MOST_TOKENS, "messages": [{"role": "user", "content": _QUESTION}]}
    )
    call = Call(new_id(), "POST", _PATH, "", {"content-type": "application/json"}, _admit, _reading(body), heard)
    began = time.monotonic()
    await exchange.exchange(call, CLIENTS["openai-chat"], exchange.on_model(exchange.answer), gateway)
    milliseconds = round((time.monotonic() - began) * 1000)
    if heard.status != _OK:
        return Trial(is_answered=False, text=_complaint(heard.body), milliseconds=milliseconds)
    return Trial(is_answered=True, text=_said(heard.body), milliseconds=milliseconds)


async def _admit(snapshot: Snapshot) -> Key:  # noqa: ARG001 - whoever it is, he has logged in
    return _ASKER


def _reading(body: bytes) -> ReadBody:
    async def read(limit: int) -> bytes:  # noqa: ARG001 - it is short
        return body

    return read


class _Heard(Outlet):
    """Keeps the answer."""

    def __init__(self) -> None:
        self.status = 0
        self._pieces: Final[list[bytes]] = []

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes = b"") -> bool:  # noqa: ARG002 - as every outlet
        self.status = status
        return self.write(first)

    def write(self, data: bytes) -> bool:
        self._pieces.append(data)
        return True

    def end(self, data: bytes = b"") -> None:
        self._pieces.append(data)

    async def drained(self) -> None: ...

    @property
    def hears(self) -> bool:
        return True

    @property
    def body(self) -> Any:
        try:
            return jsons.read(b"".join(self._pieces))
        except jsons.JSONError:
            return {}


def _complaint(body: Any) -> str:
    """The message of an error as Chat clients are told it."""
    error = body.get("error") if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "the proxy gave no reason; its log has more"


def _said(body: Any) -> str:
    """The text of an answer, or why there is none."""
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    if isinstance(text, str) and text.strip():
        return text.strip()
    return "(it has answered without a text)"
