"""The laws of answers: cutting does not matter, it ends once, what we say is what we would hear."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dragoman.hub.answer import Answer, fold, unfold
from dragoman.hub.events import Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Opaque, Refusal, Seal, Searched, Text, Thinking, ToolCall
from dragoman.hub.route import Profile
from dragoman.hub.usage import Usage
from dragoman.protocols import BACKENDS, CLIENTS
from dragoman.wire import jsons
from tests.laws import making, wires
from tests.laws.grammar import breaches, told
from tests.laws.recorded import STAMP, Recording, each, ours, request_of, streams, vendors, whole_streams

DIALECTS: Final[tuple[Dialect, ...]] = tuple(BACKENDS)
# No tags: text that begins with <think> is text when we are the backend.
PLAIN: Final = Profile(think_tags=())
each_dialect: Final = pytest.mark.parametrize("dialect", DIALECTS)
each_pair: Final = pytest.mark.parametrize(("spoken", "heard"), [(p, q) for p in DIALECTS for q in DIALECTS])


def read(dialect: Dialect, pieces: list[bytes], profile: Profile = PLAIN) -> list[Event]:
    reader = BACKENDS[dialect].stream_reader(request_of(dialect), profile, STAMP)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.finish()


def write(dialect: Dialect, events: list[Event]) -> bytes:
    writer = CLIENTS[dialect].stream_writer(request_of(dialect), STAMP)
    return b"".join([writer.feed(event) for event in events])


def well_formed(dialect: Dialect, wire: bytes) -> list[str]:
    return wires.BREACHES[dialect](wire)


# Cutting the bytes elsewhere changes nothing.


@each(streams())
def test_single_bytes_say_what_the_whole_says(recording: Recording) -> None:
    data = recording.stream
    single = read(recording.dialect, [data[n : n + 1] for n in range(len(data))])
    assert told(single) == told(read(recording.dialect, [data]))


@each(streams())
@given(data=st.data())
@settings(max_examples=15)
def test_any_partition_says_the_same(recording: Recording, data: st.DataObject) -> None:
    sizes = data.draw(making.partitions(min(len(recording.stream), 400)))
    heard = read(recording.dialect, making.in_pieces(recording.stream, sizes))
    assert told(heard) == told(read(recording.dialect, [recording.stream]))


@each(streams())
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
def test_line_endings_do_not_matter(recording: Recording, ending: bytes) -> None:
    other = recording.stream.replace(b"\n", ending)
    cut_everywhere = [other[n : n + 1] for n in range(len(other))]
    assert told(read(recording.dialect, cut_everywhere)) == told(read(recording.dialect, [recording.stream]))


# It ends once.


@each(streams())
def test_recorded_streams_are_grammatical_and_whole(recording: Recording) -> None:
    events = read(recording.dialect, [recording.stream], Profile())
    assert breaches(events) == []
    assert isinstance(events[-1], Ended if recording.is_whole else Failed)


@each(streams())
@given(data=st.data())
@settings(max_examples=25)
def test_any_prefix_is_grammatical_and_ends_once(recording: Recording, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(recording.stream)))
    sizes = data.draw(making.partitions(end))
    assert breaches(read(recording.dialect, making.in_pieces(recording.stream[:end], sizes), Profile())) == []


@each_dialect
@given(pieces=st.lists(st.binary(max_size=40), max_size=6))
def test_garbage_is_grammatical_and_ends_once(dialect: Dialect, pieces: list[bytes]) -> None:
    assert breaches(read(dialect, pieces, Profile())) == []


@each_dialect
@given(said=st.lists(making.nonsense, max_size=6), event=st.sampled_from(["", "error", "message_start"]))
@settings(max_examples=80)
def test_well_formed_nonsense_is_grammatical_and_ends_once(dialect: Dialect, said: list[Any], event: str) -> None:
    frames = [b"event: %b\ndata: %b\n\n" % (event.encode(), jsons.write(value)) for value in said]
    assert breaches(read(dialect, frames, Profile())) == []


@st.composite
def _chat_nonsense(draw: st.DrawFn) -> bytes:
    """Deltas of the right outer form, with anything inside."""
    delta = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "content": making.nonsense | making.texts,
                "reasoning_content": making.nonsense | making.texts,
                "refusal": making.nonsense | making.texts,
                "annotations": making.nonsense,
                "tool_calls": st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "index": st.integers(0, 2) | making.nonsense,
                            "id": st.sampled_from(["a", "b", "", None]),
                            "type": st.just("function"),
                            "function": st.fixed_dictionaries(
                                {},
                                optional={
                                    "name": st.sampled_from(["f", "g", "", None]),
                                    "arguments": st.sampled_from(["", "{}", '{"a":', "1}", None, 7]),
                                },
                            ),
                        },
                    ),
                    max_size=3,
                ),
            },
        )
    )
    finish = draw(st.sampled_from([None, None, None, "stop", "tool_calls", "length", "abort", 7]))
    chunk = {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: %b\n\n" % jsons.write(chunk)


@given(st.lists(_chat_nonsense(), max_size=8), st.booleans())
@settings(max_examples=150)
def test_nonsense_in_chat_deltas_is_grammatical_and_ends_once(frames: list[bytes], done: bool) -> None:
    events = read("openai-chat", [*frames, b"data: [DONE]\n\n"] if done else frames, Profile())
    assert breaches(events) == []
    for client in DIALECTS:
        assert well_formed(client, write(client, events)) == []


_BLOCKS: Final = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "tool_use", "server_tool_use", "redacted_thinking", "odd", None])},
    optional={
        "text": making.texts | making.nonsense,
        "thinking": making.texts | making.nonsense,
        "signature": making.texts | making.nonsense,
        "id": st.sampled_from(["a", "b", "", None]),
        "name": st.sampled_from(["f", "", None]),
        "input": making.nonsense,
        "citations": making.nonsense,
        "data": making.nonsense,
    },
)
_DELTAS: Final = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["text_delta", "thinking_delta", "input_json_delta", "signature_delta", "citations_delta"]
        )
    },
    optional={
        "text": making.texts | making.nonsense,
        "thinking": making.texts,
        "partial_json": st.sampled_from(["", "{}", '{"a":', "1}"]),
        "signature": making.texts,
        "citation": making.nonsense | st.fixed_dictionaries({"url": making.texts}),
    },
)
_MESSAGES_EVENTS: Final = st.one_of(
    st.fixed_dictionaries({"type": st.just("message_start"), "message": making.nonsense}),
    st.fixed_dictionaries(
        {"type": st.just("content_block_start"), "index": st.integers(0, 2), "content_block": _BLOCKS}
    ),
    st.fixed_dictionaries({"type": st.just("content_block_delta"), "index": st.integers(0, 2), "delta": _DELTAS}),
    st.fixed_dictionaries({"type": st.just("content_block_stop"), "index": st.integers(0, 2)}),
    st.fixed_dictionaries(
        {"type": st.just("message_delta"), "delta": making.nonsense, "usage": making.nonsense},
    ),
    st.fixed_dictionaries({"type": st.just("message_stop")}),
)


@given(st.lists(_MESSAGES_EVENTS, max_size=10))
@settings(max_examples=150)
def test_nonsense_in_messages_events_is_grammatical_and_ends_once(said: list[dict[str, Any]]) -> None:
    events = read("anthropic-messages", [b"data: %b\n\n" % jsons.write(event) for event in said], Profile())
    assert breaches(events) == []
    for client in DIALECTS:
        assert well_formed(client, write(client, events)) == []


_ITEMS: Final = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "message",
                "reasoning",
                "function_call",
                "custom_tool_call",
                "local_shell_call",
                "web_search_call",
                "x",
                None,
            ]
        )
    },
    optional={
        "id": st.sampled_from(["a", "b", "", None]),
        "call_id": st.sampled_from(["c", "d", "", None]),
        "name": st.sampled_from(["f", "", None]),
        "content": making.nonsense
        | st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(["output_text", "refusal", "reasoning_text"])},
                optional={"text": making.texts, "refusal": making.texts, "annotations": making.nonsense},
            ),
            max_size=2,
        ),
        "summary": making.nonsense,
        "arguments": st.sampled_from(["", "{}", '{"a":', None, 7, {}]),
        "input": making.texts | making.nonsense,
        "action": making.nonsense,
        "encrypted_content": making.texts | st.none(),
        "phase": making.nonsense,
    },
)
_PLACES: Final = {"output_index": st.integers(0, 2) | st.none(), "item_id": st.sampled_from(["a", "b", None])}
_RESPONSES_EVENTS: Final = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["response.output_item.added", "response.output_item.done"]), "item": _ITEMS},
        optional=_PLACES,
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                [
                    *("response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta"),
                    *("response.custom_tool_call_input.delta", "response.reasoning_text.delta"),
                    *("response.reasoning_summary_text.delta", "response.output_text.annotation.added"),
                ]
            )
        },
        optional={
            **_PLACES,
            "delta": making.texts | making.nonsense,
            "content_index": st.integers(0, 2) | making.nonsense,
            "summary_index": st.integers(0, 2) | making.nonsense,
            "annotation": making.nonsense | st.fixed_dictionaries({"url": making.texts, "start_index": st.integers()}),
        },
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["response.created", "response.in_progress", "keepalive"])}),
)
_RESPONSES_ENDS: Final = st.fixed_dictionaries(
    {"type": st.sampled_from(["response.completed", "response.incomplete", "response.failed", "error", "x"])},
    optional={
        "response": st.fixed_dictionaries(
            {}, optional={"output": st.lists(_ITEMS, max_size=3) | making.nonsense, "usage": making.nonsense}
        )
    },
)


def _item(event: str, **item: Any) -> dict[str, Any]:
    return {"type": f"response.output_item.{event}", "item": item}


@example(  # what is passed as it is has an id that a call then has, too
    said=[
        _item("done", type="web_search_call", id="a", call_id="c"),
        _item("added", type="function_call", call_id="c", name="f"),
    ],
    end={"type": "response.completed"},
)
@given(st.lists(_RESPONSES_EVENTS, max_size=10), _RESPONSES_ENDS)
@settings(max_examples=40)
def test_nonsense_in_responses_events_is_grammatical_and_ends_once(said: list[dict[str, Any]], end: Any) -> None:
    frames = [b"data: %b\n\n" % jsons.write(event) for event in [*said, end]]
    events = read("openai-responses", frames, Profile())
    assert breaches(events) == []
    for client in DIALECTS:
        assert well_formed(client, write(client, events)) == []


@given(st.lists(_ITEMS | making.nonsense, max_size=4), making.nonsense)
def test_whole_responses_nonsense_is_grammatical_and_ends_once(output: list[Any], rest: Any) -> None:
    body = jsons.write({"object": "response", "output": output, "usage": rest, "status": rest, "id": rest})
    events = BACKENDS["openai-responses"].read_answer(body, request_of("openai-responses"), Profile(), STAMP)
    assert breaches(events) == []


@each_dialect
@given(value=making.nonsense)
def test_whole_nonsense_is_grammatical_and_ends_once(dialect: Dialect, value: Any) -> None:
    body = jsons.write(value)
    assert breaches(BACKENDS[dialect].read_answer(body, request_of(dialect), Profile(), STAMP)) == []


@given(st.lists(_BLOCKS | making.nonsense, max_size=4), making.nonsense)
def test_whole_messages_nonsense_is_grammatical_and_ends_once(content: list[Any], rest: Any) -> None:
    body = jsons.write(
        {"type": "message", "content": content, "usage": rest, "stop_reason": rest, "stop_details": rest}
    )
    events = BACKENDS["anthropic-messages"].read_answer(body, request_of("anthropic-messages"), Profile(), STAMP)
    assert breaches(events) == []


# What we say is what we would hear.


@each_dialect
@given(data=st.data())
def test_what_we_say_is_what_we_would_hear(dialect: Dialect, data: st.DataObject) -> None:
    events = data.draw(making.answers(dialect))
    assert breaches(events) == []
    wire = write(dialect, events)
    assert well_formed(dialect, wire) == []
    sizes = data.draw(making.partitions(200))
    assert sayable(told(read(dialect, making.in_pieces(wire, sizes))), dialect) == sayable(told(events), dialect)


@each_dialect
@given(data=st.data())
def test_interleaved_calls_arrive_whole(dialect: Dialect, data: st.DataObject) -> None:
    events = data.draw(making.answers(dialect, interleaved=True))
    wire = write(dialect, events)
    assert well_formed(dialect, wire) == []
    assert story(fold(read(dialect, [wire])), dialect) == story(fold(events), dialect)


def sayable(events: list[Event], dialect: Dialect) -> list[Event]:
    """What is left of a canonical sequence when the dialect has said it.

    Ids and words of the wire are our own; Chat has no empty arguments; in Messages no white space stands before them;
    the end of a chat says little.
    """
    kept: list[Event] = []
    places = _places_in_the_text(events)
    calls = {e.block for e in events if isinstance(e, Opened) and isinstance(e.part, ToolCall)}
    empty_calls = calls - {e.block for e in events if isinstance(e, Grew)}
    for event in events:
        match event:
            case Ended():
                kept.append(Ended(event.reason, None, event.stop_sequence, _why(event, events, dialect)))
            case Closed() if event.block in empty_calls:
                kept += [Grew(event.block, "{}"), event]
            case Cited() if dialect == "openai-responses":
                start, end = places[event.block]
                kept.append(Cited(event.block, msgspec.structs.replace(event.citation, start=start, end=end)))
            case Grew() if event.block in calls and dialect == "anthropic-messages":
                kept.append(Grew(event.block, event.text.lstrip()))
            case Opened(block=block, part=Thinking()):
                kept.append(Opened(block, Thinking("")))
            case Opened(block=block, part=Text(extra={"apart": True, **rest})):  # as all are in Responses
                kept.append(Opened(block, Text("", extra=rest)))
            case Opened() | Grew() | Closed() | Cited() | Showed() | Noted() | Failed():
                kept.append(event)
    return kept


def _places_in_the_text(events: list[Event]) -> dict[int, tuple[int, int]]:
    """Where each text stands in the text of the whole answer."""
    places: dict[int, tuple[int, int]] = {}
    end = 0
    for event in events:
        if isinstance(event, Opened) and isinstance(event.part, Text):
            places[event.block] = (end, end)
        elif isinstance(event, Grew) and event.block in places:
            start, end = places[event.block][0], end + len(event.text)
            places[event.block] = (start, end)
    return places


def _why(ended: Ended, events: list[Event], dialect: Dialect) -> str | None:
    """OpenAI's dialects say why they declined in the refusal itself."""
    if dialect == "anthropic-messages":
        return ended.explanation
    refusals = {e.block for e in events if isinstance(e, Opened) and isinstance(e.part, Refusal)}
    return "".join(e.text for e in events if isinstance(e, Grew) and e.block in refusals) or None


# Whole equals streamed.


@each_dialect
@given(data=st.data())
def test_unfold_is_the_inverse_of_fold(dialect: Dialect, data: st.DataObject) -> None:
    answer = fold(data.draw(making.answers(dialect)))
    assert breaches(unfold(answer)) == []
    assert fold(unfold(answer)) == answer


@each_dialect
@given(data=st.data())
def test_a_whole_answer_says_what_the_stream_says(dialect: Dialect, data: st.DataObject) -> None:
    events = data.draw(making.answers(dialect))
    answer = fold(events)
    body = CLIENTS[dialect].write_answer(answer, request_of(dialect), STAMP)
    whole = fold(BACKENDS[dialect].read_answer(body, request_of(dialect), PLAIN, STAMP))
    streamed = fold(read(dialect, [write(dialect, events)]))
    if dialect == "openai-chat":
        assert gathered(whole) == gathered(streamed)
    else:
        assert [_spelled(part) for part in whole.parts] == [_spelled(part) for part in streamed.parts]
    assert (whole.reason, whole.usage, whole.stop_sequence) == (streamed.reason, streamed.usage, streamed.stop_sequence)


@each_pair
@given(data=st.data())
@settings(max_examples=30)
def test_a_whole_answer_says_elsewhere_what_the_stream_says(
    spoken: Dialect, heard: Dialect, data: st.DataObject
) -> None:
    events = data.draw(making.answers(spoken))
    kinds = {type(event.part) for event in events if isinstance(event, Opened)}
    assume(spoken != "openai-chat" or not kinds >= {Text, Refusal})  # of which a whole answer says no order
    body = CLIENTS[spoken].write_answer(fold(events), request_of(spoken), STAMP)
    answer = fold(BACKENDS[spoken].read_answer(body, request_of(heard), PLAIN, STAMP))
    whole = CLIENTS[heard].write_answer(answer, request_of(heard), STAMP)
    streamed = write(heard, read(spoken, [write(spoken, events)]))
    told, meant = (fold(read(heard, [wire])) for wire in (whole, streamed))
    assert gathered(told) | {"calls": _objects(told)} == gathered(meant) | {"calls": _objects(meant)}
    assert (told.reason, told.usage, told.stop_sequence) == (meant.reason, meant.usage, meant.stop_sequence)


def _objects(answer: Answer) -> list[Any]:
    """The calls. A Chat stream has no way to say one that takes text, where a whole answer has."""
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    said = [{"input": c.arguments} if c.kind == "custom" else jsons.read(c.arguments or "{}") for c in calls]
    return [(call.id, call.name, call.by, value) for call, value in zip(calls, said, strict=True)]


@each_dialect
@given(data=st.data())
def test_what_the_proxy_ran_is_shown_alike_whole_and_streamed(dialect: Dialect, data: st.DataObject) -> None:
    events = data.draw(making.answers(dialect))
    number = max((event.block for event in events if isinstance(event, Opened | Showed)), default=-1) + 1
    events[1:1] = [Showed(number + more, part) for more, part in enumerate(data.draw(st.lists(making.ran())))]
    wire = write(dialect, events)
    assert well_formed(dialect, wire) == []
    body = CLIENTS[dialect].write_answer(fold(events), request_of(dialect), STAMP)
    whole = fold(BACKENDS[dialect].read_answer(body, request_of(dialect), PLAIN, STAMP))
    streamed = fold(read(dialect, [wire]))
    if dialect == "openai-chat":
        assert gathered(whole) == gathered(streamed)
    else:
        assert [_spelled(part) for part in whole.parts] == [_spelled(part) for part in streamed.parts]


def gathered(answer: Answer) -> dict[str, Any]:
    """A whole chat message has one place per kind: the order among kinds is not said."""
    return {
        "text": "".join(p.text for p in answer.parts if isinstance(p, Text)),
        "thinking": "".join(p.text for p in answer.parts if isinstance(p, Thinking)),
        "refusal": "".join(p.text for p in answer.parts if isinstance(p, Refusal)),
        "calls": [p for p in answer.parts if isinstance(p, ToolCall)],
    }


def _spelled(part: Any) -> Any:
    """A whole Messages answer holds arguments as an object: spacing is not said."""
    if isinstance(part, ToolCall) and part.kind == "function":
        return part.id, part.name, part.by, jsons.read(part.arguments or "{}")
    return part


@each([r for r in vendors() if r.stream and r.answer and r.dialect != "openai-responses"])
def test_answers_recorded_both_ways_have_one_shape(recording: Recording) -> None:
    """Two generations of one request: the words differ, the parts and the reason do not.

    The pairs of Responses were recorded from different models or requests.
    """
    side, request = BACKENDS[recording.dialect], request_of(recording.dialect)
    whole = fold(side.read_answer(recording.answer, request, Profile(), STAMP))
    streamed = fold(read(recording.dialect, [recording.stream], Profile()))
    assert {type(part) for part in whole.parts} == {type(part) for part in streamed.parts}
    assert whole.reason == streamed.reason
    assert (whole.usage.input is None, whole.usage.output is None) == (
        streamed.usage.input is None,
        streamed.usage.output is None,
    )


@each([recording for recording in (*ours(), *vendors()) if recording.answer])
def test_recorded_answers_are_grammatical(recording: Recording) -> None:
    side = BACKENDS[recording.dialect]
    events = side.read_answer(recording.answer, request_of(recording.dialect), Profile(), STAMP)
    assert breaches(events) == []
    assert isinstance(events[-1], Ended)


# Meaning survives the crossing.


@each(whole_streams())
@pytest.mark.parametrize("heard", DIALECTS)
def test_meaning_survives_the_crossing(recording: Recording, heard: Dialect) -> None:
    events = read(recording.dialect, [recording.stream])
    wire = write(heard, events)
    assert well_formed(heard, wire) == []
    assert story(fold(read(heard, [wire])), heard) == story(fold(events), heard)


@each_pair
@given(data=st.data())
@settings(max_examples=40)
def test_made_meaning_survives_the_crossing(spoken: Dialect, heard: Dialect, data: st.DataObject) -> None:
    events = data.draw(making.answers(spoken))
    said = read(spoken, [write(spoken, events)])
    wire = write(heard, said)
    assert well_formed(heard, wire) == []
    told, meant = story(fold(read(heard, [wire])), heard), story(fold(events), heard)
    assert told == story(fold(said), heard)
    if spoken == "openai-responses" and heard == "openai-chat":  # the one says each text apart from all others
        told, meant = without_empty_lines(told), without_empty_lines(meant)
    assert told == meant


@each_pair
@pytest.mark.parametrize("tier", ["default", "priority"])
def test_the_tier_crosses_streamed_and_whole(spoken: Dialect, heard: Dialect, tier: str) -> None:
    answer = Answer(parts=(Text("hi"),), reason="stop", usage=Usage(input=3, output=1), tier=tier)
    for wire in (write(spoken, unfold(answer)), CLIENTS[spoken].write_answer(answer, request_of(spoken), STAMP)):
        events = read(spoken, [wire])
        assert fold(events).tier == tier
        assert fold(read(heard, [write(heard, events)])).tier == tier
        whole = CLIENTS[heard].write_answer(fold(events), request_of(heard), STAMP)
        assert fold(read(heard, [whole])).tier == tier


@each_pair
@given(data=st.data())
@settings(max_examples=40)
def test_arguments_arrive_byte_by_byte(spoken: Dialect, heard: Dialect, data: st.DataObject) -> None:
    said = data.draw(st.lists(making.arguments(), min_size=1, max_size=3))
    events: list[Event] = []
    for number, text in enumerate(said):
        grown = [Grew(number, piece) for piece in data.draw(making.cut(text))]
        events += [Opened(number, ToolCall(f"call_{number}", "f")), *grown, Closed(number)]
    sizes = data.draw(making.partitions(200))
    between = making.in_pieces(write(spoken, [*events, Ended("tool_calls")]), sizes)
    begun = [text.lstrip() for text in said] if "anthropic-messages" in (spoken, heard) else said
    assert arguments_in(heard, write(heard, read(spoken, between))) == begun


def arguments_in(dialect: Dialect, wire: bytes) -> list[str]:
    if dialect == "openai-chat":
        return [call["arguments"] for call in wires.chat_calls(wire)]
    if dialect == "openai-responses":
        return [item["arguments"] for item in wires.responses_items(wire)]
    return [block["grown"] for block in wires.messages_blocks(wire) if block["type"] == "tool_use"]


_OUR_SEARCH: Final = f"srvtoolu_{STAMP.id}"  # how the Messages writer calls a search that another backend has run


def story(answer: Answer, dialect: Dialect) -> tuple[Any, ...]:
    """What a dialect can tell of an answer: neighbouring parts of one kind joined, what has no place there left out.

    In Chat an empty line stands between what others say apart, and where a tool ran that it does not show.
    """
    parts: list[tuple[Any, ...]] = []
    worded, ran_behind = set[type](), set[type]()
    for part in answer.parts:
        line = _line(part, dialect)
        if dialect == "openai-chat" and isinstance(part, Text | Thinking):
            kind = type(part)
            if kind in worded and ("apart" in part.extra or kind in ran_behind) and (part.text or kind is Text):
                line = ("text" if kind is Text else "thinking", f"\n\n{part.text}")
            if part.text:
                worded.add(kind)
            if part.text or kind is Text:
                ran_behind.discard(kind)
        if isinstance(part, Opaque | Searched) or (isinstance(part, ToolCall) and part.by != "client"):
            ran_behind = {Text, Thinking}
        if line is None:
            continue
        if parts and isinstance(line[-1], str) and parts[-1][:-1] == line[:-1] and line[0] != "call":
            line = (*line[:-1], parts.pop()[-1] + line[-1])
        parts.append(line)
    said_why = any(isinstance(part, Refusal) for part in answer.parts)
    if answer.reason == "filtered" and answer.explanation and dialect != "anthropic-messages" and not said_why:
        parts.append(("refusal", answer.explanation))
    calls = any(part[0] == "call" for part in parts)
    return (*parts, _end_of(answer.reason, dialect, calls=calls), _counts(answer.usage))


def without_empty_lines(told: tuple[Any, ...]) -> tuple[Any, ...]:
    lines: list[Any] = []
    for line in told:
        if isinstance(line, tuple) and line[0] in ("text", "thinking"):
            text = line[1].replace("\n\n", "")
            lines += [(line[0], text)] if text else []
        else:
            lines.append(line)
    return tuple(lines)


def _line(part: Any, dialect: Dialect) -> tuple[Any, ...] | None:
    messages = dialect == "anthropic-messages"
    match part:
        case ToolCall(by="client", kind="custom"):
            text = part.arguments
            return (
                "call",
                part.id,
                part.name,
                text if dialect == "openai-responses" else jsons.write_text({"input": text}),
            )
        case ToolCall(by="client"):
            return "call", part.id, part.name, part.arguments.strip() or "{}"  # white space around them may stay behind
        case ToolCall(id=call_id) if call_id.startswith(_OUR_SEARCH) or (
            part.name == "web_search" and dialect == "openai-responses"
        ):
            return "searched", jsons.read(part.arguments)["query"], None
        case ToolCall():
            return ("their call", part.id, part.name, part.arguments.lstrip() or "{}") if messages else None
        case Refusal() if not messages:
            return "refusal", part.text
        case Text() | Refusal():
            return ("text", part.text) if part.text else None
        case Thinking(seal=Seal(dialect=sealed_in)) if sealed_in == dialect:
            return "sealed", part.text, part.seal, ""
        case Thinking():
            return ("thinking", part.text) if part.text else None
        case Searched() if dialect != "openai-chat":
            return "searched", " | ".join(part.queries), None
        case Opaque(raw={"tool_use_id": str(call_id)}) if call_id.startswith(_OUR_SEARCH):
            return None
        case Opaque() if part.dialect == dialect:
            return "shown", part, None
        case _:
            return None


def _end_of(reason: str, dialect: Dialect, *, calls: bool) -> str:
    if dialect != "anthropic-messages":
        if reason in ("stop_sequence", "paused", "compacted"):
            return "tool_calls" if calls else "stop"
        return "length" if reason == "context_full" else reason
    return {"refused": "filtered", "compacted": "stop"}.get(reason, reason)


def _counts(usage: Usage) -> tuple[int, ...]:
    said = (usage.input, usage.cache_read, usage.cache_written, usage.output, usage.reasoning)
    return tuple(count or 0 for count in said)


def test_a_failure_is_told_in_both_dialects() -> None:
    for dialect in DIALECTS:
        events: list[Event] = [Opened(0, Text("")), Grew(0, "a"), Failed(Problem("truncated", "cut"))]
        heard = read(dialect, [write(dialect, events)])
        assert isinstance(heard[-1], Failed)
        assert heard[-1].problem.public == "cut"
