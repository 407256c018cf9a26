"""The answer ends where the first sequence begins, however it was cut."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.answer import fold
from dragoman.hub.events import Began, Closed, Ended, Event, Grew, Noted, Opened
from dragoman.hub.request import Text, Thinking, ToolCall
from dragoman.hub.usage import Usage
from dragoman.protocols.stop_sequences import StopSequences

texts = st.text("ab</x>", max_size=40)
sequences = st.lists(st.text("ab</x>", min_size=1, max_size=4), min_size=1, max_size=3, unique=True).map(tuple)
pieces = st.lists(st.integers(1, 5), max_size=40)


def cut(text: str, sizes: list[int]) -> list[str]:
    found = []
    for size in sizes:
        found.append(text[:size])
        text = text[size:]
    return [piece for piece in (*found, text) if piece]


def filtered(events: list[Event], stops: tuple[str, ...]) -> list[Event]:
    through = StopSequences(stops, lambda: 77)
    return [said for event in events for said in through.feed(event)]


def answer(growth: list[str]) -> list[Event]:
    grown: list[Event] = [Grew(0, piece) for piece in growth]
    return [Opened(0, Text("")), *grown, Closed(0), Ended("stop", "stop")]


@given(texts, sequences, pieces)
def test_any_cutting_stops_at_the_first_occurrence(text: str, stops: tuple[str, ...], sizes: list[int]) -> None:
    places = [at for stop in stops if (at := text.find(stop)) >= 0]
    told = fold(filtered(answer(cut(text, sizes)), stops))
    said = "".join(part.text for part in told.parts if isinstance(part, Text))
    if places:
        assert told.reason == "stop_sequence"
        assert told.stop_sequence in stops
        # A longer sequence may begin earlier than the one that was complete first.
        assert text.startswith(said)
        assert text[len(said) :].startswith(told.stop_sequence)
    else:
        assert (said, told.reason) == (text, "stop")


def test_stop_emulated_split() -> None:
    told = filtered(answer(["so be it</", "x>", " and more"]), ("</x>",))
    assert [event.text for event in told if isinstance(event, Grew)] == ["so be it"]
    assert told[-1] == Ended("stop_sequence", None, "</x>")


def test_only_visible_text_counts() -> None:
    events: list[Event] = [
        Opened(0, Thinking("")),
        Grew(0, "</x>"),
        Closed(0),
        Opened(1, ToolCall("c", "t")),
        Grew(1, '{"a": "</x>"}'),
        Closed(1),
        Ended("tool_calls"),
    ]
    assert filtered(events, ("</x>",)) == events


def test_no_call_is_left_half_said() -> None:
    events: list[Event] = [
        Opened(0, ToolCall("c", "t")),
        Grew(0, '{"a"'),
        Opened(1, Text("")),
        Grew(1, "END"),
        Closed(1),
        Grew(0, ":1}"),
        Closed(0),
        Ended("tool_calls"),
    ]
    assert filtered(events, ("END",)) == events


def test_what_is_open_is_closed_and_nothing_follows() -> None:
    events: list[Event] = [
        Opened(0, Thinking("")),
        Grew(0, "{}"),
        Opened(1, Text("")),
        Grew(1, "ENDx"),
        Closed(1),
        Closed(0),
        Ended("tool_calls"),
    ]
    told = filtered(events, ("END",))
    assert {event.block for event in told if isinstance(event, Closed)} == {0, 1}
    assert sum(isinstance(event, Ended) for event in told) == 1
    assert isinstance(told[-1], Ended)


def test_what_the_backend_would_have_told_at_its_end_is_estimated() -> None:
    events: list[Event] = [Opened(0, Text("")), Grew(0, "four and twenty ENDx"), Closed(0), Ended("stop")]
    assert fold(filtered(events, ("END",))).usage == Usage(input=77, output=4)


def test_what_it_has_told_by_then_is_not() -> None:
    """A Messages backend tells its input at the beginning, and one token of the answer."""
    text: list[Event] = [Opened(0, Text("")), Grew(0, "four and twenty ENDx"), Closed(0), Ended("stop")]
    begun: list[Event] = [Began(), Noted(Usage(input=9, cache_read=5, output=1))]
    assert fold(filtered([*begun, *text], ("END",))).usage == Usage(input=9, cache_read=5, output=4)
    whole: list[Event] = [Began(), Noted(Usage(input=9, output=500))]
    assert fold(filtered([*whole, *text], ("END",))).usage == Usage(input=9, output=500)
