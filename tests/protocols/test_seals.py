"""Seals on their way through clients of other dialects: out in an envelope, back, opened, to their own family only."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.answer import Answer, fold, unfold
from dragoman.hub.events import Event
from dragoman.hub.losses import Losses
from dragoman.hub.request import Dialect, Request, Seal, Text, Thinking, ToolCall, ToolResult, Turn
from dragoman.hub.route import Profile
from dragoman.protocols import BACKENDS, CLIENTS
from dragoman.protocols.seals import PREFIX, Enveloped, Sealer, envelope_in, envelopes_in, opened, seals_in, unsealed
from dragoman.wire import jsons
from tests.asking import C, M, R, read, route_to, write
from tests.crossing import SEALER, on
from tests.laws.making import cut, json_values, texts
from tests.laws.recorded import STAMP, request_of

FAMILY: Final = "one"
# Backends that want their own seals back, and check them.
PROFILES: Final[dict[Dialect, Profile]] = {
    M: Profile(family=FAMILY, checks_seals=True, system_anywhere=True),
    C: Profile(family=FAMILY, reasoning_history="all"),
    R: Profile(family=FAMILY, reasoning_field=None, reasoning_history="none"),
}
DIALECTS: Final[tuple[Dialect, ...]] = (M, C, R)
PAIRS: Final = [(client, backend) for client in DIALECTS for backend in DIALECTS if client != backend]


def reasoning_item(number: int, text: str, sealed: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": f"rs_{number}", "type": "reasoning", "summary": summary, "encrypted_content": sealed}


def seals(backend: Dialect, number: int, text: str) -> st.SearchStrategy[Seal]:
    match backend:
        case "anthropic-messages":
            return st.builds(lambda value: Seal(M, FAMILY, value), texts)
        case "openai-chat":
            detail = st.fixed_dictionaries({"type": st.just("reasoning.encrypted"), "data": texts, "format": texts})
            return st.builds(lambda found: Seal(C, FAMILY, found, "details"), st.lists(detail, min_size=1, max_size=2))
        case "openai-responses":
            return st.builds(lambda v: Seal(R, FAMILY, reasoning_item(number, text, v), "encrypted"), texts)


@st.composite
def thoughts(draw: st.DrawFn, backend: Dialect, number: int) -> Thinking:
    if backend == M and draw(st.booleans()):
        return Thinking("", Seal(M, FAMILY, draw(texts), "redacted"))
    text = draw(texts | st.just(""))
    return Thinking(text, draw(seals(backend, number, text)))


def told(client: Dialect, answer: Answer, *, stream: bool, sealer: Sealer = SEALER) -> bytes:
    """What a client hears of it."""
    envelop = Enveloped(client, sealer)
    events = [said for event in unfold(answer) for said in envelop.feed(event)]
    if not stream:
        return CLIENTS[client].write_answer(fold(events), request_of(client), STAMP)
    writer = CLIENTS[client].stream_writer(request_of(client), STAMP)
    return b"".join(map(writer.feed, events))


def echoed(client: Dialect, heard: bytes, *, stream: bool) -> dict[str, Any]:
    """The client's next request: it brings back what it heard, unread."""
    if stream:
        heard = rewritten(client, heard)
    answer = jsons.read(heard)
    result: Any
    match client:
        case "anthropic-messages":
            result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "ok"}]}
            messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": answer["content"]}, result]
            return {"model": "m", "max_tokens": 9, "messages": messages}
        case "openai-chat":
            result = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}
            messages = [{"role": "user", "content": "hi"}, answer["choices"][0]["message"], result]
            return {"model": "m", "messages": messages}
        case "openai-responses":
            result = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
            output = [{**item, "content": None} if item["type"] == "reasoning" else item for item in answer["output"]]
            return {"model": "m", "input": [{"role": "user", "content": "hi"}, *output, result]}


def rewritten(client: Dialect, stream: bytes) -> bytes:
    """The whole answer that a stream tells, as a client gathers it."""
    if client == R:
        last = stream.removesuffix(b"data: [DONE]\n\n").rstrip().rpartition(b"\ndata: ")[2]
        return jsons.write(jsons.read(last)["response"])
    reader = BACKENDS[client].stream_reader(request_of(client), Profile(family="dragoman", think_tags=()), STAMP)
    return CLIENTS[client].write_answer(fold([*reader.feed(stream), *reader.finish()]), request_of(client), STAMP)


def sealed_in(backend: Dialect, sent: dict[str, Any]) -> list[Any]:
    """The seals that a backend gets back, with what they seal, in order."""
    match backend:
        case "anthropic-messages":
            blocks = [b for m in sent["messages"] if m["role"] == "assistant" for b in m["content"]]
            return [(b["thinking"], b["signature"]) for b in blocks if b["type"] == "thinking"] + [
                b["data"] for b in blocks if b["type"] == "redacted_thinking"
            ]
        case "openai-chat":
            messages = [m for m in sent["messages"] if m["role"] == "assistant"]
            return [detail for m in messages for detail in m.get("reasoning_details", ())]
        case "openai-responses":
            return [item for item in sent["input"] if item["type"] == "reasoning"]


def expected(backend: Dialect, said: list[Thinking]) -> list[Any]:
    found = [(part.text, part.seal) for part in said if part.seal is not None]
    match backend:
        case "anthropic-messages":
            plain = [(text, seal.value) for text, seal in found if seal.form == "signature"]
            return plain + [seal.value for _, seal in found if seal.form == "redacted"]
        case "openai-chat":
            return [detail for _, seal in found for detail in seal.value]
        case "openai-responses":
            return [seal.value for _, seal in found]


def answer_of(*parts: Thinking | Text | ToolCall) -> Answer:
    return Answer(parts=parts, reason="tool_calls")


@pytest.mark.parametrize(("client", "backend"), PAIRS)
@given(data=st.data(), stream=st.booleans())
def test_seals_come_back_to_the_letter(client: Dialect, backend: Dialect, data: st.DataObject, stream: bool) -> None:
    said = [data.draw(thoughts(backend, number)) for number in range(data.draw(st.integers(1, 2)))]
    answer = answer_of(*said, Text("So."), ToolCall("call_1", "f", "{}"))
    heard = told(client, answer, stream=stream)
    way = on(read(client, echoed(client, heard, stream=stream)), backend, PROFILES[backend])
    assert sealed_in(backend, way.sent.body) == expected(backend, said)
    assert PREFIX not in jsons.write_text(way.sent.body)
    assert not any(way.sent.losses.values())


@pytest.mark.parametrize("client", [M, R])
@pytest.mark.parametrize("backend", DIALECTS)
@given(data=st.data())
def test_order_between_calls_survives_where_the_client_keeps_it(
    client: Dialect, backend: Dialect, data: st.DataObject
) -> None:
    if client == backend:
        return
    first, second = data.draw(thoughts(backend, 1)), data.draw(thoughts(backend, 2))
    parts = (first, ToolCall("call_0", "f", "{}"), second, ToolCall("call_1", "f", "{}"))
    request = opened(
        read(client, echoed(client, told(client, answer_of(*parts), stream=True), stream=True)), SEALER, Losses()
    )
    came = [part for turn in request.turns if turn.role == "assistant" for part in turn.parts]
    assert [type(part) for part in came] == [Thinking, ToolCall, Thinking, ToolCall]
    assert [part.seal for part in came if isinstance(part, Thinking)] == [first.seal, second.seal]


@given(texts, st.booleans())
def test_reasoning_that_nobody_sealed_comes_back_without_an_envelope(text: str, stream: bool) -> None:
    """Codex brings back no text of reasoning, but its summary, as which it is said."""
    heard = told(R, answer_of(Thinking(text), ToolCall("call_1", "f", "{}")), stream=stream)
    assert PREFIX.encode() not in heard
    way = on(read(R, echoed(R, heard, stream=stream)), C, PROFILES[C])
    assert [m.get("reasoning_content") for m in way.sent.messages if m["role"] == "assistant"] == [text]


def test_what_the_clients_own_dialect_sealed_needs_no_envelope() -> None:
    for dialect, value in (
        (M, "sig"),
        (R, reasoning_item(1, "hm", "E")),
        (C, [{"type": "reasoning.encrypted", "data": "E"}]),
    ):
        form: Any = {M: "signature", R: "encrypted", C: "details"}[dialect]
        answer = answer_of(Thinking("hm", Seal(dialect, FAMILY, value, form)), Text("So."))
        assert PREFIX.encode() not in told(dialect, answer, stream=True)


# What is not whole is not there.


def with_envelope(client: Dialect, envelope: str) -> Request:
    seal: Any
    match client:
        case "anthropic-messages":
            seal = {"type": "thinking", "thinking": "shown", "signature": envelope}
            messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [seal]}]
            return read(
                M, {"model": "m", "max_tokens": 9, "messages": [*messages, {"role": "user", "content": "go on"}]}
            )
        case "openai-chat":
            details = [{"type": "reasoning.encrypted", "data": envelope, "index": 0}]
            said = {"role": "assistant", "content": "So.", "reasoning_content": "shown", "reasoning_details": details}
            return read(
                C,
                {"model": "m", "messages": [{"role": "user", "content": "hi"}, said, {"role": "user", "content": "x"}]},
            )
        case "openai-responses":
            item = {**reasoning_item(1, "shown", envelope)}
            return read(
                R, {"model": "m", "input": [{"role": "user", "content": "hi"}, item, {"role": "user", "content": "x"}]}
            )


GOOD: Final = SEALER.wrap(Seal(M, FAMILY, "sig"), "shown")
_BODY, _, _MAC = GOOD.removeprefix(PREFIX).partition(".")
BAD: Final = {
    "another proxy's": Sealer(b"another secret").wrap(Seal(M, FAMILY, "sig"), "shown"),
    "cut short": GOOD[:-1],
    "without its proof": f"{PREFIX}{_BODY}",
    "with another's proof": f"{PREFIX}{_BODY}x.{_MAC}",
    "one character changed": GOOD.replace(_BODY[5], "A" if _BODY[5] != "A" else "B", 1),
    "nothing": PREFIX,
    "no base64": f"{PREFIX}é.é",
}


@pytest.mark.parametrize("client", DIALECTS)
def test_a_good_envelope_is_opened(client: Dialect) -> None:
    losses = Losses()
    request = opened(with_envelope(client, GOOD), SEALER, losses)
    parts = [part for turn in request.turns for part in turn.parts if isinstance(part, Thinking)]
    assert parts == [Thinking("shown", Seal(M, FAMILY, "sig"))]
    assert losses.noted == []


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_one_that_is_not_whole_is_treated_as_absent(client: Dialect, bad: str) -> None:
    losses = Losses()
    request = opened(with_envelope(client, bad), SEALER, losses)
    parts = [part for turn in request.turns for part in turn.parts if isinstance(part, Thinking)]
    assert [(part.text, part.seal) for part in parts] == [("shown", None)]
    assert [loss.warned for loss in losses.noted] == [True]
    for backend in DIALECTS:
        assert PREFIX not in jsons.write_text(on(with_envelope(client, bad), backend, PROFILES[backend]).sent.body)


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="ascii"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    tampered = GOOD[:place] + character + GOOD[place + 1 :]
    assert SEALER.unwrap(tampered) in ((None,) if tampered != GOOD else (Thinking("shown", Seal(M, FAMILY, "sig")),))


@given(st.text())
def test_any_text_is_an_envelope_or_none(text: str) -> None:
    assert SEALER.unwrap(PREFIX + text) is None


@given(texts, json_values, st.sampled_from(DIALECTS), texts)
def test_what_is_wrapped_is_what_is_unwrapped(text: str, value: Any, dialect: Dialect, origin: str) -> None:
    seal = Seal(dialect, origin, value, "encrypted")
    assert SEALER.unwrap(SEALER.wrap(seal, text)) == Thinking(text, seal)


def test_of_several_envelopes_those_that_open_are_kept() -> None:
    details = [{"data": BAD["cut short"]}, {"data": GOOD}, {"data": "a vendor's own"}]
    losses, part = Losses(), Thinking("shown", Seal(C, "", details, "details"))
    request = Request(dialect=C, model="m", turns=(Turn("assistant", (part, Text("So."))),))
    (turn,) = opened(request, SEALER, losses).turns
    assert turn.parts == (Thinking("shown", Seal(M, FAMILY, "sig")), Text("So."))
    assert len(losses.noted) == 1


@pytest.mark.parametrize("value", ["sig", [{"data": "x"}, 7], {"encrypted_content": "x"}, {}, None, 7])
def test_a_vendors_own_seal_is_no_envelope(value: Any) -> None:
    seal = Seal(M, FAMILY, value)
    assert (envelope_in(seal), envelopes_in(seal)) == (None, [])
    request = Request(
        dialect=M, model="m", turns=(Turn("assistant", (Thinking("t", seal),)), Turn("user", (ToolResult("c"),)))
    )
    assert opened(request, SEALER, Losses()) is request


def test_a_seal_goes_to_its_own_family_only() -> None:
    request = opened(with_envelope(R, GOOD), SEALER, Losses())
    other = Profile(family="another", checks_seals=True)
    sent = write(request, route_to(M, other)).body
    assert sealed_in(M, sent) == []


@given(st.data())
def test_growth_passes_as_it_comes(data: st.DataObject) -> None:
    text = data.draw(texts)
    envelop = Enveloped(R, SEALER)
    events: list[Event] = unfold(answer_of(Thinking(text, Seal(M, FAMILY, "sig"))))
    said = [e for event in events for e in envelop.feed(event)]
    assert said[:-2] == events[:-2]
    assert data.draw(cut(text)) is not None


def test_what_is_refused_has_no_seal_and_all_else_stays_as_it_was() -> None:
    theirs, ours = (Thinking("hm", Seal(M, "anthropic", value)) for value in ("theirs", "ours"))
    encrypted = [Thinking("", Seal(R, FAMILY, {"encrypted_content": each}, "encrypted")) for each in ("ours", "theirs")]
    redacted = Thinking("", Seal(M, "anthropic", "theirs", "redacted"))
    turn = Turn("assistant", (theirs, Text("theirs"), ours, redacted, Thinking("bare"), *encrypted))
    request = Request(model="m", turns=(Turn("user", (Text("theirs"),)), turn), dialect=M)
    (asked, said) = unsealed(request, lambda seal: seal == "theirs").turns
    assert asked == request.turns[0]
    assert said.parts == (Thinking("hm"), *turn.parts[1:-1])
    assert unsealed(request, lambda _: False) == request
    assert [*seals_in(request)] == ["theirs", "ours", "ours", "theirs"]
