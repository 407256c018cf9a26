"""The only door to the JSON libraries.

Reading is tolerant of what real peers send and JSON forbids (invalid UTF-8, half surrogate pairs, raw control
characters, NaN): bad characters become U+FFFD, since refusing a whole conversation for one broken character helps
nobody. Writing is strict. Key order is always kept: it reaches the model's prompt and the prefix cache.
"""

import json  # noqa: TID251 - the door itself
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw

Members: TypeAlias = dict[str, Raw]

_decoder: Final = msgspec.json.Decoder()  # noqa: TID251
_members: Final = msgspec.json.Decoder(Members)  # noqa: TID251
_elements: Final = msgspec.json.Decoder(list[Raw])  # noqa: TID251
_encoder: Final = msgspec.json.Encoder()  # noqa: TID251
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class JSONError(ValueError):
    """Not JSON. The message says what and where, and quotes nothing of the text."""


def read(data: bytes | str) -> Any:
    """Return the value, or raise JSONError."""
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise JSONError("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError):
        return _read_tolerantly(data)


def read_mended(data: bytes, mend: Callable[[bytes], bytes]) -> Any:
    """As `read`. mend: puts right what it can of what is not JSON to the letter."""
    try:
        return _decoder.decode(data)
    except (RecursionError, msgspec.DecodeError, UnicodeError):
        return read(mend(data))


def is_object(text: str) -> bool:
    """Whether this is one JSON object to the letter, as a strict reader takes it."""
    try:
        return isinstance(_decoder.decode(text), dict)
    except (RecursionError, msgspec.DecodeError, UnicodeError):
        return False


def _read_tolerantly(data: bytes | str) -> Any:
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        return _clean(json.loads(text.removeprefix("\ufeff"), strict=False))
    except json.JSONDecodeError as error:
        raise JSONError(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise JSONError("nested too deeply") from None
    except ValueError as error:
        raise JSONError(str(error)) from None


def _clean(value: Any) -> Any:
    """The value with U+FFFD for half surrogate pairs and null for numbers that are none."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write(value: Any) -> bytes:
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_clean(value))


def write_text(value: Any) -> str:
    return write(value).decode()


def members(body: bytes) -> Members:
    """Return the top-level members of an object, their values still as the bytes that were sent.

    Raise JSONError if it is not an object. About 0.7 ms per MiB: values are skipped over, not built.
    """
    try:
        return _members.decode(body)
    except RecursionError:
        raise JSONError("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError):
        value = _read_tolerantly(body)
    if not isinstance(value, dict):
        raise JSONError("expected a JSON object")
    return {key: Raw(write(item)) for key, item in value.items()}


def elements(raw: Raw) -> list[Raw] | None:
    """Return the elements of an array, each still as the bytes that were sent; None if it is no array."""
    try:
        return _elements.decode(raw)
    except (RecursionError, msgspec.DecodeError, UnicodeError):
        value = _read_tolerantly(bytes(raw))
    return [Raw(write(item)) for item in value] if isinstance(value, list) else None


def value_of(raw: Raw | None) -> Any:
    """Return the value of one member, None where there is none."""
    if raw is None:
        return None
    try:
        return _decoder.decode(raw)
    except (RecursionError, msgspec.DecodeError, UnicodeError):
        return read(bytes(raw))


def patch(found: Members, changes: dict[str, Any]) -> bytes:
    """Write the members back, every byte of every value as it was but for `changes`."""
    return _encoder.encode({**found, **changes})


def write_pretty(value: Any, indent: int = 2) -> str:
    """For people: a member a line."""
    return msgspec.json.format(write(value), indent=indent).decode()  # noqa: TID251
