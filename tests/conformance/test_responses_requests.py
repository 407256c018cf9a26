"""The conformance cases of PROTOCOLS section D that concern requests, between Responses and the others. Names as there."""

from typing import Any

import msgspec
import pytest

from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Reasoning, Seal, Thinking
from dragoman.hub.route import Profile
from dragoman.protocols.seals import PREFIX, Sealer, opened
from dragoman.routing.profiles import profile_for
from dragoman.wire import jsons
from tests.asking import PLAIN, C, M, R, Sent, asked, read
from tests.crossing import SEALER, crossed
from tests.laws import codex
from tests.laws.conversations import PDF, PNG
from tests.laws.legal import chat_breaches, messages_breaches

Object = dict[str, Any]

GENERIC = profile_for("generic", "m")
CLAUDE = profile_for("anthropic", "claude-opus-4-8")
# What OpenAI's own models want of a Responses request.
GPT = msgspec.structs.replace(profile_for("openai", "gpt-5.6"), family="openai")
OPENAI_CHAT = msgspec.structs.replace(PLAIN[C], openai_fields=True)
URL = f"data:image/png;base64,{PNG}"


def to_chat(*items: Object, profile: Profile = GENERIC, **more: object) -> Sent:
    sent = crossed(R, {"input": list(items), **more}, C, profile).sent
    assert chat_breaches(sent.body) == []
    return sent


def to_messages(*items: Object, profile: Profile = CLAUDE, **more: object) -> Sent:
    sent = crossed(R, {"input": list(items), **more}, M, profile).sent
    assert messages_breaches(sent.body) == []
    return sent


def to_responses(client: Dialect, *messages: Object, profile: Profile = GPT, **more: object) -> Object:
    return crossed(client, {"max_tokens": 100, "messages": list(messages), **more}, R, profile).sent.body


def user(said: Any) -> Object:
    return {"role": "user", "content": said}


def use(call_id: str, name: str = "f", **given: object) -> Object:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: object = "ok", **more: object) -> Object:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


# Tools.


def test_tool_result_image_to_responses() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    said = [
        user("look"),
        {"role": "assistant", "content": [use("toolu_1"), use("toolu_2")]},
        user([result("toolu_1", [{"type": "text", "text": "a"}, image]), result("toolu_2")]),
    ]
    items = to_responses(M, *said)["input"]
    assert items[3:] == [
        {
            "type": "function_call_output",
            "call_id": "toolu_1",
            "output": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": URL, "detail": "auto"},
            ],
        },
        {"type": "function_call_output", "call_id": "toolu_2", "output": "ok"},
    ]


def test_tool_result_image_from_responses() -> None:
    sent = crossed(R, codex.UNKNOWN_MODEL, C, GENERIC).sent
    assert chat_breaches(sent.body) == []
    tail = sent.messages[-3:]
    assert [message["role"] for message in tail] == ["tool", "tool", "user"]
    assert tail[1]["content"] == "Wall time: 0.1 seconds\nOutput:\n[image 1 attached below]"
    assert [part["type"] for part in tail[2]["content"]] == ["text", "image_url", "text", "image_url", "text"]


def test_tool_result_is_error() -> None:
    said = [
        user("go"),
        {"role": "assistant", "content": [use("toolu_1")]},
        user([result("toolu_1", "oops", is_error=True)]),
    ]
    items = to_responses(M, *said)["input"]
    assert items[2]["output"] == "[tool error] oops"
    back = to_messages(*({"type": "message", **items[0]}, items[1], items[2])).messages
    assert back[-1]["content"] == [result("toolu_1", [{"type": "text", "text": "oops"}], is_error=True)]


def test_tool_id_too_long() -> None:
    first, second = "x" * 90, "x" * 64 + "y" * 26
    said = [
        user("go"),
        {"role": "assistant", "content": [use(first), use(second)]},
        user([result(first), result(second)]),
    ]
    items = to_responses(M, *said)["input"]
    calls, outputs = [i["call_id"] for i in items[1:3]], [i["call_id"] for i in items[3:]]
    assert calls == outputs
    assert len(set(calls)) == 2
    assert all(len(call_id) <= 64 for call_id in calls)


@pytest.mark.parametrize(
    ("choice", "chat", "messages"),
    [
        ("auto", "auto", {"type": "auto"}),
        ("required", "required", {"type": "any"}),
        ("none", "none", {"type": "none"}),
        (
            {"type": "function", "name": "exec_command"},
            {"type": "function", "function": {"name": "exec_command"}},
            {"type": "tool", "name": "exec_command"},
        ),
        (
            {"type": "custom", "name": "apply_patch"},
            {"type": "function", "function": {"name": "apply_patch"}},
            {"type": "tool", "name": "apply_patch"},
        ),
        (
            {"type": "function", "name": "echo"},
            {"type": "function", "function": {"name": "mcp__lab__echo"}},
            {"type": "tool", "name": "mcp__lab__echo"},
        ),
        ({"type": "web_search"}, "auto", {"type": "auto"}),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "exec_command"}]},
            "required",
            {"type": "any"},
        ),
    ],
)
@pytest.mark.parametrize("parallel", [None, False])
def test_tool_choice_forms(choice: Any, chat: Any, messages: Any, parallel: bool | None) -> None:
    tools = [codex.EXEC, codex.custom("apply_patch"), codex.LAB]
    more: Object = {"tools": tools, "tool_choice": choice, "parallel_tool_calls": parallel}
    sent = to_chat(user("go"), **more).body
    assert sent["tool_choice"] == chat
    assert sent.get("parallel_tool_calls") is parallel
    alone = {"disable_parallel_tool_use": True} if parallel is False and choice != "none" else {}
    assert to_messages(user("go"), **more).body["tool_choice"] == {**messages, **alone}


def test_custom_history() -> None:
    items = [
        user("go"),
        codex.free_call(1, "apply_patch", codex.PATCH),
        codex.output(1, "Success.", "custom_tool_call"),
    ]
    said = to_chat(*items, tools=[codex.custom("apply_patch")]).messages
    function = said[1]["tool_calls"][0]["function"]
    assert function["name"] == "apply_patch"
    assert jsons.read(function["arguments"]) == {"input": codex.PATCH}
    assert said[2] == {"role": "tool", "tool_call_id": "call_1", "content": "Success."}


def test_custom_grammar_nesting() -> None:
    sent = crossed(R, {"input": "hi", "tools": [codex.custom("apply_patch", "start: x")]}, C, OPENAI_CHAT).sent.body
    grammar = {"syntax": "lark", "definition": "start: x"}
    assert sent["tools"][0]["type"] == "custom"
    assert sent["tools"][0]["custom"]["format"] == {"type": "grammar", "grammar": grammar}


def test_namespace_roundtrip() -> None:
    tool = codex.namespace("mcp__github", codex.function("create_issue", "title"))
    items = [user("go"), codex.call(1, "create_issue", {"title": "t"}, namespace="mcp__github"), codex.output(1, "ok")]
    sent = to_chat(*items, tools=[tool])
    assert [t["function"]["name"] for t in sent.body["tools"]] == ["mcp__github__create_issue"]
    assert sent.messages[1]["tool_calls"][0]["function"]["name"] == "mcp__github__create_issue"


def test_namespace_collision() -> None:
    tools = [codex.namespace("a__b", codex.function("c")), codex.namespace("a", codex.function("b__c"))]
    names = [tool["function"]["name"] for tool in to_chat(user("go"), tools=tools).body["tools"]]
    assert len(set(names)) == 2
    long = [codex.namespace("n" * 40 + end, codex.function("t" * 40)) for end in "xy"]
    names = [tool["function"]["name"] for tool in to_chat(user("go"), tools=long).body["tools"]]
    assert len(set(names)) == 2
    assert all(len(name) <= 64 for name in names)


@pytest.mark.parametrize("named_by", ["X", "lsh_1"])
def test_local_shell_output_by_id(named_by: str) -> None:
    """By its call, or by the item of its call: both are met."""
    call = {
        "type": "local_shell_call",
        "id": "lsh_1",
        "call_id": "X",
        "action": {"type": "exec", "command": ["ls"], "env": {}},
        "status": "completed",
    }
    output = {"type": "local_shell_call_output", "id": named_by, "output": "a.txt"}
    said = to_chat(user("go"), call, output, tools=[{"type": "local_shell"}]).messages
    assert said[1]["tool_calls"][0]["function"] == {"name": "local_shell", "arguments": '{"command":["ls"],"env":{}}'}
    assert (said[1]["tool_calls"][0]["id"], said[2]) == ("X", {"role": "tool", "tool_call_id": "X", "content": "a.txt"})


def test_shell_output_is_said_whole() -> None:
    call = {"type": "shell_call", "call_id": "X", "action": {"commands": ["ls"]}}
    output = {
        "type": "shell_call_output",
        "call_id": "X",
        "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
    }
    said = to_chat(user("go"), call, output, tools=[{"type": "shell"}]).messages
    assert jsons.read(said[2]["content"]) == output["output"]


def test_additional_tools_item() -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [codex.function("late"), codex.custom("later")]}
    first = to_chat(user("go"), added, user("on"), tools=[codex.EXEC]).body
    assert [tool["function"]["name"] for tool in first["tools"]] == ["exec_command", "late", "later"]
    assert [message["role"] for message in first["messages"]] == ["user"]


def test_tool_search_client_exec() -> None:
    sent = crossed(R, codex.GPT_5_5, C, GENERIC).sent
    assert [tool["function"]["name"] for tool in sent.body["tools"]][-1] == "mcp__lab__echo"
    calls = [call["function"] for message in sent.messages for call in message.get("tool_calls", ())]
    assert [call["name"] for call in calls] == ["apply_patch", "tool_search", "mcp__lab__echo"]
    assert jsons.read(calls[1]["arguments"]) == {"query": "echo", "limit": 8}
    results = [message["content"] for message in sent.messages if message["role"] == "tool"]
    assert results[1] == "These tools are now available: mcp__lab__echo."


# Reasoning.


def test_encrypted_roundtrip_claude_code() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "E"}
    envelope = SEALER.wrap(Seal(R, "openai", item, "encrypted"), "")
    assert envelope.startswith(PREFIX)
    thought = {"type": "thinking", "thinking": "", "signature": envelope}
    said = [user("go"), {"role": "assistant", "content": [thought, use("toolu_1")]}, user([result("toolu_1")])]
    assert to_responses(M, *said)["input"][1] == item


def test_redacted_roundtrip_codex() -> None:
    sealed = SEALER.wrap(Seal(M, "anthropic", "D", "redacted"), "")
    items = [user("go"), codex.thought(1, "", sealed), codex.call(1, "f", {}), codex.output(1, "ok")]
    blocks = to_messages(*items, tools=[codex.function("f")]).messages[1]["content"]
    assert blocks[0] == {"type": "redacted_thinking", "data": "D"}
    assert blocks[1]["type"] == "tool_use"


def test_signatures_between_calls_roundtrip_codex() -> None:
    items: list[Object] = [user("go")]
    for number in (1, 2):
        sealed = SEALER.wrap(Seal(M, "anthropic", f"S{number}"), f"thought {number}")
        items += [codex.thought(number, "shown", sealed), codex.call(number, "f", {})]
    items += [codex.output(2, "two"), codex.output(1, "one")]
    sent = to_messages(*items, tools=[codex.function("f")]).messages
    assert [block.get("signature", block["type"]) for block in sent[1]["content"]] == [
        "S1",
        "tool_use",
        "S2",
        "tool_use",
    ]
    assert [block["content"][0]["text"] for block in sent[2]["content"]] == ["one", "two"]


def test_envelope_tampered() -> None:
    sealed = SEALER.wrap(Seal(R, "openai", {"id": "rs_1", "encrypted_content": "E"}, "encrypted"), "hm")
    thought = {"type": "thinking", "thinking": "hm", "signature": f"{sealed[:-1]}_"}
    request = read(
        M,
        {
            "model": "m",
            "max_tokens": 9,
            "messages": [user("go"), {"role": "assistant", "content": [thought]}, user("on")],
        },
    )
    losses = Losses()
    assert opened(request, SEALER, losses).turns[1].parts == (Thinking("hm"),)
    assert [loss.warned for loss in losses.noted] == [True]


@pytest.mark.parametrize("backend", [M, C, R])
def test_envelope_never_upstream(backend: Dialect) -> None:
    for secret in (b"the proxy's secret", b"another's"):
        sealed = Sealer(secret).wrap(Seal(M, "anthropic", "S"), "hm")
        items = [user("go"), codex.thought(1, "hm", sealed), codex.call(1, "f", {}), codex.output(1, "ok")]
        body = crossed(R, {"input": items, "tools": [codex.function("f")]}, backend, PLAIN[backend]).sent.body
        assert PREFIX not in jsons.write_text(body)


def test_reasoning_without_a_seal_is_left_out_for_openai() -> None:
    """An item whose payload it does not know is a 404."""
    items = [user("go"), codex.thought(1, "hm"), codex.message("assistant", "So."), user("on")]
    kinds = [item["type"] for item in crossed(R, {"input": items}, R, GPT).sent.body["input"]]
    assert kinds == ["message", "message", "message"]
    assert "reasoning" in [item["type"] for item in crossed(R, {"input": items}, R, PLAIN[R]).sent.body["input"]]


@pytest.mark.parametrize(
    ("effort", "read_as"),
    [
        ("none", Reasoning("off", "none")),
        ("minimal", Reasoning(effort="minimal")),
        ("xhigh", Reasoning(effort="xhigh")),
        ("ultra", Reasoning(effort="max")),
        (None, Reasoning()),
    ],
)
def test_effort_table(effort: str | None, read_as: Reasoning) -> None:
    assert read(R, {"model": "m", "input": "hi", "reasoning": {"effort": effort}}).reasoning == read_as


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"thinking": {"type": "disabled"}}, {"effort": "none"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 8_000}}, {"effort": "medium", "summary": "auto"}),
        ({"output_config": {"effort": "high"}}, {"effort": "high", "summary": "auto"}),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}},
            {"effort": "low"},
        ),
        ({}, {"summary": "auto"}),
    ],
)
def test_effort_table_to_responses(more: Object, said: Object) -> None:
    body = to_responses(M, user("go"), **{"max_tokens": 20_000, **more})
    assert body["reasoning"] == said
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])


# Placement, content.


def test_system_mid_conversation() -> None:
    said = [user("go"), {"role": "assistant", "content": "ok"}, user("on"), {"role": "system", "content": "Be brief."}]
    items = to_responses(M, *said)["input"]
    assert items[-1] == {
        "type": "message",
        "role": "developer",
        "content": [{"type": "input_text", "text": "Be brief."}],
    }
    history = [user("go"), codex.message("assistant", "ok"), user("on"), codex.message("developer", "Be brief.")]
    chat = to_chat(*history).messages
    assert "Be brief." in chat[-1]["content"]
    assert [message["role"] for message in chat] == ["user", "assistant", "user"]
    there = to_messages(*history).messages
    assert "Be brief." in jsons.write_text(there[-1])
    assert "Be brief." not in jsons.write_text(there[:-1])


def test_leading_prompts_are_the_system_prompt() -> None:
    sent = to_messages(*codex.BEGINNING, instructions="First.").body
    assert [block["text"] for block in sent["system"]] == [
        "First.",
        "You are a coding agent running in the Codex CLI.",
        "<skills_instructions>",
        "<permissions instructions>",
    ]
    assert to_chat(*codex.BEGINNING).messages[0]["role"] == "system"
    said = to_responses(C, {"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, user("go"))
    assert said["instructions"] == "a\n\nb"


def test_role_alternation() -> None:
    items = [
        user("a"),
        user("b"),
        codex.message("assistant", "c"),
        codex.message("assistant", "d"),
        codex.call(1, "f", {}),
        codex.output(1, "ok"),
        user("e"),
    ]
    sent = to_messages(*items, tools=[codex.function("f")]).messages
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "text"]


PDF_URL = f"data:application/pdf;base64,{PDF}"


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": PDF_URL},
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
        ),
        ({"type": "input_file", "file_data": PDF}, {"type": "base64", "media_type": "application/pdf", "data": PDF}),
        (
            {"type": "input_file", "file_url": "https://a.example/a.pdf"},
            {"type": "url", "url": "https://a.example/a.pdf"},
        ),
        (
            {"type": "input_image", "image_url": PDF_URL},
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
        ),
    ],
)
def test_pdf_variants_from_responses(part: Object, source: Object) -> None:
    (block,) = to_messages(user([part])).messages[0]["content"]
    assert (block["type"], block["source"]) == ("document", source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
            {"type": "input_file", "filename": "t", "file_data": PDF_URL},
        ),
        (
            {"type": "url", "url": "https://a.example/a.pdf"},
            {"type": "input_file", "filename": "t", "file_url": "https://a.example/a.pdf"},
        ),
        ({"type": "text", "media_type": "text/plain", "data": "x"}, {"type": "input_text", "text": "[t]\nx"}),
    ],
)
def test_pdf_variants_to_responses(source: Object, said: Object) -> None:
    items = to_responses(M, user([{"type": "document", "source": source, "title": "t"}]))["input"]
    assert items[0]["content"] == [said]


def test_a_document_of_parts_to_responses() -> None:
    source = {"type": "content", "content": [{"type": "text", "text": "x"}]}
    items = to_responses(M, user([{"type": "document", "source": source, "title": "t"}]))["input"]
    assert items[0]["content"] == [{"type": "input_text", "text": words} for words in ("[t]", "x")]


def test_image_sniff() -> None:
    mislabelled = f"data:image/jpeg;base64,{PNG}"
    (block,) = to_messages(user([{"type": "input_image", "image_url": mislabelled}])).messages[0]["content"]
    assert block["source"]["media_type"] == "image/png"


def test_prefill() -> None:
    messages = [user("go"), {"role": "assistant", "content": "I"}]
    begun = {"max_tokens": 9, "messages": messages}
    with pytest.raises(Problem, match=r"prefill is not supported by this backend.*`on_loss: lenient`"):
        asked(M, begun, R)
    past = asked(M, begun, R, policy="lenient")
    assert [item["role"] for item in past.body["input"]] == ["user", "assistant"]
    assert past.losses["messages"] is True
    known = to_responses(C, *messages)["input"]
    assert [item["role"] for item in known] == ["user", "assistant"]


@pytest.mark.parametrize("client", [M, C])
def test_white_space_begins_no_answer(client: Dialect) -> None:
    items = to_responses(client, user("go"), {"role": "assistant", "content": " "})["input"]
    assert [item["role"] for item in items] == ["user"]


def test_unknown_item() -> None:
    body = {"input": [user("go"), {"type": "quantum_call", "id": "q"}, user("on")]}
    for backend in (C, M):
        with pytest.raises(Problem, match="quantum_call") as refused:
            asked(R, body, backend)
        assert (refused.value.kind, refused.value.param) == ("unsupported", "input[1]")
        assert "[quantum_call]" in jsons.write_text(asked(R, body, backend, policy="lenient").body)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "robot", "content": "hi"}]}, "input[0].role"),
        ({"input": [{"content": "hi"}]}, "input[0].type"),
        ({"input": [user("hi"), {"type": "function_call", "name": "f"}]}, "input[1].call_id"),
        ({"input": 7}, "input"),
        ({}, "input"),
        (
            {"input": "hi", "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]},
            "tools[0].tools[0].name",
        ),
        ({"input": "hi", "reasoning": {"effort": "so-so"}}, "reasoning.effort"),
        ({"input": "hi", "text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"input": "hi", "tool_choice": 7}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_named(body: Object, param: str) -> None:
    with pytest.raises(Problem) as refused:
        read(R, {"model": "m", **body})
    assert (refused.value.kind, refused.value.param) == ("bad_request", param)


@pytest.mark.parametrize("member", ["background", "conversation", "prompt"])
def test_what_only_openai_keeps_is_refused(member: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(R, {"input": "hi", member: True}, C)
    assert (refused.value.kind, refused.value.param) == ("unsupported", member)


def test_phase_is_told_to_models_that_want_it() -> None:
    said = [
        user("go"),
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use("toolu_1")]},
        user([result("toolu_1")]),
        {"role": "assistant", "content": "Done."},
        user("on"),
    ]
    items = to_responses(M, *said)["input"]
    assert [item.get("phase") for item in items if item.get("role") == "assistant"] == ["commentary", None]
    plain = to_responses(M, *said, profile=PLAIN[R])["input"]
    assert not any("phase" in item for item in plain)


def test_prompts_with_cache_marks_are_items() -> None:
    marked = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = to_responses(M, user("go"), system=[{"type": "text", "text": "a"}, marked])
    assert "instructions" not in body
    assert body["input"][0] == {
        "type": "message",
        "role": "developer",
        "content": [
            {"type": "input_text", "text": "a"},
            {"type": "input_text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
        ],
    }


@pytest.mark.parametrize("client", [M, C])
def test_a_model_that_cannot_see(client: Dialect) -> None:
    blind = msgspec.structs.replace(GPT, vision=False)
    image = (
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}
        if client == M
        else {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    )
    with pytest.raises(Problem, match="image input is not supported by asked-model"):
        to_responses(client, user([image]), profile=blind)


def test_files_by_id_are_openais() -> None:
    part = {"type": "file", "file": {"file_id": "file_1"}}
    assert to_responses(C, user([part]))["input"][0]["content"] == [{"type": "input_file", "file_id": "file_1"}]
    with pytest.raises(Problem, match="a file by its id"):
        to_responses(C, user([part]), profile=PLAIN[R])


def test_account_and_limits() -> None:
    body = to_responses(C, user("go"), user="a@b.example", max_tokens=3, prompt_cache_key="k", temperature=0.2)
    assert body["max_output_tokens"] == 16
    assert len(body["safety_identifier"]) == 64
    assert body["prompt_cache_key"] == "k"
    assert "temperature" not in body
    plain = to_responses(C, user("go"), user="a", temperature=0.2, profile=PLAIN[R])
    assert (plain["temperature"], plain.get("safety_identifier")) == (0.2, None)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": False}},
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": False},
        ),
    ],
)
def test_forms_of_the_answer(wanted: Object, said: Object) -> None:
    assert to_responses(C, user("go"), response_format=wanted)["text"] == {"format": said}


def test_n_is_refused_and_sampling_is_lost_with_a_warning() -> None:
    with pytest.raises(Problem, match="n: this backend gives one answer at a time"):
        to_responses(C, user("go"), n=2)
    sent = asked(C, {"messages": [user("go")], "seed": 7, "top_k": 3}, R)
    assert {path: warned for path, warned in sent.losses.items() if warned} == {"seed": True, "top_k": True}
