"""What clients ask of tools that run on the server's side."""

from typing import Any, Final

import pytest

from dragoman.hub.request import HostedTool, Request, ToolChoice
from dragoman.protocols import CLIENTS
from dragoman.protocols.server_tools import Wanted, choice_of, wanted, with_choice, without_options
from dragoman.wire import jsons

HI: Final = [{"role": "user", "content": "hi"}]
PLACE: Final = {"type": "approximate", "city": "Bern", "country": "CH", "odd": 1, "region": ""}


def messages(*tools: Any, **more: Any) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": HI, "tools": list(tools), **more}
    return CLIENTS["anthropic-messages"].read_request(jsons.write(body), {})


def responses(*tools: Any, **more: Any) -> Request:
    body = {"model": "m", "input": "hi", "tools": list(tools), **more}
    return CLIENTS["openai-responses"].read_request(jsons.write(body), {})


def chat(**more: Any) -> Request:
    return CLIENTS["openai-chat"].read_request(jsons.write({"model": "m", "messages": HI, **more}), {})


@pytest.mark.parametrize("kind", ["web_search", "web_fetch"])
@pytest.mark.parametrize("version", ["20250305", "20260318", "20991231"])
def test_messages_whatever_the_version(kind: str, version: str) -> None:
    raw = {
        "type": f"{kind}_{version}",
        "name": "look",
        "max_uses": 8,
        "allowed_domains": ["https://Lab.example/Docs", "*.lab.example", "b.example/", "b.example", "/"],
        "blocked_domains": ["evil.example"],
        "user_location": PLACE,
        "max_content_tokens": 5000,
    }
    assert wanted(messages(raw)) == (
        Wanted(
            kind,  # type: ignore[arg-type]  # one of the two
            HostedTool("anthropic-messages", kind, raw),
            frozenset({"look"}),
            8,
            False,
            ("lab.example/Docs", "lab.example", "b.example"),
            ("evil.example",),
            {"city": "Bern", "country": "CH"},
            "medium",
            5000,
        ),
    )


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"]
)
def test_responses(kind: str) -> None:
    raw = {"type": kind, "filters": {"allowed_domains": ["lab.example"]}, "search_context_size": "low"}
    found, read = wanted(responses(raw, max_tool_calls=3))
    assert found.names == {"web_search", kind}
    assert (found.max_uses, found.together, found.allowed, found.context) == (3, True, ("lab.example",), "low")
    assert (read.kind, read.tool, read.names, read.allowed) == ("web_fetch", None, frozenset(), ("lab.example",))
    assert [one.kind for one in wanted(responses({**raw, "external_web_access": False}))] == ["web_search"]


def test_chat() -> None:
    options = {"search_context_size": "high", "user_location": {"type": "approximate", "approximate": PLACE}}
    request = chat(web_search_options=options)
    assert wanted(request) == (Wanted("web_search", location={"city": "Bern", "country": "CH"}, context="high"),)
    assert wanted(without_options(request)) == ()
    assert without_options(chat()) == chat()


def test_what_is_no_wish_is_passed_over() -> None:
    odd = {
        "type": "web_search_20250305",
        "name": 7,
        "max_uses": "many",
        "allowed_domains": [7, " ", "x.example"],
        "user_location": "Bern",
    }
    (found,) = wanted(messages(odd, odd))
    assert found == Wanted("web_search", found.tool, frozenset({"web_search"}), allowed=("x.example",))
    assert wanted(chat(web_search_options=True)) == ()
    assert wanted(responses({"type": "file_search"}, {"type": "function", "name": "web_search"})) == ()


def test_the_choice_of_a_tool_that_responses_names_by_its_type() -> None:
    tool = {"type": "web_search_preview"}
    assert choice_of(responses(tool, tool_choice=tool)) == ToolChoice("named", ("web_search_preview",))
    assert choice_of(responses(tool, tool_choice="required")) == ToolChoice("required")
    assert choice_of(chat()) is None


def test_another_choice_is_no_longer_the_clients_words() -> None:
    include = ["web_search_call.action.sources", "reasoning.encrypted_content"]
    request = responses(
        {"type": "web_search"}, tool_choice={"type": "web_search"}, include=include, metadata={"a": "b"}
    )
    changed = with_choice(request, ToolChoice("auto"))
    assert changed.tool_choice == ToolChoice("auto")
    said = changed.extra["said"]
    assert "tool_choice" not in said
    assert (said["include"], said["metadata"]) == (["reasoning.encrypted_content"], {"a": "b"})
    assert with_choice(chat(), None) == chat()
