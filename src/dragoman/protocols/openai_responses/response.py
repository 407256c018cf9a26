"""The Response object: what every terminal and lifecycle event of this dialect carries."""

from typing import Any, Final

from msgspec import Raw

from dragoman.hub.request import Request
from dragoman.hub.usage import Usage
from dragoman.protocols.codec import Stamp
from dragoman.protocols.openai_responses.usage import write_usage
from dragoman.wire import jsons

# Fields of the request that the response repeats, and what they are where the client said nothing. All of them are
# always there: parsers of this dialect are strict about absent members.
ECHOED: Final[dict[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "background": False,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}

# What Open Responses demands of a function; its clients may leave it out.
_FUNCTION: Final[dict[str, Any]] = {"description": None, "parameters": None, "strict": None}

_HEAD: Final = b'{"id":"%b","object":"response","created_at":%d,"model":%b'
_USUAL: Final[dict[str, Any]] = {key: Raw(jsons.write(value)) for key, value in ECHOED.items()}
_ECHO: Final = jsons.write(_USUAL)[1:]


def said_in(request: Request) -> dict[str, Any]:
    """The request's own members but for the input, as a client of this dialect said them; else nothing."""
    said = request.extra.get("said") if request.dialect == "openai-responses" else None
    return said if isinstance(said, dict) else {}


def response_of(item_id: str) -> str:
    """The id of the response that has an item, which the item's own id tells (`_number` in answer_writer.py)."""
    return f"resp_{item_id.partition('_')[2][:-8]}"


def _whole_tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function" or _FUNCTION.keys() <= tool.keys():
        return tool
    return {**_FUNCTION, **tool}


class ResponseObject:
    """The object of one answer, whose repeated part is encoded once. said: the request, as it was said.

    Of an object that was said in part, the rest is as usual.
    """

    def __init__(self, said: dict[str, Any], model: str, stamp: Stamp) -> None:
        self.id: Final = f"resp_{stamp.id}"
        self._at: Final = stamp.at
        self._to_codex: Final = "client_metadata" in said
        self._head: Final = _HEAD % (self.id.encode(), stamp.at, jsons.write(model))
        self._unusual: Final[dict[str, Any]] = {}
        for key, value in said.items():
            if key in ECHOED and value is not None:
                usual = ECHOED[key]
                if key == "tools" and isinstance(value, list):
                    value = list(map(_whole_tool, value))  # noqa: PLW2901 - said whole
                self._unusual[key] = (
                    {**usual, **value} if isinstance(usual, dict) and isinstance(value, dict) else value
                )
        self._echo = jsons.write(_USUAL | self._unusual)[1:] if self._unusual else _ECHO

    @classmethod
    def of(cls, request: Request, stamp: Stamp) -> "ResponseObject":
        return cls(said_in(request), request.model, stamp)

    def serve(self, tier: str) -> None:
        """What the backend calls the tier in which it has answered takes the place of what was asked for."""
        if tier != self._unusual.get("service_tier", ECHOED["service_tier"]):
            self._unusual["service_tier"] = tier
            self._echo = jsons.write(_USUAL | self._unusual)[1:]

    def write(
        self,
        status: str,
        output: list[Any],
        usage: Usage | None = None,
        error: dict[str, Any] | None = None,
        incomplete: str | None = None,
    ) -> bytes:
        """output: items, as objects or as the bytes of objects."""
        said = {
            "status": status,
            "completed_at": self._at if status == "completed" else None,
            "error": error,
            "incomplete_details": None if incomplete is None else {"reason": incomplete},
            "output": output,
            "usage": None if usage is None else write_usage(usage, of_window=self._to_codex),
        }
        return b"%b,%b,%b" % (self._head, jsons.write(said)[1:-1], self._echo)
