"""How a seal travels through a client of another dialect: in an envelope of ours that the client echoes unread.

    dgm1.<base64url of zlib of JSON>.<base64url of the first 16 bytes of an HMAC-SHA256>

Inside are the family that made the seal, the seal and the reasoning it seals, byte for byte. Only an envelope that is
whole is opened; whatever else comes under this name is treated as absent. No envelope is ever sent to a backend, unless
that is such a proxy itself: then it may be its own.
"""

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, get_args

import msgspec
from msgspec import Struct

from dragoman.hub.events import Closed, Event, Grew, Opened, Showed
from dragoman.hub.losses import Losses
from dragoman.hub.request import Dialect, Part, Request, Seal, Thinking, Turn
from dragoman.wire import jsons

PREFIX: Final = "dgm1."
_MAC_BYTES: Final = 16
_MAX_BYTES: Final = 16 * 2**20  # inflated
_DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)
_FORMS: Final = ("signature", "redacted", "encrypted", "details")
_replace: Final = msgspec.structs.replace


class Sealer:
    """secret: the proxy's own; an envelope of another proxy does not open."""

    def __init__(self, secret: bytes) -> None:
        self._secret: Final = secret

    def wrap(self, seal: Seal, text: str) -> str:
        said = {"d": seal.dialect, "o": seal.origin, "f": seal.form, "v": seal.value, "t": text}
        body = base64.urlsafe_b64encode(zlib.compress(jsons.write(said))).rstrip(b"=")
        return f"{PREFIX}{body.decode()}.{self._mac(body)}"

    def unwrap(self, envelope: str) -> Thinking | None:
        """The reasoning with its seal, None if the envelope is not whole or not ours."""
        body, _, mac = envelope.removeprefix(PREFIX).encode("utf-8", "replace").partition(b".")
        if not envelope.startswith(PREFIX) or not hmac.compare_digest(self._mac(body).encode(), mac):
            return None
        try:
            inflater = zlib.decompressobj()
            raw = inflater.decompress(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)), _MAX_BYTES)
            return _thinking(jsons.read(raw))
        except (binascii.Error, zlib.error, jsons.JSONError):
            return None

    def _mac(self, body: bytes) -> str:
        digest = hmac.digest(self._secret, body, hashlib.sha256)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _thinking(said: Any) -> Thinking | None:
    match said:
        case {"d": str(dialect), "o": str(origin), "f": str(form), "v": value, "t": str(text)}:
            for known in _DIALECTS:
                if known == dialect and form in _FORMS:
                    return Thinking(text, Seal(known, origin, value, form))  # type: ignore[arg-type]  # checked above
    return None


def opened(request: Request, sealer: Sealer, losses: Losses, *, keep: bool = False) -> Request:
    """The request with its envelopes opened. One that does not open leaves its reasoning without a seal, unless such are
    to be kept.
    """
    for turn in request.turns:
        for part in turn.parts:
            if type(part) is Thinking and envelopes_in(part.seal):
                return _replace(
                    request, turns=tuple([_opened_turn(turn, sealer, losses, keep=keep) for turn in request.turns])
                )
    return request


def _opened_turn(turn: Turn, sealer: Sealer, losses: Losses, *, keep: bool) -> Turn:
    parts: list[Part] = []
    for part in turn.parts:
        if isinstance(part, Thinking) and (envelopes := envelopes_in(part.seal)):
            parts += _opened_part(part, envelopes, turn.path, sealer, losses, keep=keep)
        else:
            parts.append(part)
    return _replace(turn, parts=tuple(parts))


def _opened_part(
    part: Thinking, envelopes: Sequence[str], path: str, sealer: Sealer, losses: Losses, *, keep: bool
) -> Sequence[Thinking]:
    """What is inside takes the place of what the client shows of it; a chat message has all its reasoning in one."""
    inside = [thought for envelope in envelopes if (thought := sealer.unwrap(envelope)) is not None]
    if keep and not inside:
        return [part]
    if len(inside) < len(envelopes):
        losses.warn(path, "reasoning came back under a seal that is not this proxy's, and is sent without it")
    return inside or [_replace(part, seal=None)]


def unsealed(request: Request, is_refused: Callable[[str], bool]) -> Request:
    """The request in which reasoning has no seal that is refused. What was encrypted is gone with it: who decrypts
    reasoning takes none as text.
    """
    turns = tuple(
        _replace(turn, parts=tuple(left for part in turn.parts if (left := _unsealed(part, is_refused)) is not None))
        for turn in request.turns
    )
    return _replace(request, turns=turns)


def _unsealed(part: Part, is_refused: Callable[[str], bool]) -> Part | None:
    if type(part) is not Thinking or (seal := part.seal) is None:
        return part
    said = _said(seal)
    if said is None or not is_refused(said):
        return part
    return None if seal.form == "encrypted" else _replace(part, seal=None)


def seals_in(request: Request) -> Iterator[str]:
    for turn in request.turns:
        for part in turn.parts:
            if type(part) is Thinking and part.seal is not None and (said := _said(part.seal)) is not None:
                yield said


def _said(seal: Seal) -> str | None:
    """The proof itself, of the two kinds that backends are known to refuse."""
    match seal:
        case Seal(form="signature", value=str(value)):
            return value
        case Seal(form="encrypted", value={"encrypted_content": str(value)}):
            return value
    return None


def envelopes_in(seal: Seal | None) -> list[str]:
    """The envelopes a client brings back in the place its dialect has for seals; none if it is a vendor's own."""
    match seal:
        case Seal(value=str(value)) if value.startswith(PREFIX):
            return [value]
        case Seal(value={"encrypted_content": str(value)}) if value.startswith(PREFIX):
            return [value]
        case Seal(value=[*details]):
            found = [detail.get("data") for detail in details if isinstance(detail, dict)]
            return [data for data in found if isinstance(data, str) and data.startswith(PREFIX)]
    return []


def envelope_in(seal: Seal | None) -> str | None:
    """The first of them, None if there is none."""
    return next(iter(envelopes_in(seal)), None)


class Enveloped(Struct):
    """A filter over a backend's events: seals the client's dialect cannot hold go into envelopes."""

    cut: ClassVar[bool] = False
    client: Dialect
    sealer: Sealer
    _thoughts: dict[int, list[str]] = {}

    def feed(self, event: Event) -> list[Event]:
        if type(event) is Grew:
            if (pieces := self._thoughts.get(event.block)) is not None:
                pieces.append(event.text)
            return [event]
        if type(event) is Opened and type(event.part) is Thinking:
            self._thoughts[event.block] = []
        elif type(event) is Closed and event.block in self._thoughts:
            text = "".join(self._thoughts.pop(event.block))
            if event.seal is not None and event.seal.dialect != self.client:
                return [_replace(event, seal=self._enveloped(event.seal, text))]
        elif type(event) is Showed and type(event.part) is Thinking:
            seal = event.part.seal
            if seal is not None and seal.dialect != self.client:
                return [Showed(event.block, _replace(event.part, seal=self._enveloped(seal, event.part.text)))]
        return [event]

    def _enveloped(self, seal: Seal, text: str) -> Seal:
        envelope = self.sealer.wrap(seal, text)
        if self.client == "openai-chat":
            return Seal(
                self.client, "dragoman", [{"type": "reasoning.encrypted", "data": envelope, "index": 0}], "details"
            )
        form = "encrypted" if self.client == "openai-responses" else "signature"
        return Seal(self.client, "dragoman", envelope, form)  # type: ignore[arg-type]  # one of two literals
