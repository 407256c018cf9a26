"""The mapping tables of PROTOCOLS B1, B3, B7 and the losses of C2, C4, row by row, between Messages and Chat."""

import base64
import hashlib
from typing import Any

import pytest

from dragoman.hub.losses import Policy
from dragoman.hub.problems import Problem
from dragoman.hub.route import Profile
from dragoman.protocols.anthropic_messages.builtin_tools import builtin
from dragoman.routing.profiles import profile_for
from dragoman.wire import jsons
from tests.asking import PLAIN, C, M, Sent, asked, read, route_to, write
from tests.laws.conversations import EPHEMERAL, PDF, PNG, call, function, schema, text

Object = dict[str, Any]

OPENAI, GPT6 = profile_for("openai", "gpt-4o"), profile_for("openai", "gpt-6")
GENERIC, VLLM = profile_for("generic", "m"), profile_for("vllm", "llama-3")
OLLAMA = profile_for("ollama", "llama3")
CLAUDE, OLDER = profile_for("anthropic", "claude-opus-4-8"), profile_for("anthropic", "claude-sonnet-4-5")
USER: Object = {"role": "user", "content": "go"}
F: Object = {"name": "f", "description": "F.", "input_schema": schema("a")}
IMAGE: Object = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


def m_to_c(profile: Profile = GENERIC, policy: Policy = "honest", **body: object) -> Sent:
    return asked(M, {"max_tokens": 100, "messages": [USER], **body}, C, profile, policy=policy)


def c_to_m(profile: Profile = CLAUDE, policy: Policy = "honest", **body: object) -> Sent:
    return asked(C, {"messages": [USER], **body}, M, profile, policy=policy)


def says(*blocks: Object) -> Object:
    return {"role": "assistant", "content": list(blocks)}


def hears(*blocks: Object) -> Object:
    return {"role": "user", "content": list(blocks)}


def use(call_id: str, **given: object) -> Object:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": given}


def result(call_id: str, content: object = "ok", **more: object) -> Object:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


# B1: Messages to Chat

B1 = {
    "system": ({"system": "Be brief."}, GENERIC, "messages.0", {"role": "system", "content": "Be brief."}),
    "system blocks": ({"system": [text("A"), text("B")]}, GENERIC, "messages.0.content", "A\n\nB"),
    "system of OpenAI's reasoning models": ({"system": "A"}, GPT6, "messages.0.role", "developer"),
    "system with marks": (
        {"system": [text("A"), text("B", cache_control=EPHEMERAL)]},
        GPT6,
        "messages.0.content",
        [text("A"), text("B", prompt_cache_breakpoint={"mode": "explicit"})],
    ),
    "user text": ({"messages": [hears(text("hi"))]}, GENERIC, "messages.0", {"role": "user", "content": "hi"}),
    "user image": (
        {"messages": [hears(text("see"), IMAGE)]},
        GENERIC,
        "messages.0.content",
        [text("see"), {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}],
    ),
    "search_result": (
        {
            "messages": [
                hears({"type": "search_result", "source": "https://a.example", "title": "T", "content": [text("body")]})
            ]
        },
        GENERIC,
        "messages.0.content",
        "[T](https://a.example)\nbody",
    ),
    "arguments": (
        {"messages": [USER, says(use("a", b="é", a=[1])), hears(result("a"))]},
        GENERIC,
        "messages.1.tool_calls.0",
        call("a", "f", '{"b":"é","a":[1]}'),
    ),
    "content beside calls": (
        {"messages": [USER, says(use("a")), hears(result("a"))]},
        GENERIC,
        "messages.1.content",
        "",
    ),
    "null content beside calls": (
        {"messages": [USER, says(use("a")), hears(result("a"))]},
        OPENAI,
        "messages.1.content",
        None,
    ),
    "texts of one turn": ({"messages": [USER, says(text("a"), text("b")), USER]}, GENERIC, "messages.1.content", "ab"),
    "server tools in history": (
        {
            "messages": [
                USER,
                says(
                    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
                    {
                        "type": "web_search_tool_result",
                        "tool_use_id": "s",
                        "content": [{"title": "T", "url": "https://a.example"}],
                    },
                    text("So."),
                ),
                USER,
            ]
        },
        GENERIC,
        "messages.1.content",
        '[web_search: {"query":"q"}]\n[web search results]\n- T: https://a.example\nSo.',
    ),
    "tools": (
        {"tools": [F]},
        GENERIC,
        "tools",
        [{"type": "function", "function": {"name": "f", "description": "F.", "parameters": schema("a")}}],
    ),
    "tools without a schema": (
        {"tools": [{"name": "f"}]},
        GENERIC,
        "tools.0.function.parameters",
        {"type": "object", "properties": {}},
    ),
    "strict tools": ({"tools": [{**F, "strict": True}]}, GENERIC, "tools.0.function.strict", True),
    "max_tokens": ({}, GENERIC, "max_tokens", 100),
    "max_tokens of OpenAI": ({}, OPENAI, "max_completion_tokens", 100),
    "max_tokens of llama.cpp": ({}, profile_for("llama.cpp", "m"), "max_completion_tokens", 100),
    "stop_sequences": ({"stop_sequences": ["a", "b"]}, GENERIC, "stop", ["a", "b"]),
    "stop_sequences of OpenAI": ({"stop_sequences": [*"abcdef"]}, OPENAI, "stop", [*"abcd"]),
    "stop_sequences of a reasoning model": ({"stop_sequences": ["a"]}, GPT6, "stop", None),
    "effort": ({"output_config": {"effort": "low"}}, GPT6, "reasoning_effort", "low"),
    "format": (
        {"output_config": {"format": {"type": "json_schema", "schema": schema("a")}}},
        GENERIC,
        "response_format",
        {"type": "json_schema", "json_schema": {"name": "response", "schema": schema("a"), "strict": True}},
    ),
    "temperature": ({"temperature": 0.5}, GENERIC, "temperature", 0.5),
    "temperature of a reasoning model": ({"temperature": 0.5}, GPT6, "temperature", None),
    "top_p": ({"top_p": 0.5}, GENERIC, "top_p", 0.5),
    "top_k": ({"top_k": 5}, VLLM, "top_k", 5),
    "top_k of who does not read it": ({"top_k": 5}, GENERIC, "top_k", None),
    "user_id to OpenAI": (
        {"metadata": {"user_id": "u"}},
        OPENAI,
        "safety_identifier",
        hashlib.sha256(b"u").hexdigest(),
    ),
    "user_id to others": ({"metadata": {"user_id": "u"}}, GENERIC, "safety_identifier", None),
    "service_tier": ({"service_tier": "standard_only"}, OPENAI, "service_tier", "default"),
    "service_tier of others": ({"service_tier": "auto"}, GENERIC, "service_tier", None),
    "stream": ({"stream": True}, GENERIC, "stream_options", {"include_usage": True}),
    "stream of Mistral": ({"stream": True}, profile_for("mistral", "m"), "stream_options", None),
    "no stream": ({}, GENERIC, "stream_options", None),
}


def at(body: Any, path: str) -> Any:
    for step in path.split("."):
        body = body[int(step)] if isinstance(body, list) else body.get(step)
    return body


@pytest.mark.parametrize(("body", "profile", "path", "expected"), B1.values(), ids=B1.keys())
def test_messages_to_chat(body: Object, profile: Profile, path: str, expected: object) -> None:
    assert at(m_to_c(profile, **body).body, path) == expected


@pytest.mark.parametrize("kind", ["bash_20250124", "text_editor_20250728", "memory_20250818", "computer_20251124"])
def test_anthropics_own_client_tools_get_their_schema(kind: str) -> None:
    sent = m_to_c(tools=[{"type": kind, "name": "it"}]).body["tools"][0]["function"]
    assert builtin(kind) == (sent["description"], sent["parameters"])


# B3: Chat to Messages

SYSTEM: Object = {"role": "system", "content": "A"}
G = function("g", schema("a"))
B3 = {
    "system": (
        {"messages": [SYSTEM, {"role": "developer", "content": "B"}, USER]},
        CLAUDE,
        "system",
        [text("A"), text("B")],
    ),
    "user text": ({}, CLAUDE, "messages.0", hears(text("go"))),
    "image by URL": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}}
                    ],
                }
            ]
        },
        CLAUDE,
        "messages.0.content.0",
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
    ),
    "image file": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}}]}
            ]
        },
        CLAUDE,
        "messages.0.content.0",
        IMAGE,
    ),
    "refusal": (
        {"messages": [USER, {"role": "assistant", "content": "No.", "refusal": "I will not."}, USER]},
        CLAUDE,
        "messages.1.content",
        [text("No."), text("I will not.")],
    ),
    "tool messages": (
        {
            "messages": [
                USER,
                {"role": "assistant", "tool_calls": [call("a", "g", "{}"), call("b", "g", "")]},
                {"role": "tool", "tool_call_id": "a", "content": "A"},
                {"role": "tool", "tool_call_id": "b", "content": [text("B")]},
                {"role": "user", "content": "and?"},
            ]
        },
        CLAUDE,
        "messages.2.content",
        [result("a", [text("A")]), result("b", [text("B")]), text("and?")],
    ),
    "empty arguments": (
        {"messages": [USER, {"role": "assistant", "tool_calls": [call("a", "g", "")]}]},
        CLAUDE,
        "messages.1.content.0.input",
        {},
    ),
    "tools": ({"tools": [G]}, CLAUDE, "tools", [{"name": "g", "description": "g.", "input_schema": schema("a")}]),
    "strict tools": (
        {"tools": [{"type": "function", "function": {"name": "g", "strict": True}}]},
        CLAUDE,
        "tools.0.strict",
        True,
    ),
    "a type is added": (
        {"tools": [function("g", {"properties": {}})]},
        CLAUDE,
        "tools.0.input_schema",
        {"type": "object", "properties": {}},
    ),
    "max_completion_tokens": ({"max_completion_tokens": 7, "max_tokens": 8}, CLAUDE, "max_tokens", 7),
    "max_tokens": ({"max_tokens": 8}, CLAUDE, "max_tokens", 8),
    "no limit": ({}, CLAUDE, "max_tokens", 32_000),
    "no limit, said as one": ({"max_tokens": -1}, CLAUDE, "max_tokens", 32_000),
    "stop": ({"stop": ["END", " ", "\n"]}, CLAUDE, "stop_sequences", ["END"]),
    "temperature": ({"temperature": 0.5}, OLDER, "temperature", 0.5),
    "temperature is clamped": ({"temperature": 1.5}, OLDER, "temperature", 1),
    "temperature of new models": ({"temperature": 0.5}, CLAUDE, "temperature", None),
    "one of temperature and top_p": ({"temperature": 0.5, "top_p": 0.5}, OLDER, "top_p", None),
    "temperature while thinking": ({"temperature": 0.5, "reasoning_effort": "low"}, OLDER, "temperature", None),
    "json_schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema("a")}}},
        CLAUDE,
        "output_config",
        {"format": {"type": "json_schema", "schema": schema("a")}},
    ),
    "json_object": (
        {"response_format": {"type": "json_object"}},
        CLAUDE,
        "system.0.text",
        "Answer with one JSON object and nothing else.",
    ),
    "user": ({"user": "u"}, CLAUDE, "metadata", {"user_id": "u"}),
    "safety_identifier": ({"user": "u", "safety_identifier": "s"}, CLAUDE, "metadata", {"user_id": "s"}),
    "service_tier": ({"service_tier": "default"}, CLAUDE, "service_tier", "standard_only"),
    "stream": ({"stream": True}, CLAUDE, "stream", True),
    "forced tool and thinking": (
        {"tools": [G], "tool_choice": "required", "reasoning_effort": "high"},
        OLDER,
        "thinking",
        None,
    ),
    "calls without tools": (
        {"messages": [USER, {"role": "assistant", "tool_calls": [call("a", "g", "{}")]}]},
        CLAUDE,
        "tools",
        [{"name": "g", "input_schema": {"type": "object", "properties": {}}}],
    ),
}


@pytest.mark.parametrize(("body", "profile", "path", "expected"), B3.values(), ids=B3.keys())
def test_chat_to_messages(body: Object, profile: Profile, path: str, expected: object) -> None:
    assert at(c_to_m(profile, **body).body, path) == expected


def test_the_models_own_limit_is_asked_for_where_it_is_known() -> None:
    assert asked(C, {"messages": [USER]}, M, CLAUDE, max_output=64_000).body["max_tokens"] == 64_000
    sent = asked(C, {"messages": [USER], "max_tokens": 100_000}, M, CLAUDE, max_output=64_000)
    assert (sent.body["max_tokens"], sent.losses) == (64_000, {"max_tokens": False})


# B7.6: reasoning of earlier turns

HISTORY: list[Object] = [
    USER,
    says({"type": "thinking", "thinking": "one", "signature": ""}, text("1")),
    USER,
    says({"type": "thinking", "thinking": "two", "signature": ""}, use("a")),
    hears(result("a")),
    says({"type": "thinking", "thinking": "three", "signature": ""}, use("b")),
    hears(result("b"), text("<system-reminder>hurry</system-reminder>")),
]


def thoughts(profile: Profile, field: str) -> list[object]:
    return [m.get(field) for m in m_to_c(profile, messages=HISTORY).messages if m["role"] == "assistant"]


@pytest.mark.parametrize(
    ("history", "said"),
    [("none", [None, None, None]), ("tool_turns", [None, "two", "three"]), ("all", ["one", "two", "three"])],
)
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_which_turns_get_their_reasoning_back(history: Any, field: Any, said: list[object]) -> None:
    assert thoughts(Profile(reasoning_history=history, reasoning_field=field), field) == said


def test_reasoning_in_tags() -> None:
    profile = profile_for("minimax", "MiniMax-M3")
    assert thoughts(profile, "content")[1:] == ["<think>\ntwo\n</think>\n\n", "<think>\nthree\n</think>\n\n"]
    assert thoughts(profile, "reasoning_content") == [None, None, None]


def test_reasoning_that_is_gone_is_said_as_empty_where_it_is_demanded() -> None:
    messages = [USER, says(text("1")), USER, says(use("a")), hears(result("a"))]
    sent = [
        m for m in m_to_c(profile_for("moonshot", "kimi-k3"), messages=messages).messages if m["role"] == "assistant"
    ]
    assert [m.get("reasoning_content") for m in sent] == [None, ""]


def test_no_reasoning_for_who_refuses_it() -> None:
    assert thoughts(profile_for("mistral", "mistral-large"), "reasoning_content") == [None, None, None]


# B7.4: what results hold


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "(no output)"),
        ([], "(no output)"),
        ([text("a"), text("b")], "a\nb"),
        ([{"type": "tool_reference", "tool_name": "X"}], "The tool X is now available."),
        ([text("a"), {"type": "document", "source": {"type": "text", "data": "b"}}], "a\nb"),
    ],
)
def test_results_as_text(content: object, said: str) -> None:
    sent = m_to_c(messages=[USER, says(use("a")), hears(result("a", content))])
    assert sent.messages[2]["content"] == said


def test_results_hold_pictures_where_they_may() -> None:
    sent = m_to_c(
        profile_for("sglang", "m"), messages=[USER, says(use("a")), hears(result("a", [IMAGE], is_error=True))]
    )
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert sent.messages[2:] == [{"role": "tool", "tool_call_id": "a", "content": [text("[tool error] "), url]}]


def test_a_file_in_a_result_follows_in_the_users_turn() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    sent = m_to_c(OPENAI, messages=[USER, says(use("a")), hears(result("a", [text("PDF"), pdf]))]).messages
    assert sent[2]["content"] == "PDF\n[file 1 attached below]"
    assert [part["type"] for part in sent[3]["content"]] == ["text", "file"]


def test_a_user_behind_a_tool_where_the_template_refuses_one() -> None:
    mistral = profile_for("mistral", "mistral-large")
    sent = m_to_c(mistral, messages=[USER, says(use("a")), hears(result("a"), text("and?"))]).messages
    assert [(m["role"], m["content"]) for m in sent[2:]] == [("tool", "ok\n\nand?")]
    sent = m_to_c(mistral, messages=[USER, says(use("a")), hears(result("a", [IMAGE]))]).messages
    assert [m["role"] for m in sent[2:]] == ["tool", "assistant", "user"]


# B7.7: switches


@pytest.mark.parametrize(
    ("profile", "body", "said", "warned"),
    [
        (
            profile_for("dashscope", "qwen3-max"),
            {"output_config": {"effort": "high"}, "stream": True},
            {"enable_thinking": True},
            None,
        ),
        (
            profile_for("dashscope", "qwen3-max"),
            {"output_config": {"effort": "high"}},
            {"enable_thinking": False},
            "reasoning",
        ),
        (profile_for("dashscope", "qwen3-max"), {}, {"enable_thinking": False}, None),
        (profile_for("dashscope", "qwen3-max"), {"stream": True}, {}, None),
        (
            profile_for("deepseek", "deepseek-v4"),
            {"tools": [F], "tool_choice": {"type": "any"}, "output_config": {"effort": "high"}},
            {"thinking": {"type": "disabled"}, "tool_choice": "required"},
            "reasoning",
        ),
        (
            profile_for("moonshot", "kimi-k3"),
            {"thinking": {"type": "disabled"}},
            {"thinking": {"type": "disabled"}},
            None,
        ),
        (OLLAMA, {"tools": [F], "tool_choice": {"type": "any"}}, {"tool_choice": "auto"}, "tool_choice"),
        (OLLAMA, {"tools": [F], "tool_choice": {"type": "none"}}, {"tool_choice": "none"}, None),
        (OLLAMA, {"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}, None),
        (
            profile_for("llama.cpp", "gpt-oss-20b"),
            {"output_config": {"effort": "max"}},
            {"reasoning_effort": "high", "chat_template_kwargs": {"reasoning_effort": "high"}},
            None,
        ),
        (
            Profile(forced_tools="not_thinking"),
            {"tools": [F], "tool_choice": {"type": "any"}},
            {"tool_choice": "auto"},
            "tool_choice",
        ),
    ],
)
def test_switches(profile: Profile, body: Object, said: Object, warned: str | None) -> None:
    sent = m_to_c(profile, **body)
    keys = ("enable_thinking", "thinking", "tool_choice", "reasoning_effort", "chat_template_kwargs")
    assert {key: sent.body[key] for key in keys if key in sent.body} == said
    assert [path for path, is_warned in sent.losses.items() if is_warned] == ([warned] if warned else [])


# B7.10: cache marks

HOUR = {"type": "ephemeral", "ttl": "1h"}


def test_marks_on_openai_are_breakpoints_and_never_more_than_four() -> None:
    marked = [hears(text(f"{n}", cache_control=HOUR)) for n in range(3)]
    messages = [message for one in marked for message in (one, says(text("ok")))]
    system = [text("A", cache_control=EPHEMERAL), text("B", cache_control={"type": "ephemeral", "ttl": "5m"})]
    said = jsons.write_text(m_to_c(GPT6, system=system, messages=[*messages, USER]).body)
    assert said.count("prompt_cache_breakpoint") == 4
    assert (said.count('"ttl":"12h"'), said.count('"ttl":"30m"')) == (2, 1)


def test_marks_on_a_result_and_for_openrouter() -> None:
    messages = [USER, says(use("a")), hears(result("a", "42", cache_control=HOUR))]
    sent = m_to_c(profile_for("openrouter", "anthropic/claude-opus-4.8"), messages=messages).messages
    assert sent[2]["content"] == [text("42", cache_control=HOUR)]
    empty = [USER, says(use("a")), hears(result("a", "", cache_control=EPHEMERAL))]
    sent = m_to_c(profile_for("openrouter", "anthropic/claude-opus-4.8"), messages=empty).messages
    assert sent[2]["content"] == [text("(no output)", cache_control=EPHEMERAL)]


def test_marks_elsewhere_are_dropped() -> None:
    sent = m_to_c(GENERIC, system=[text("A", cache_control=EPHEMERAL)])
    assert sent.messages[0]["content"] == "A"
    assert sent.losses["cache_control"] is False


LONG = "word " * 3_000


def marked(body: Object) -> list[str]:
    found = [f"tools.{n}" for n, t in enumerate(body.get("tools", [])) if "cache_control" in t]
    found += [f"system.{n}" for n, b in enumerate(body.get("system", [])) if "cache_control" in b]
    return found + [
        f"messages.{n}" for n, m in enumerate(body["messages"]) if any("cache_control" in b for b in m["content"])
    ]


@pytest.mark.parametrize(
    ("profile", "body", "places", "on_top"),
    [
        (CLAUDE, {"messages": [{"role": "system", "content": LONG}, USER], "tools": [G, G]}, ["system.0"], True),
        (CLAUDE, {"messages": [{"role": "user", "content": LONG}], "tools": [G, G]}, ["tools.1"], True),
        (CLAUDE, {"messages": [{"role": "user", "content": LONG}]}, [], True),
        (CLAUDE, {"messages": [USER], "tools": [G]}, [], False),
        (
            profile_for("anthropic-like", "m"),
            {
                "messages": [
                    {"role": "system", "content": LONG},
                    *(m for _ in range(3) for m in (USER, {"role": "assistant", "content": "ok"})),
                    USER,
                ],
                "tools": [G],
            },
            ["tools.0", "system.0", "messages.4", "messages.6"],
            False,
        ),
        (Profile(), {"messages": [{"role": "user", "content": LONG}]}, [], False),
    ],
)
def test_marks_are_set_for_clients_that_cannot(profile: Profile, body: Object, places: list[str], on_top: bool) -> None:
    sent = c_to_m(profile, **body).body
    assert (marked(sent), "cache_control" in sent) == (places, on_top)


def test_marks_of_the_client_are_kept_instead() -> None:
    sent = c_to_m(messages=[{"role": "system", "content": [text(LONG, cache_control=HOUR)]}, USER]).body
    assert (sent["system"], "cache_control" in sent) == ([text(LONG, cache_control=HOUR)], False)
    breakpoint_ = {"mode": "explicit", "ttl": "12h"}
    sent = c_to_m(messages=[{"role": "system", "content": [text("A", prompt_cache_breakpoint=breakpoint_)]}, USER]).body
    assert sent["system"] == [text("A", cache_control=HOUR)]
    sent = c_to_m(tools=[{**G, "cache_control": EPHEMERAL}]).body
    assert sent["tools"][0]["cache_control"] == EPHEMERAL


@pytest.mark.parametrize(
    ("headers", "body", "key"),
    [
        ({"x-claude-code-session-id": "s"}, {}, hashlib.sha256(b"s").hexdigest()[:32]),
        ({}, {"metadata": {"user_id": '{"session_id":"s"}'}}, hashlib.sha256(b"s").hexdigest()[:32]),
    ],
)
def test_the_cache_key_is_the_session(headers: dict[str, str], body: Object, key: str) -> None:
    request = read(M, {"model": "m", "max_tokens": 1, "messages": [USER], **body}, headers)
    assert write(request, route_to(C, OPENAI)).body["prompt_cache_key"] == key


def test_the_cache_key_is_else_the_prompts_beginning() -> None:
    keys = [
        m_to_c(OPENAI, system=s, messages=[hears(text(u))]).body["prompt_cache_key"]
        for s, u in (("A", "1"), ("A", "2"), ("B", "1"))
    ]
    assert keys[0] == keys[1] != keys[2]
    assert "prompt_cache_key" not in m_to_c(GENERIC).body


# B7.17: images and files


@pytest.mark.parametrize("vision", [None, True])
def test_images_are_sent_unless_the_model_is_known_not_to_see(vision: bool | None) -> None:
    assert m_to_c(Profile(vision=vision), messages=[hears(IMAGE)]).losses == {}


@pytest.mark.parametrize(
    ("client", "backend", "content"),
    [(M, C, [IMAGE]), (C, M, [{"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"}])],
)
def test_images_for_who_cannot_see(client: Any, backend: Any, content: list[Object]) -> None:
    blind = Profile(vision=False)
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    with pytest.raises(Problem, match="image input is not supported by asked-model") as refused:
        asked(client, body, backend, blind)
    assert refused.value.param == "messages[0]"
    lenient = asked(client, body, backend, blind, policy="lenient")
    assert "cannot see images" in jsons.write_text(lenient.body)
    assert lenient.losses == {"messages[0]": True}


def test_images_in_results_for_who_cannot_see_do_not_end_the_conversation() -> None:
    messages = [USER, says(use("a")), hears(result("a", [text("x"), IMAGE]))]
    sent = m_to_c(Profile(vision=False), messages=messages)
    assert sent.messages[2]["content"] == "x\n[image: asked-model cannot see images]"
    assert sent.losses["messages[2]"] is True
    native = asked(M, {"max_tokens": 9, "messages": messages}, M, Profile(vision=False, system_anywhere=True))
    assert native.messages[2]["content"][0]["content"][1]["text"] == "[image: asked-model cannot see images]"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,Qk0="}}, "images of type image/bmp"),
        ({"type": "file", "file": {"file_id": "f"}}, "a file by its id"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,/w=="}}, "files of type application/zip"),
        ({"type": "input_audio", "input_audio": {}}, "audio input is not supported"),
        ({"type": "video_url", "video_url": {}}, "content of type 'video_url'"),
    ],
)
def test_what_messages_has_no_place_for_is_refused(part: Object, why: str) -> None:
    with pytest.raises(Problem, match=why) as refused:
        c_to_m(messages=[SYSTEM, {"role": "user", "content": [part]}])
    assert (refused.value.kind, refused.value.param) == ("unsupported", "messages[1]")


def test_what_chat_has_no_place_for_is_refused() -> None:
    for block, why in (
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "an image by file id"),
        ({"type": "container_upload", "file_id": "f"}, "content of type 'container_upload'"),
        ({"type": "hologram"}, "content of type 'hologram'"),
    ):
        with pytest.raises(Problem, match=why) as refused:
            m_to_c(system="S", messages=[USER, says(text("x")), hears(block)])
        assert refused.value.param == "messages[2]"
    lenient = m_to_c(policy="lenient", messages=[hears({"type": "hologram"})])
    assert (lenient.messages[0]["content"], lenient.losses) == ("[hologram]", {"messages[0]": True})


def test_a_text_file_is_said_as_text() -> None:
    written = {"type": "base64", "media_type": "text/plain", "data": base64.b64encode(b"hi").decode()}
    sent = m_to_c(messages=[hears({"type": "document", "title": "a.txt", "source": written})])
    assert sent.messages[0]["content"] == "[a.txt]\nhi"


# B7.23: small parameters


@pytest.mark.parametrize(
    ("user", "hashed"), [("u-1", False), ("me@a.example", True), ("x" * 129, True), ("x" * 128, False)]
)
def test_ids_of_users_that_show_who_they_are_are_hashed(user: str, hashed: bool) -> None:
    sent = c_to_m(user=user).body["metadata"]["user_id"]
    assert sent == (hashlib.sha256(user.encode()).hexdigest() if hashed else user)


def test_one_answer_is_one_answer() -> None:
    assert c_to_m(n=1).losses == {}
    with pytest.raises(Problem, match="one answer at a time"):
        c_to_m(n=2)


def test_limits_that_do_not_fit_the_window_are_lowered() -> None:
    body = {"max_tokens": 32_000, "messages": [hears(text(LONG))]}
    assert asked(M, body, C, VLLM, context_window=200_000).body["max_tokens"] == 32_000
    lowered = asked(M, body, C, VLLM, context_window=32_768)
    assert 28_000 < lowered.body["max_tokens"] < 30_000
    assert lowered.losses["max_tokens"] is False
    assert asked(M, body, C, VLLM, context_window=2_000).body["max_tokens"] == 1_024
    assert asked(M, body, C, VLLM, max_output=8_192).body["max_tokens"] == 8_192
    assert asked(M, {**body, "messages": [USER]}, C, VLLM, context_window=40_000).body["max_tokens"] == 32_000


def test_a_picture_does_not_fill_the_window() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG + "A" * 400_000}}
    body = {"max_tokens": 8_000, "messages": [hears(picture)]}
    assert asked(M, body, C, VLLM, context_window=32_768).body["max_tokens"] == 8_000


# C2 and C4: the class of every loss

SILENT, WARNED, REFUSED, LENIENT = "silent", "warned", "refused", "refused unless lenient"
THINK: Object = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
C2: dict[str, tuple[Object, str, str]] = {
    "thinking signature": ({"messages": [USER, says(THINK, text("a")), USER]}, WARNED, "messages[1]"),
    "redacted_thinking": (
        {"messages": [USER, says({"type": "redacted_thinking", "data": "x"}, text("a")), USER]},
        WARNED,
        "messages[1]",
    ),
    "order inside a turn": ({"messages": [USER, says(use("a"), text("a")), hears(result("a"))]}, WARNED, "messages[1]"),
    "is_error": ({"messages": [USER, says(use("a")), hears(result("a", is_error=True))]}, SILENT, "messages[2]"),
    "system in mid-conversation": ({"messages": [USER, {"role": "system", "content": "x"}]}, SILENT, "messages[1]"),
    "cache_control": ({"messages": [hears(text("a", cache_control=EPHEMERAL))]}, SILENT, "cache_control"),
    "top_k": ({"top_k": 5}, WARNED, "top_k"),
    "budget_tokens": ({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, SILENT, "thinking.budget_tokens"),
    "web_search": ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, WARNED, "tools.web_search"),
    "web_fetch": ({"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}, WARNED, "tools.web_fetch"),
    "code_execution": ({"tools": [{"type": "code_execution_20250825", "name": "c"}]}, LENIENT, "tools.code_execution"),
    "advisor": ({"tools": [{"type": "advisor_20260301", "name": "a"}]}, LENIENT, "tools.advisor"),
    "mcp_toolset": ({"tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}, LENIENT, "tools.mcp_toolset"),
    "computer_toolset": (
        {"tools": [{"type": "computer_toolset_20260801"}]},
        LENIENT,
        "tools.computer_toolset_20260801",
    ),
    "tool_search": ({"tools": [{"type": "tool_search_tool_regex", "name": "t"}, F]}, SILENT, "tools.tool_search"),
    "container": ({"container": "c"}, LENIENT, "container"),
    "mcp_servers": ({"mcp_servers": [{}]}, LENIENT, "mcp_servers"),
    "fallbacks": ({"fallbacks": "default"}, LENIENT, "fallbacks"),
    "a container of null": ({"container": None}, SILENT, "container"),
    "no MCP servers": ({"mcp_servers": []}, SILENT, "mcp_servers"),
    "no fallbacks": ({"fallbacks": None}, SILENT, "fallbacks"),
    "no compaction": ({"compaction": None}, SILENT, "compaction"),
    "inference_geo of null": ({"inference_geo": None}, SILENT, "inference_geo"),
    "citations": (
        {
            "messages": [
                hears({"type": "document", "source": {"type": "text", "data": "x"}, "citations": {"enabled": True}})
            ]
        },
        WARNED,
        "messages[0]",
    ),
    "clear_tool_uses": (
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        WARNED,
        "context_management",
    ),
    "clear_thinking": (
        {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}},
        SILENT,
        "context_management",
    ),
    "compaction": ({"compaction": {"type": "summarize"}}, WARNED, "compaction"),
    "thread.create": ({"thread": {"type": "create"}}, SILENT, "thread"),
    "thread.continue": ({"thread": {"type": "continue", "previous_message_id": "m"}}, REFUSED, "thread"),
    "task_budget": ({"output_config": {"task_budget": {"type": "tokens"}}}, WARNED, "output_config"),
    "prefill": ({"messages": [USER, says(text("It is"))]}, LENIENT, "messages"),
    "max_tokens of 0": ({"max_tokens": 0}, WARNED, "max_tokens"),
    "user_id": ({"metadata": {"user_id": "u"}}, SILENT, "metadata.user_id"),
    "inference_geo": ({"inference_geo": "eu"}, REFUSED, "inference_geo"),
    "diagnostics": ({"diagnostics": {}}, SILENT, "diagnostics"),
    "user_profile_id": ({"user_profile_id": "p"}, SILENT, "user_profile_id"),
    "service_tier": ({"service_tier": "auto"}, SILENT, "service_tier"),
    "speed": ({"speed": "fast"}, SILENT, "speed"),
    "a field nobody knows": ({"quantum": 1}, SILENT, "quantum"),
    "a forced search": (
        {
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "tool", "name": "web_search"},
        },
        REFUSED,
        "tool_choice",
    ),
    "a forced tool that is not there": (
        {"tools": [F], "tool_choice": {"type": "tool", "name": "x"}},
        REFUSED,
        "tool_choice",
    ),
}


@pytest.mark.parametrize(("body", "loss", "path"), C2.values(), ids=C2.keys())
def test_losses_from_messages_to_chat(body: Object, loss: str, path: str) -> None:
    _check(M, {"max_tokens": 100, "messages": [USER], **body}, C, GENERIC, loss, path)


JSON_OBJECT: Object = {"response_format": {"type": "json_object"}}
C4: dict[str, tuple[Object, str, str]] = {
    "n": ({"n": 2}, REFUSED, "n"),
    "logprobs": ({"logprobs": True}, WARNED, "logprobs"),
    "top_logprobs": ({"top_logprobs": 2}, WARNED, "top_logprobs"),
    "seed": ({"seed": 1}, WARNED, "seed"),
    "logit_bias": ({"logit_bias": {"1": 1}}, WARNED, "logit_bias"),
    "frequency_penalty": ({"frequency_penalty": 0.5}, WARNED, "frequency_penalty"),
    "presence_penalty": ({"presence_penalty": 0.5}, WARNED, "presence_penalty"),
    "repetition_penalty": ({"repetition_penalty": 1.1}, WARNED, "repetition_penalty"),
    "min_p": ({"min_p": 0.1}, WARNED, "min_p"),
    "temperature": ({"temperature": 1.5}, WARNED, "temperature"),
    "json_object": (JSON_OBJECT, WARNED, "response_format"),
    "a schema that is not strict": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": False}}},
        SILENT,
        "response_format",
    ),
    "reasoning_content": (
        {"messages": [USER, {"role": "assistant", "content": "a", "reasoning_content": "b"}, USER]},
        SILENT,
        "messages[1]",
    ),
    "audio in": ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, REFUSED, "messages[0]"),
    "audio out": ({"modalities": ["text", "audio"]}, REFUSED, "modalities"),
    "audio settings": ({"audio": {"voice": "x"}}, REFUSED, "audio"),
    "audio of null": ({"audio": None}, SILENT, "audio"),
    "no search": ({"web_search_options": None}, SILENT, "web_search_options"),
    "modalities of text": ({"modalities": ["text"]}, SILENT, "modalities"),
    "prediction": ({"prediction": {"type": "content"}}, SILENT, "prediction"),
    "verbosity": ({"verbosity": "low"}, WARNED, "verbosity"),
    "store": ({"store": True}, SILENT, "store"),
    "web_search_options": ({"web_search_options": {}}, WARNED, "web_search_options"),
    "name": ({"messages": [{"role": "user", "content": "a", "name": "bob"}]}, WARNED, "messages[0]"),
    "file_id": (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
        REFUSED,
        "messages[0]",
    ),
    "system in mid-conversation": ({"messages": [USER, SYSTEM, USER]}, SILENT, "messages[1]"),
    "flex": ({"service_tier": "flex"}, WARNED, "service_tier"),
    "a forced tool that is not there": (
        {"tools": [G], "tool_choice": {"type": "function", "function": {"name": "x"}}},
        REFUSED,
        "tool_choice",
    ),
    "no room to think": ({"reasoning_effort": "high", "max_tokens": 1_500}, WARNED, "max_tokens"),
}


@pytest.mark.parametrize(("body", "loss", "path"), C4.values(), ids=C4.keys())
def test_losses_from_chat_to_messages(body: Object, loss: str, path: str) -> None:
    _check(C, {"messages": [USER], **body}, M, profile_for("anthropic-like", "m"), loss, path)


def _check(client: Any, body: Object, backend: Any, profile: Profile, loss: str, path: str) -> None:
    if loss in (REFUSED, LENIENT):
        with pytest.raises(Problem) as refused:
            asked(client, body, backend, profile)
        assert (refused.value.kind, refused.value.param) == ("unsupported", path)
        assert refused.value.public.startswith(path)
    if loss == LENIENT:
        assert asked(client, body, backend, profile, policy="lenient").losses[path] is True
    if loss == REFUSED:
        with pytest.raises(Problem):
            asked(client, body, backend, profile, policy="lenient")
    if loss in (SILENT, WARNED):
        assert asked(client, body, backend, profile).losses[path] is (loss == WARNED)
    if loss == WARNED:
        with pytest.raises(Problem, match="on_loss: strict"):
            asked(client, body, backend, profile, policy="strict")
    if loss == SILENT:
        asked(client, body, backend, profile, policy="strict")


def test_what_is_lost_to_nobody_is_not_noted() -> None:
    assert asked(M, {"max_tokens": 9, "messages": [USER], "tools": [F]}, C, PLAIN[C]).losses == {}
    assert asked(C, {"messages": [USER], "tools": [G], "stream": True}, M, CLAUDE).losses == {}
    assert (
        asked(
            M, {"max_tokens": 9, "messages": [USER], "tools": [{**F, "input_examples": [{"a": "x"}]}]}, C, PLAIN[C]
        ).losses
        == {}
    )


def test_examples_of_arguments_are_put_into_words() -> None:
    sent = m_to_c(tools=[{"name": "f", "input_examples": [{"a": 1}, {"a": 2}]}]).body["tools"][0]["function"]
    assert sent["description"] == 'Examples of arguments:\n{"a":1}\n{"a":2}'
