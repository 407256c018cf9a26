"""What the proxy's tools have found stays in the conversation, though no client keeps it as a tool's result.

Messages clients bring it back themselves: searches in envelopes, pages as they are. Responses clients bring back items
that name what was searched for, Chat clients nothing at all, so for those it is in the vault, as is how it was said what
has no envelope. In either case the model
is told again what it was told: its call, and the result. The same history is always said the same way, as prompt caches
want it. A backend that has such tools itself knows only its own results; to it ours are text.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeGuard, assert_never

import msgspec

from dragoman.gateway.parties import Parties
from dragoman.hub.answer import Fold
from dragoman.hub.events import Ended, Event, Failed
from dragoman.hub.request import Hit, Opaque, Part, Request, Seal, Text, ToolCall, ToolResult, Turn
from dragoman.protocols.seals import PREFIX, Sealer
from dragoman.protocols.vault_keys import keys_of, keys_of_answer
from dragoman.store.vault import Vault
from dragoman.wire import jsons

_replace: Final = msgspec.structs.replace
_OURS: Final = re.compile(r"(?:srvtoolu|ws)_(?P<id>(?P<round>[0-9a-f]{26})[0-9a-f]{2})\Z")
_OUR_ITEM: Final = re.compile(rb'"ws_[0-9a-f]{28}"')
_SEARCH_ITEM: Final = b'"web_search_call"'
_RESULTS: Final = frozenset({"web_search_tool_result", "web_fetch_tool_result"})
_SHOWN: Final = _RESULTS | {"web_search_call"}
_NOTHING: Final = "No results were found."
# What an envelope of a search holds: all that the model was told of it, or what stands on one page.
_WHOLE: Final = Seal("anthropic-messages", "dragoman", "search", "encrypted")
_PAGE: Final = Seal("anthropic-messages", "dragoman", "page", "encrypted")


class PastRun(NamedTuple):
    """round: those of one were called together. told: the result, as the model read it."""

    round: str
    id: str
    name: str
    arguments: str
    told: str


def run_id(stamp_id: str, round_: int, number: int) -> str:
    """By which a run is found again. stamp_id: of the answer, 24 hex digits."""
    return f"{stamp_id}{round_:02x}{number:02x}"


def sealed(hits: Sequence[Hit], told: str, sealer: Sealer) -> tuple[Hit, ...]:
    """The pages for a client that brings them back unread. The first carries all that the model was told."""
    return tuple(
        _replace(hit, sealed=sealer.wrap(_PAGE if place else _WHOLE, hit.text if place else told))
        for place, hit in enumerate(hits)
    )


def are_brought(members: jsons.Members) -> bool:
    """Whether a Responses request brings back items of the proxy's, which no backend knows.

    members: of its body.
    """
    brought = bytes(members.get("input", b""))
    return brought.find(_SEARCH_ITEM) >= 0 and _OUR_ITEM.search(brought) is not None


def remember_item(vault: Vault, owner: str, id_: str, run: PastRun) -> None:
    """For clients that bring back something of this id."""
    vault.remember(owner, (f"run:{id_}",), jsons.write_text([*run]))


class RememberedRuns:
    """A filter over what a Chat client is told: what was run for it is kept under what was said with it.

    runs: of the answer; they come to be known while it is said.
    """

    cut: Final = False

    def __init__(self, vault: Vault, owner: str, runs: Sequence[PastRun]) -> None:
        self._vault: Final = vault
        self._owner: Final = owner
        self._runs: Final = runs
        self._fold: Final = Fold()

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, Failed):
            return [event]
        self._fold.feed(event)
        if isinstance(event, Ended) and self._runs:
            keys = tuple(f"runs:{key}" for key in keys_of_answer(self._fold.answer()))
            self._vault.remember(self._owner, keys, jsons.write_text([[*run] for run in self._runs]))
        return [event]


def restored(request: Request, parties: Parties, *, kept: bool, natively: bool) -> Request:
    """The request with the results of earlier runs in their places.

    kept: the model has tools of the proxy's, so that runs for a Chat client may be remembered. natively: the backend
    searches the web itself.
    """
    if not (kept if request.dialect == "openai-chat" else _has_runs(request.turns)):
        return request
    restoring = _Restoring(request, parties, natively=natively)
    match request.dialect:
        case "anthropic-messages":
            of_turn = restoring.of_messages
        case "openai-responses":
            of_turn = restoring.of_responses
        case "openai-chat":
            of_turn = restoring.of_chat
        case _:
            assert_never(request.dialect)
    turns = tuple(new for turn in request.turns for new in (of_turn(turn) if turn.role == "assistant" else (turn,)))
    return request if len(turns) == len(request.turns) and not restoring.changed else _replace(request, turns=turns)


class _Restoring:
    """changed: something was said anew, if only in another way."""

    def __init__(self, request: Request, parties: Parties, *, natively: bool) -> None:
        self._natively: Final = natively
        self._dialect: Final = request.dialect
        self._sealer: Final = parties.gateway.sealer
        self._vault: Final = parties.gateway.vault
        self._owner: Final = parties.entry.owner
        self.changed = False

    def of_messages(self, turn: Turn) -> Iterator[Turn]:
        runs = self._runs_in(turn)
        if not runs:
            yield turn
            return
        self.changed = True
        splitting = _Splitting(turn, natively=self._natively)
        for part in turn.parts:
            if isinstance(part, ToolCall) and part.by == "backend" and part.id in runs:
                continue
            if _is_result(part) and (run := runs.get(part.raw.get("tool_use_id"))) is not None:
                yield from splitting.ran(run, part.holds)
            else:
                yield from splitting.said(_without_our_citations(part))
        yield from splitting.rest()

    def _runs_in(self, turn: Turn) -> dict[str, PastRun]:
        results = [part for part in turn.parts if _is_result(part)]
        if not results:
            return {}
        calls = {part.id: part for part in turn.parts if isinstance(part, ToolCall) and part.by == "backend"}
        found: dict[str, PastRun] = {}
        for result in results:
            call = calls.get(result.raw.get("tool_use_id"))
            if call is not None and (told := self._told(result, call)) is not None:
                ours = _OURS.match(call.id)
                found[call.id] = PastRun(ours["round"] if ours else call.id, call.id, call.name, call.arguments, told)
        return found

    def _told(self, result: Opaque, call: ToolCall) -> str | None:
        """What the model was told of this result; None where the backend's own vendor sealed it, or understands it."""
        content = result.raw.get("content")
        if isinstance(content, list) and content:
            return _opened(content, self._sealer)
        ours = _OURS.match(call.id)
        if self._natively or not (ours or result.kind == "web_fetch_tool_result"):
            return None
        if ours and (known := self._recalled(ours["id"])) is not None:
            return known.told
        return _NOTHING if content == [] else result.gist

    def of_responses(self, turn: Turn) -> Iterator[Turn]:
        if not any(_own_item(part) for part in turn.parts):
            yield turn
            return
        self.changed = True
        splitting = _Splitting(turn, natively=self._natively)
        for part in turn.parts:
            ours = _own_item(part)
            if ours is None or not isinstance(part, Opaque):
                yield from splitting.said(part)
            elif (run := self._recalled(ours)) is not None:
                yield from splitting.ran(run)
            else:
                yield from splitting.said(Text(part.gist or ""))
        yield from splitting.rest()

    def _recalled(self, id_: str) -> PastRun | None:
        known = self._vault.recall(self._owner, (f"run:{id_}",))
        return None if known is None else PastRun(*jsons.read(known))

    def of_chat(self, turn: Turn) -> Iterator[Turn]:
        keys = tuple(f"runs:{key}" for key in keys_of(turn))
        known = self._vault.recall(self._owner, keys) if keys else None
        if known is None:
            yield turn
            return
        splitting = _Splitting(turn, natively=False)
        for run in jsons.read(known):
            yield from splitting.ran(PastRun(*run))
        for part in turn.parts:
            yield from splitting.said(part)
        yield from splitting.rest()


class _Splitting:
    """One turn of the assistant as several, with the results of the proxy's runs between them."""

    def __init__(self, turn: Turn, *, natively: bool) -> None:
        self._turn: Final = turn
        self._natively: Final = natively
        self._parts: list[Part] = []
        self._results: list[Part] = []
        self._round = ""

    def said(self, part: Part) -> Iterator[Turn]:
        yield from self._end_of_round()
        self._parts.append(part)

    def ran(self, run: PastRun, files: tuple[Part, ...] = ()) -> Iterator[Turn]:
        """files: that were found besides what can be told in text."""
        if self._natively:
            yield from self.said(Text(f"[{run.name}: {run.arguments}]\n{run.told}"))
            return
        if run.round != self._round:
            yield from self._end_of_round()
        self._round = run.round
        self._parts.append(ToolCall(run.id, run.name, run.arguments))
        self._results.append(ToolResult(run.id, (Text(run.told), *files)))

    def rest(self) -> Iterator[Turn]:
        yield from self._end_of_round()
        if self._parts:
            yield _replace(self._turn, parts=tuple(self._parts))

    def _end_of_round(self) -> Iterator[Turn]:
        if self._results:
            yield Turn("assistant", tuple(self._parts), path=self._turn.path)
            yield Turn("user", tuple(self._results), path=self._turn.path)
            self._parts, self._results = [], []


def _has_runs(turns: Sequence[Turn]) -> bool:
    """Whether a look is worth it: most conversations are long and have none."""
    for turn in turns:
        if turn.role == "assistant":
            for part in turn.parts:
                if type(part) is Opaque and part.kind in _SHOWN:
                    return True
    return False


def _is_result(part: Part) -> TypeGuard[Opaque]:
    return isinstance(part, Opaque) and part.kind in _RESULTS and isinstance(part.raw, dict)


def _without_our_citations(part: Part) -> Part:
    """The part as a vendor takes it: each citation of a search has its seal, and ours have none."""
    cited = part.extra.get("citations") if isinstance(part, Text) else None
    if not isinstance(part, Text) or not isinstance(cited, list):
        return part
    kept = [one for one in cited if not isinstance(one, dict) or one.get("encrypted_index") != ""]
    extra = {name: value for name, value in part.extra.items() if name != "citations"}
    return _replace(part, extra={**extra, "citations": kept} if kept else extra)


def _own_item(part: Part) -> str | None:
    """The id of the run that an item of Responses stands for."""
    if not isinstance(part, Opaque) or part.kind != "web_search_call" or not isinstance(part.raw, dict):
        return None
    ours = _OURS.match(str(part.raw.get("id")))
    return ours["id"] if ours else None


def _opened(content: list[Any], sealer: Sealer) -> str | None:
    """None where no envelope is ours. Clients may leave out pages, also the one that has all."""
    pages: list[str] = []
    for hit in content:
        envelope = hit.get("encrypted_content") if isinstance(hit, dict) else None
        inside = sealer.unwrap(envelope) if isinstance(envelope, str) and envelope.startswith(PREFIX) else None
        if inside is None or inside.seal is None:
            continue
        if inside.seal.value == _WHOLE.value:
            return inside.text
        pages.append(f"[{hit.get('title')}]({hit.get('url')})\n{inside.text}")
    return "\n\n".join(pages) if pages else None
