"""The conformance cases of PROTOCOLS section D that concern requests, between Messages and Chat. Names as there."""

from typing import Any

import pytest

from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Seal, Thinking
from dragoman.hub.route import Profile
from dragoman.protocols import seals
from dragoman.routing.profiles import profile_for
from dragoman.wire import jsons
from tests.asking import PLAIN, C, M, asked, read, route_to, write
from tests.laws.conversations import EPHEMERAL, PDF, PNG, call, function, of_rounds, schema, text
from tests.laws.legal import chat_breaches, messages_breaches

Object = dict[str, Any]

VLLM, GENERIC = profile_for("vllm", "llama-3"), profile_for("generic", "m")
CLAUDE = profile_for("anthropic", "claude-opus-4-8")
BASH = function("bash", schema("command"))
USER: Object = {"role": "user", "content": "go"}


def use(call_id: str, name: str = "bash", **given: object) -> Object:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: object = "ok", **more: object) -> Object:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def says(*blocks: Object) -> Object:
    return {"role": "assistant", "content": list(blocks)}


def hears(*blocks: Object) -> Object:
    return {"role": "user", "content": list(blocks)}


def calling(*calls: Object, **more: object) -> Object:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def tool(call_id: str, content: object = "ok") -> Object:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def to_chat(*messages: Object, profile: Profile = GENERIC, **more: object) -> list[Object]:
    return asked(M, {"max_tokens": 100, "messages": list(messages), **more}, C, profile).messages


def to_messages(*messages: Object, profile: Profile = CLAUDE, **more: object) -> list[Object]:
    sent = asked(C, {"messages": list(messages), **more}, M, profile)
    assert messages_breaches(sent.body) == []
    return sent.messages


def ids(messages: list[Object]) -> list[str]:
    """Of calls and results, in the order in which they are sent."""
    found: list[str] = []
    for message in messages:
        found += [c["id"] for c in message.get("tool_calls", [])]
        found += [message["tool_call_id"]] if "tool_call_id" in message else []
        blocks = message["content"] if isinstance(message["content"], list) else []
        found += [b.get("tool_use_id") or b["id"] for b in blocks if b["type"] in ("tool_use", "tool_result")]
    return found


@pytest.mark.parametrize("arguments", ["[1]", "oops", "7", '"x"', '{"a": '])
def test_tool_args_not_object(arguments: str) -> None:
    sent = asked(C, {"messages": [USER, calling(call("a", "bash", arguments)), tool("a")]}, M, CLAUDE)
    assert sent.messages[1]["content"][0]["input"] == {"_raw": arguments}
    assert sent.losses["messages[1]"] is True


@pytest.mark.parametrize(("client", "backend"), [(M, C), (C, M)])
def test_tool_id_charset(client: Any, backend: Any) -> None:
    odd = "functions.Bash:0"
    messages = (
        [USER, says(use(odd)), hears(result(odd))]
        if client == M
        else [USER, calling(call(odd, "bash", "{}")), tool(odd)]
    )
    one, other = ids(asked(client, {"max_tokens": 9, "messages": messages}, backend, GENERIC).messages)
    assert one == other
    assert one.replace("_", "").replace("-", "").isalnum()


def test_tool_id_too_long() -> None:
    long, longer = "x" * 64 + "a" * 26, "x" * 64 + "b" * 26
    first, second, *results = ids(to_chat(USER, says(use(long), use(longer)), hears(result(long), result(longer))))
    assert [first, second] == results
    assert first != second
    assert max(map(len, results)) <= 64


def test_tool_id_mistral() -> None:
    mistral = profile_for("mistral", "mistral-large")
    call_id, answered = ids(
        to_chat(USER, says(use("toolu_01ABCdef")), hears(result("toolu_01ABCdef")), profile=mistral)
    )
    assert call_id == answered
    assert len(call_id) == 9
    assert call_id.isalnum()


def test_tool_results_before_text() -> None:
    sent = to_chat(USER, says(use("a"), use("b")), hears(text("and now?"), result("a", "A"), result("b", "B")))
    assert [(m["role"], m["content"]) for m in sent[2:]] == [("tool", "A"), ("tool", "B"), ("user", "and now?")]


def test_tool_results_reordered() -> None:
    assert ids(to_chat(USER, says(use("a"), use("b")), hears(result("b"), result("a")))) == ["a", "b", "a", "b"]
    assert ids(to_messages(USER, calling(call("a", "bash", ""), call("b", "bash", "")), tool("b"), tool("a"))) == [
        "a",
        "b",
        "a",
        "b",
    ]


def test_tool_result_missing() -> None:
    sent = to_messages(USER, calling(call("a", "bash", "{}")), {"role": "user", "content": "and?"})
    missing = {"type": "tool_result", "tool_use_id": "a", "content": [text("(no result recorded)")], "is_error": True}
    assert sent[2] == {"role": "user", "content": [missing, text("and?")]}


def test_tool_result_orphan() -> None:
    sent = asked(C, {"messages": [USER, tool("gone", "42")]}, M, CLAUDE)
    assert sent.messages == [hears(text("go"), text("[tool result for unknown call gone] 42"))]
    assert sent.losses["messages[1]"] is True


def test_tool_result_image() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    sent = to_chat(USER, says(use("a"), use("b")), hears(result("a", [text("see"), picture]), result("b", [picture])))
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert sent[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "see\n[image 1 attached below]"},
        {"role": "tool", "tool_call_id": "b", "content": "[image 2 attached below]"},
        {
            "role": "user",
            "content": [text("[image 1 of a tool result]"), url, text("[image 2 of a tool result]"), url],
        },
    ]


def test_tool_result_is_error() -> None:
    """M -> C -> M: the mark is put once, and becomes the field again."""
    once = to_chat(USER, says(use("a")), hears(result("a", "no such file", is_error=True)))
    assert once[2]["content"] == "[tool error] no such file"
    marked = to_chat(USER, says(use("a")), hears(result("a", "[tool error] no such file", is_error=True)))
    assert marked[2]["content"] == "[tool error] no such file"
    back = to_messages(*once)
    assert back[2]["content"] == [result("a", [text("no such file")], is_error=True)]


TOOL_CHOICES_TO_CHAT = [
    ({"type": "auto"}, "auto", None),
    ({"type": "any"}, "required", None),
    ({"type": "tool", "name": "bash"}, {"type": "function", "function": {"name": "bash"}}, None),
    ({"type": "none"}, "none", None),
    ({"type": "none", "disable_parallel_tool_use": True}, "none", False),
    ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
    ({"type": "any", "disable_parallel_tool_use": False}, "required", True),
]


@pytest.mark.parametrize(("choice", "written", "parallel"), TOOL_CHOICES_TO_CHAT)
def test_tool_choice_forms_to_chat(choice: Object, written: object, parallel: bool | None) -> None:
    tools = [{"name": "bash", "input_schema": schema("command")}]
    body = asked(M, {"max_tokens": 9, "messages": [USER], "tools": tools, "tool_choice": choice}, C, GENERIC).body
    assert (body["tool_choice"], body.get("parallel_tool_calls")) == (written, parallel)


ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "bash"}}]},
}
ALLOWED_AUTO = {"type": "allowed_tools", "allowed_tools": {**ALLOWED["allowed_tools"], "mode": "auto"}}  # type: ignore[dict-item]  # it is one
TOOL_CHOICES_TO_MESSAGES = [
    (None, None, None),
    ("auto", None, {"type": "auto"}),
    ("required", None, {"type": "any"}),
    ("none", None, {"type": "none"}),
    ({"type": "function", "function": {"name": "bash"}}, None, {"type": "tool", "name": "bash"}),
    ({"name": "bash"}, None, {"type": "tool", "name": "bash"}),
    (ALLOWED, None, {"type": "any"}),
    (ALLOWED_AUTO, None, {"type": "auto"}),
    (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    (None, True, None),
    ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
    ("required", True, {"type": "any", "disable_parallel_tool_use": False}),
    ("none", False, {"type": "none"}),  # it never says more
]


@pytest.mark.parametrize(("choice", "parallel", "written"), TOOL_CHOICES_TO_MESSAGES)
def test_tool_choice_forms_to_messages(choice: object, parallel: bool | None, written: object) -> None:
    tools = [BASH, function("other", schema())]
    body = {"messages": [USER], "tools": tools, "tool_choice": choice, "parallel_tool_calls": parallel}
    sent = asked(C, body, M, CLAUDE).body
    assert sent.get("tool_choice") == written
    assert len(sent["tools"]) == (1 if choice in (ALLOWED, ALLOWED_AUTO) else 2)


@pytest.mark.parametrize("parameters", [{}, None])
def test_tool_strict_schema_missing_type(parameters: object) -> None:
    sent = asked(C, {"messages": [USER], "tools": [function("f", parameters)]}, M, CLAUDE).body  # type: ignore[arg-type]  # null is sent too
    assert sent["tools"][0]["input_schema"] == {"type": "object", "properties": {}}


def test_anthropic_bash_tool() -> None:
    tools = [{"type": "bash_20250124", "name": "bash"}]
    sent = asked(M, {"max_tokens": 9, "messages": [USER], "tools": tools}, C, GENERIC).body["tools"]
    assert [t["function"]["name"] for t in sent] == ["bash"]
    assert set(sent[0]["function"]["parameters"]["properties"]) == {"command", "restart"}


def test_web_search_future_date() -> None:
    tools = [{"type": "web_search_20270101", "name": "web_search"}, {"name": "f"}]
    sent = asked(M, {"max_tokens": 9, "messages": [USER], "tools": tools}, C, GENERIC)
    assert sent.losses["tools.web_search"] is True
    assert [t["function"]["name"] for t in sent.body["tools"]] == ["f"]


SEALER = seals.Sealer(b"a secret of sixteen bytes or more")


def with_seal(seal: Seal, said: str) -> list[Object]:
    """What a Chat client brings back of an answer whose reasoning went out in an envelope."""
    details = [{"type": "reasoning.encrypted", "data": SEALER.wrap(seal, said), "index": 0}]
    return [USER, calling(call("a", "bash", "{}"), reasoning_details=details), tool("a")]


def test_signature_roundtrip_chat_client() -> None:
    native = Seal("anthropic-messages", "anthropic", "c2ln")
    request = read(C, {"model": "m", "messages": with_seal(native, "Hm."), "tools": [BASH]})
    sent = write(seals.opened(request, SEALER, Losses()), route_to(M, CLAUDE)).messages
    assert sent[1]["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    assert sent[1]["content"][1]["type"] == "tool_use"


def test_signature_roundtrip_lost() -> None:
    """A model that demands the thinking before a call is not asked to think without it."""
    older = profile_for("anthropic", "claude-sonnet-4-5")
    messages = [USER, calling(call("a", "bash", "{}"), reasoning_content="Hm."), tool("a")]
    sent = asked(C, {"messages": messages, "tools": [BASH], "reasoning_effort": "high"}, M, older)
    assert "thinking" not in sent.body
    assert jsons.write_text(sent.body).count("signature") == 0
    assert sent.losses["reasoning_effort"] is True


def test_envelope_never_upstream() -> None:
    foreign = SEALER.wrap(
        Seal("openai-responses", "openai", {"id": "rs_1", "encrypted_content": "E"}, "encrypted"), "Hm."
    )
    messages = [
        USER,
        says(
            {"type": "thinking", "thinking": "Hm.", "signature": foreign},
            {"type": "thinking", "thinking": "So.", "signature": "c2ln"},
            text("Hi"),
        ),
        USER,
    ]
    request = read(M, {"model": "m", "max_tokens": 9, "messages": messages})
    sent = write(seals.opened(request, SEALER, Losses()), route_to(M, CLAUDE))
    assert sent.messages[1]["content"] == [{"type": "thinking", "thinking": "So.", "signature": "c2ln"}, text("Hi")]
    assert seals.PREFIX not in jsons.write_text(sent.body)
    assert sent.losses["messages[1]"] is True


def test_a_seal_goes_back_to_its_own_family_only() -> None:
    request = read(C, {"model": "m", "messages": with_seal(Seal("anthropic-messages", "other", "c2ln"), "Hm.")})
    sent = write(seals.opened(request, SEALER, Losses()), route_to(M, CLAUDE)).messages
    assert [block["type"] for block in sent[1]["content"]] == ["tool_use"]


OPENAI = profile_for("openai", "gpt-5.2")
OSS, QWEN = profile_for("vllm", "gpt-oss-20b"), profile_for("vllm", "Qwen3-8B")
OFF: Object = {"type": "disabled"}


@pytest.mark.parametrize(
    ("thinking", "effort", "profile", "said"),
    [
        (None, None, OPENAI, {}),
        ({"type": "adaptive"}, None, OPENAI, {}),
        ({"type": "adaptive"}, "low", OPENAI, {"reasoning_effort": "low"}),
        ({"type": "adaptive"}, "high", OPENAI, {"reasoning_effort": "high"}),
        ({"type": "adaptive"}, "max", OPENAI, {"reasoning_effort": "xhigh"}),
        (OFF, None, OPENAI, {"reasoning_effort": "none"}),
        (OFF, None, profile_for("openai", "gpt-5"), {"reasoning_effort": "minimal"}),
        (OFF, None, profile_for("openai", "o3"), {}),
        ({"type": "between_tools"}, None, OPENAI, {"reasoning_effort": "none"}),
        ({"type": "enabled", "budget_tokens": 1_024}, None, OPENAI, {"reasoning_effort": "low"}),
        ({"type": "enabled", "budget_tokens": 10_000}, None, OPENAI, {"reasoning_effort": "medium"}),
        ({"type": "enabled", "budget_tokens": 31_999}, None, OPENAI, {"reasoning_effort": "high"}),
        ({"type": "enabled", "budget_tokens": 60_000}, None, OPENAI, {"reasoning_effort": "xhigh"}),
        ({"type": "adaptive"}, "max", OSS, {"reasoning_effort": "high"}),
        (OFF, None, OSS, {}),
        ({"type": "adaptive"}, "high", QWEN, {"chat_template_kwargs": {"enable_thinking": True}}),
        (OFF, None, QWEN, {"chat_template_kwargs": {"enable_thinking": False}}),
        ({"type": "adaptive"}, "high", GENERIC, {}),
        (
            {"type": "adaptive"},
            "low",
            profile_for("deepseek", "deepseek-v4"),
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
        ),
        (OFF, None, profile_for("zai", "glm-5"), {"thinking": {"type": "disabled"}}),
    ],
)
def test_effort_table_to_chat(thinking: Object | None, effort: str | None, profile: Profile, said: Object) -> None:
    body: Object = {
        "max_tokens": 64_000,
        "messages": [USER],
        "thinking": thinking,
        "output_config": {"effort": effort},
        "stream": True,
    }
    sent = asked(M, body, C, profile).body
    assert {
        key: sent[key]
        for key in ("reasoning_effort", "chat_template_kwargs", "thinking", "enable_thinking")
        if key in sent
    } == said


ADAPTIVE = {"type": "adaptive", "display": "summarized"}
BUDGET = profile_for("anthropic", "claude-sonnet-4-5")
BOTH = profile_for("anthropic", "claude-opus-4-6")


@pytest.mark.parametrize(
    ("effort", "profile", "thinking", "output"),
    [
        (None, CLAUDE, None, None),
        ("none", CLAUDE, {"type": "disabled"}, None),
        ("minimal", CLAUDE, ADAPTIVE, "low"),
        ("low", CLAUDE, ADAPTIVE, "low"),
        ("medium", CLAUDE, ADAPTIVE, "medium"),
        ("high", CLAUDE, ADAPTIVE, "high"),
        ("xhigh", CLAUDE, ADAPTIVE, "xhigh"),
        ("max", CLAUDE, ADAPTIVE, "max"),
        ("xhigh", BOTH, ADAPTIVE, "high"),
        ("none", BUDGET, {"type": "disabled"}, None),
        ("minimal", BUDGET, {"type": "enabled", "budget_tokens": 1_024}, None),
        ("low", BUDGET, {"type": "enabled", "budget_tokens": 4_096}, None),
        ("medium", BUDGET, {"type": "enabled", "budget_tokens": 12_000}, None),
        ("high", BUDGET, {"type": "enabled", "budget_tokens": 24_000}, None),
        ("xhigh", BUDGET, {"type": "enabled", "budget_tokens": 32_000}, None),
        ("max", BUDGET, {"type": "enabled", "budget_tokens": 60_000}, None),
        ("high", profile_for("anthropic", "claude-3-5-sonnet"), None, None),
        ("none", profile_for("anthropic", "claude-3-5-sonnet"), None, None),
    ],
)
def test_effort_table_to_messages(
    effort: str | None, profile: Profile, thinking: Object | None, output: str | None
) -> None:
    body = {"messages": [USER], "max_completion_tokens": 64_000, "reasoning_effort": effort}
    sent = asked(C, body, M, profile).body
    assert (sent.get("thinking"), sent.get("output_config", {}).get("effort")) == (thinking, output)


def test_prefix_determinism() -> None:
    """Laws prove it (tests/laws/test_request_laws.py); here with what Claude Code changes from turn to turn."""
    turns: list[Object] = [hears(text("<system-reminder>hi</system-reminder>"), text("go"))]
    billed = [text(f"x-anthropic-billing-header: cch={number};") for number in range(2)]
    marked = {**turns[0], "content": [turns[0]["content"][0], {**turns[0]["content"][1], "cache_control": EPHEMERAL}]}
    one = to_chat(marked, system=[billed[0], text("Be brief.")])
    other = to_chat(turns[0], says(text("Hi")), USER, system=[billed[1], text("Be brief.")])
    assert jsons.write(other[: len(one)]) == jsons.write(one)


@pytest.mark.parametrize(("client", "backend"), [(M, C), (C, M)])
@pytest.mark.parametrize("anywhere", [True, False])
def test_system_mid_conversation(client: Any, backend: Any, anywhere: bool) -> None:
    profile = Profile(system_anywhere=anywhere, prefill="native")
    said = of_rounds(client, 3)
    messages = asked(client, said, backend, profile).messages
    place = next(n for n, message in enumerate(messages) if "note 2" in jsons.write_text(message))
    assert place == len(messages) - 1
    assert messages[place]["role"] == ("system" if anywhere else "user")
    assert "note 2" not in jsons.write_text(messages[:place])


def test_role_alternation() -> None:
    assistant: Object = {"role": "assistant", "content": "yes"}
    sent = to_messages(USER, USER, assistant, assistant, calling(call("a", "bash", "{}")), tool("a"))
    assert [m["role"] for m in sent] == ["user", "assistant", "user"]
    again = asked(
        M, {"max_tokens": 9, "messages": [USER, USER, assistant, assistant, hears(result("gone"))]}, C, GENERIC
    )
    assert chat_breaches(again.body) == []
    assert [m["role"] for m in again.messages] == ["user", "assistant", "user"]


BILLING = "x-anthropic-billing-header: cc_version=2.1; cch=abcde;"


def test_billing_header_block() -> None:
    system = [text(BILLING), text("Be brief.", cache_control=EPHEMERAL)]
    assert to_chat(USER, system=system)[0] == {"role": "system", "content": "Be brief."}
    kept = asked(M, {"max_tokens": 9, "messages": [USER], "system": system}, M, CLAUDE)
    assert kept.body["system"] == system


def test_billing_header_before_the_prompt_in_one_text() -> None:
    assert to_chat(USER, system=f"{BILLING}\n\nBe brief.")[0]["content"] == "Be brief."


def test_empty_text_blocks() -> None:
    empty: Object = {"role": "user", "content": ""}
    blank: Object = {"role": "user", "content": [text(" \n"), text("go")]}
    nothing: Object = {"role": "assistant", "content": ""}
    assert to_messages(empty, nothing, blank) == [hears(text("go"))]


def long(said: str) -> str:
    return said * 3_000


def marks(body: Object) -> list[tuple[str, str]]:
    """Where marks stand, and how long they live."""
    found = [(f"tools[{n}]", t["cache_control"]) for n, t in enumerate(body.get("tools", [])) if "cache_control" in t]
    found += [
        (f"system[{n}]", b["cache_control"]) for n, b in enumerate(body.get("system", [])) if "cache_control" in b
    ]
    for n, message in enumerate(body["messages"]):
        found += [(f"messages[{n}]", b["cache_control"]) for b in message["content"] if "cache_control" in b]
    return [(place, mark.get("ttl", "5m")) for place, mark in found]


def test_cache_marks_limit_no_marks() -> None:
    body = {"messages": [{"role": "system", "content": long("a b ")}, USER]}
    sent = asked(C, body, M, CLAUDE).body
    assert sent["cache_control"] == EPHEMERAL
    assert marks(sent) == [("system[0]", "5m")]
    assert marks(asked(C, {"messages": [USER]}, M, CLAUDE).body) == []


def test_cache_marks_limit_six_marks() -> None:
    parts = [
        text(f"part {n}", cache_control={"type": "ephemeral", "ttl": "1h" if n in (0, 4) else "5m"}) for n in range(6)
    ]
    messages: list[Object] = [{"role": "system", "content": parts[:1]}]
    for part in parts[1:]:
        messages += [{"role": "user", "content": [part]}, {"role": "assistant", "content": "ok"}]
    sent = asked(C, {"messages": [*messages, USER]}, M, CLAUDE).body
    assert marks(sent) == [("system[0]", "1h"), ("messages[4]", "5m"), ("messages[6]", "5m"), ("messages[8]", "5m")]
    assert messages_breaches(sent) == []


def test_cache_marks_limit_in_a_result_that_is_an_error() -> None:
    """An hour behind five minutes is a 400, wherever it stands."""
    called = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    failed = text("[tool error] no", cache_control={"type": "ephemeral", "ttl": "1h"})
    messages = [
        {"role": "user", "content": [text("go", cache_control=EPHEMERAL)]},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "a", "content": [failed]},
    ]
    (result,) = asked(C, {"messages": messages}, M, CLAUDE).body["messages"][2]["content"]
    assert (result["content"], result["is_error"]) == ([text("no", cache_control=EPHEMERAL)], True)


def test_cache_marks_limit_thinking_last() -> None:
    native = Seal("anthropic-messages", "anthropic", "c2ln")
    request = read(C, {"model": "m", "messages": with_seal(native, long("Hm. ")), "tools": [BASH]})
    sent = write(seals.opened(request, SEALER, Losses()), route_to(M, profile_for("anthropic-like", "m"))).body
    assert all("cache_control" not in b for m in sent["messages"] for b in m["content"] if b["type"] == "thinking")


@pytest.mark.parametrize(
    ("model", "sent"),
    [("claude-3-7-sonnet", [0.2, 0.9]), ("claude-opus-4-6", [0.2, None]), ("claude-opus-5-5", [None, None])],
)
@pytest.mark.parametrize("client", [M, C])
def test_anthropic_version_matrix(client: Any, model: str, sent: list[float | None]) -> None:
    """We write for version 2023-06-01, where sampling settings are legal as far as the model takes them."""
    body = asked(
        client,
        {"max_tokens": 9, "messages": [USER], "temperature": 0.2, "top_p": 0.9},
        M,
        profile_for("anthropic", model),
    )
    assert [body.body.get("temperature"), body.body.get("top_p")] == sent
    assert [not body.losses.get(name, False) for name in ("temperature", "top_p")] == [
        value is not None for value in sent
    ]


PDF_URL = f"data:application/pdf;base64,{PDF}"


def document(**source: str) -> Object:
    return {"type": "document", "source": source, "title": "a.pdf"}


@pytest.mark.parametrize(
    ("block", "files", "plain"),
    [
        (
            document(type="base64", media_type="application/pdf", data=PDF),
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
            text("[a.pdf: asked-model cannot read this kind of file]"),
        ),
        (
            document(type="url", url="https://a.example/a.pdf"),
            text("[document a.pdf at https://a.example/a.pdf: not read]"),
            None,
        ),
        (document(type="text", data="hi"), text("[a.pdf]\nhi"), None),
        (document(type="file", file_id="f"), text("[a.pdf: asked-model cannot read this kind of file]"), None),
    ],
)
def test_pdf_variants_to_chat(block: Object, files: Object, plain: Object | None) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}
    for takes_files, expected in ((True, files), (False, plain or files)):
        assert to_chat(hears(block, picture), profile=Profile(files=takes_files))[0]["content"][0] == expected


def test_pdf_variants_content_to_chat() -> None:
    inner = [text("one"), {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}]
    sent = to_chat(hears({"type": "document", "source": {"type": "content", "content": inner}}))
    assert sent[0]["content"] == [text("one"), {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
        ),
        (
            {"type": "image_url", "image_url": {"url": PDF_URL.replace("application/pdf", "image/png")}},
            {"type": "base64", "media_type": "application/pdf", "data": PDF},
        ),
        (
            {"type": "file", "file": {"file_data": "https://a.example/a.pdf"}},
            {"type": "url", "url": "https://a.example/a.pdf"},
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/plain;base64,aGk="}},
            {"type": "text", "media_type": "text/plain", "data": "hi"},
        ),
    ],
)
def test_pdf_variants_to_messages(part: Object, source: Object) -> None:
    block = to_messages({"role": "user", "content": [part]})[0]["content"][0]
    assert (block["type"], block["source"]) == ("document", source)


def test_image_sniff() -> None:
    part = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{PNG}"}}
    block = to_messages({"role": "user", "content": [part]})[0]["content"][0]
    assert block == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


def prefilled(profile: Profile) -> Object:
    return asked(M, {"max_tokens": 9, "messages": [USER, says(text("It is"))]}, C, profile).body


def test_prefill() -> None:
    vllm = prefilled(VLLM)
    assert (vllm["continue_final_message"], vllm["add_generation_prompt"]) == (True, False)
    assert prefilled(profile_for("deepseek", "deepseek-v4"))["messages"][-1] == {
        "role": "assistant",
        "content": "It is",
        "prefix": True,
    }
    assert prefilled(profile_for("llama.cpp", "m"))["messages"][-1] == {"role": "assistant", "content": "It is"}
    for refusing in (OPENAI, GENERIC):
        with pytest.raises(Problem, match="prefill is not supported") as refused:
            prefilled(refusing)
        assert (refused.value.kind, refused.value.param) == ("unsupported", "messages")


def test_prefill_of_nothing_asks_for_nothing() -> None:
    sent = asked(M, {"max_tokens": 9, "messages": [USER, says(text(" \n"))]}, C, OPENAI).messages
    assert [m["role"] for m in sent] == ["user"]


def test_prefill_of_a_messages_backend() -> None:
    begun: Object = {"role": "assistant", "content": "It is \n"}
    older = profile_for("anthropic", "claude-sonnet-4-5")
    assert to_messages(USER, begun, profile=older)[-1]["content"] == [text("It is")]
    assert [m["content"] for m in to_messages(USER, begun)[1:]] == [[text("It is \n")], [text("(continue)")]]


def test_reasoning_that_was_sealed_elsewhere_is_warned_of() -> None:
    sealed = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    sent = asked(M, {"max_tokens": 9, "messages": [USER, says(sealed, use("a")), hears(result("a"))]}, C, PLAIN[C])
    assert sent.messages[1]["reasoning_content"] == "Hm."
    assert sent.losses["messages[1]"] is True
    assert isinstance(read(M, {"model": "m", "messages": [says(sealed)]}).turns[0].parts[0], Thinking)
