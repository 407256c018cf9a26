"""What the proxy's tools have found, back from the client."""

from typing import Any, Final

import pytest

from dragoman.gateway import past_runs
from dragoman.gateway.past_runs import PastRun, RememberedRuns, remember_item, run_id, sealed
from dragoman.hub.events import Closed, Ended, Event, Failed, Grew, Opened
from dragoman.hub.problems import Problem
from dragoman.hub.request import Document, Hit, Inline, Request, Text, ToolCall, ToolResult, Turn
from dragoman.protocols import CLIENTS
from dragoman.protocols.seals import Sealer
from dragoman.store.database import Database
from dragoman.store.vault import VAULT, Vault
from dragoman.wire import jsons

SEALER: Final = Sealer(b"secret")
STAMP: Final = "ab" * 12
HITS: Final = (Hit("https://a.example", "A", "text of A"), Hit("https://b.example", "B", "text of B"))


class House:
    """As much of an exchange as is needed."""

    def __init__(self) -> None:
        self.gateway: Final = self
        self.entry: Final = self
        self.sealer: Final = SEALER
        self.vault: Final = Vault(Database(None, (VAULT,)))
        self.owner: Final = "somebody"

    def restored(self, request: Request, *, kept: bool = True, natively: bool = False) -> list[Turn]:
        house: Any = self
        return list(past_runs.restored(request, house, kept=kept, natively=natively).turns)


def messages(*blocks: Any) -> Request:
    said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": list(blocks)}]
    return CLIENTS["anthropic-messages"].read_request(
        jsons.write({"model": "m", "max_tokens": 9, "messages": [*said, {"role": "user", "content": "and?"}]}), {}
    )


def called(id_: str, name: str = "web_search", **given: str) -> dict[str, Any]:
    return {"type": "server_tool_use", "id": f"srvtoolu_{id_}", "name": name, "input": given or {"query": "q"}}


def found(id_: str, content: Any, name: str = "web_search") -> dict[str, Any]:
    return {"type": f"{name}_tool_result", "tool_use_id": f"srvtoolu_{id_}", "content": content}


def hits(told: str = "ALL OF IT") -> list[dict[str, Any]]:
    return [
        {"type": "web_search_result", "url": hit.url, "title": hit.title, "encrypted_content": hit.sealed}
        for hit in sealed(HITS, told, SEALER)
    ]


def shape(turns: list[Turn]) -> list[tuple[str, Any]]:
    """Calls as their ids' ends, results as texts."""

    def part(one: Any) -> Any:
        if isinstance(one, ToolCall):
            return f"{one.name} {one.arguments} {one.id[-4:]}"
        if isinstance(one, ToolResult):
            (text,) = one.parts
            return f"{one.call_id[-4:]}: {getattr(text, 'text', '')}"
        return one.text if isinstance(one, Text) else one.kind

    return [(turn.role, [part(one) for one in turn.parts]) for turn in turns]


TEXT: Final = {"type": "text", "text": "so"}
ONE: Final = run_id(STAMP, 0, 0)
SEARCHED: Final = 'web_search {"query":"q"}'


def test_an_envelope_tells_all_that_was_told() -> None:
    request = messages(TEXT, called(ONE), found(ONE, hits()), TEXT)
    assert shape(House().restored(request)) == [
        ("user", ["hi"]),
        ("assistant", ["so", f"{SEARCHED} 0000"]),
        ("user", ["0000: ALL OF IT"]),
        ("assistant", ["so"]),
        ("user", ["and?"]),
    ]


def test_runs_of_one_round_stand_together() -> None:
    two, later = run_id(STAMP, 0, 1), run_id(STAMP, 1, 0)
    request = messages(
        *(block for id_ in (ONE, two, later) for block in (called(id_), found(id_, hits(id_)))),
        {"type": "tool_use", "id": "t", "name": "look", "input": {}},
    )
    assert shape(House().restored(request))[1:-1] == [
        ("assistant", [f"{SEARCHED} 0000", f"{SEARCHED} 0001"]),
        ("user", [f"0000: {ONE}", f"0001: {two}"]),
        ("assistant", [f"{SEARCHED} 0100"]),
        ("user", [f"0100: {later}"]),
        ("assistant", ["look  t"]),
    ]


def test_without_the_first_page_the_others_are_told() -> None:
    request = messages(called(ONE), found(ONE, hits()[1:]))
    assert shape(House().restored(request))[2] == ("user", ["0000: [B](https://b.example)\ntext of B"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "No results were found."),
        ({"type": "web_search_tool_result_error", "error_code": "unavailable"}, "[web_search failed: unavailable]"),
    ],
)
def test_what_has_no_envelope_is_known_by_its_id(content: Any, told: str) -> None:
    request = messages(called(ONE), found(ONE, content))
    house = House()
    assert shape(house.restored(request))[2] == ("user", [f"0000: {told}"])
    remember_item(house.vault, house.owner, ONE, PastRun(ONE[:-2], "call_1", "web_search", "{}", "Nothing there."))
    assert shape(house.restored(request))[2] == ("user", ["0000: Nothing there."])
    assert house.restored(request, natively=True) == list(request.turns)
    foreign = messages(called("01Abc"), found("01Abc", content))
    assert House().restored(foreign) == list(foreign.turns)


def test_others_results_stay_as_they_are() -> None:
    foreign = [{"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "Eo0"}]
    broken = [{**foreign[0], "encrypted_content": "dgm1.x.y"}]
    for content in (foreign, broken):
        request = messages(called("01Abc"), found("01Abc", content), TEXT)
        assert House().restored(request) == list(request.turns)
    orphan = messages(found(ONE, hits()), TEXT)
    assert House().restored(orphan) == list(orphan.turns)


def test_to_a_backend_that_searches_itself_ours_are_text() -> None:
    request = messages(TEXT, called(ONE), found(ONE, hits()), TEXT)
    assert shape(House().restored(request, natively=True))[1] == (
        "assistant",
        ["so", '[web_search: {"query":"q"}]\nALL OF IT', "so"],
    )


def test_citations_that_nobody_has_sealed_stay_behind() -> None:
    theirs = {"type": "web_search_result_location", "url": "u", "title": "t", "cited_text": "c", "encrypted_index": "E"}
    ours = {**theirs, "encrypted_index": ""}
    blocks = [{**TEXT, "citations": cited} for cited in ([ours], [ours, theirs], [theirs])]
    _, turn, _ = House().restored(messages(called(ONE), found(ONE, hits()), *blocks), natively=True)
    assert [part.extra for part in turn.parts[1:] if isinstance(part, Text)] == [
        {},
        {"citations": [theirs]},
        {"citations": [theirs]},
    ]


def test_pages_are_told_as_they_were() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "quack"}
    page = {"type": "web_fetch_result", "url": "u", "content": {"type": "document", "source": source}}
    request = messages(called(ONE, "web_fetch", url="u"), found(ONE, page, "web_fetch"))
    assert shape(House().restored(request))[1:3] == [
        ("assistant", ['web_fetch {"url":"u"} 0000']),
        ("user", ["0000: [page u]\nquack"]),
    ]


def test_a_file_that_was_fetched_goes_along() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    page = {"type": "web_fetch_result", "url": "u", "content": {"type": "document", "title": "Ducks", "source": source}}
    request = messages(called("theirs", "web_fetch", url="u"), found("theirs", page, "web_fetch"))
    _, call, result, _ = House().restored(request)
    assert shape([call]) == [("assistant", ['web_fetch {"url":"u"} eirs'])]
    document = Document(Inline("application/pdf", "JVBERi0="), "Ducks")
    assert result.parts == (ToolResult("srvtoolu_theirs", (Text("[page u]"), document)),)


def responses(*items: Any) -> Request:
    asked = {"role": "user", "content": "hi"}
    body = {"model": "m", "input": [asked, *items, asked]}
    return CLIENTS["openai-responses"].read_request(jsons.write(body), {})


def item(id_: str) -> dict[str, Any]:
    action = {"type": "search", "query": "q"}
    return {"type": "web_search_call", "id": id_, "status": "completed", "action": action}


def test_items_are_found_by_their_id() -> None:
    house, forgotten = House(), run_id(STAMP, 1, 0)
    remember_item(house.vault, house.owner, ONE, PastRun(ONE[:-2], "call_1", "web_search", '{"query":"q"}', "ALL"))
    request = responses(item(f"ws_{ONE}"), item(f"ws_{forgotten}"), item("ws_68a1"))
    assert shape(house.restored(request))[1:-1] == [
        ("assistant", [f"{SEARCHED} ll_1"]),
        ("user", ["ll_1: ALL"]),
        ("assistant", ["[searched the web for: q]", "web_search_call"]),
    ]
    house.owner = "somebody else"  # type: ignore[misc]  # whose call it is not
    assert shape(house.restored(request))[1][1][0] == "[searched the web for: q]"


LONG: Final = "Ducks are birds that swim. " * 5


def test_chat_clients_say_what_they_were_told() -> None:
    house = House()
    runs = [PastRun(ONE[:-2], "call_1", "web_search", "{}", "ALL")]
    said: list[Event] = [Opened(0, Text("")), Grew(0, LONG), Closed(0), Ended("stop")]
    remembering = RememberedRuns(house.vault, house.owner, runs)
    assert [event for one in said for event in remembering.feed(one)] == said
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": LONG}]
    request = CLIENTS["openai-chat"].read_request(jsons.write({"model": "m", "messages": history}), {})
    assert shape(house.restored(request)) == [
        ("user", ["hi"]),
        ("assistant", ["web_search {} ll_1"]),
        ("user", ["ll_1: ALL"]),
        ("assistant", [LONG]),
    ]
    assert house.restored(request, kept=False) == list(request.turns)
    assert shape(House().restored(request)) == [("user", ["hi"]), ("assistant", [LONG])]


def test_an_answer_without_runs_and_one_that_failed_are_not_remembered() -> None:
    house = House()
    for ending in (Ended("stop"), Failed(Problem("truncated", "cut"))):
        remembering = RememberedRuns(house.vault, house.owner, [])
        events: list[Event] = [Opened(0, Text("")), Grew(0, LONG), Closed(0), ending]
        assert [event for one in events for event in remembering.feed(one)] == events
    assert house.vault.recall(house.owner, (f"runs:{LONG}",)) is None
