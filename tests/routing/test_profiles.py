"""What is known of backends, read row by row."""

from typing import Any

import msgspec
import pytest

from dragoman.hub.route import Profile
from dragoman.routing.profiles import (
    FAMILIES,
    QUIRKS,
    claude_version,
    family_from_models,
    family_of,
    profile_for,
    with_overrides,
)


def of(family: str, model: str = "some-model") -> dict[str, Any]:
    return msgspec.structs.asdict(profile_for(family, model))


def test_every_family_carries_its_own_name() -> None:
    assert all(profile.family == name for name, profile in FAMILIES.items())


def test_every_quirk_changes_fields_that_exist_in_families_that_exist() -> None:
    for quirk in QUIRKS:
        assert quirk.families <= FAMILIES.keys()
        with_overrides(Profile(), quirk.changes)


def test_an_unknown_family_is_generic_under_its_own_name() -> None:
    assert profile_for("homemade", "x") == msgspec.structs.replace(profile_for("generic", "x"), family="homemade")


@pytest.mark.parametrize(
    ("family", "model", "known"),
    [
        ("generic", "llama-3", {"efforts": (), "system_anywhere": False, "reasoning_field": "reasoning_content"}),
        ("ollama", "qwen3:8b", {"cuts_prompts": True, "prefill": "native", "forced_tools": "no"}),
        ("vllm", "llama-3", {"reasoning_field": "reasoning", "prefill": "continue_final_message", "tokenizer": "vllm"}),
        ("sglang", "llama-3", {"reasoning_field": "reasoning_content", "tool_images": True}),
        ("llama.cpp", "x", {"limit_fields": ("max_tokens", "max_completion_tokens"), "tokenizer": "llama.cpp"}),
        ("ollama", "llama3.1:8b", {"efforts": ("none",), "forced_tools": "no", "null_content": False}),
        ("ollama", "qwen3:8b", {"efforts": ("none", "low", "medium", "high"), "thinking_switch": None}),
        ("ollama", "qwen3-coder:30b", {"efforts": ("none",)}),
        ("ollama", "gpt-oss:20b", {"efforts": ("low", "medium", "high")}),
        ("lmstudio", "x", {"null_content": False}),
        ("openrouter", "openai/gpt-5", {"cache_marks": "none", "reasoning_history": "all"}),
        ("openrouter", "anthropic/claude-sonnet-4.5", {"cache_marks": "explicit"}),
        ("deepseek", "deepseek-v4-pro", {"reasoning_history": "all", "thinking_form": "type", "prefill": "prefix"}),
        ("zai", "glm-5", {"thinking_switch": "thinking", "thinking_form": "type", "efforts": ()}),
        ("minimax", "MiniMax-M3", {"reasoning_field": "think_tags", "reasoning_history": "all"}),
        ("moonshot", "kimi-k3", {"empty_reasoning": True, "sampling": "none", "forced_tools": "not_thinking"}),
        ("dashscope", "qwen3-max", {"thinking_form": "member", "thinking_streams_only": True}),
        ("mistral", "mistral-large", {"tool_ids": "mistral", "stream_usage": False, "reasoning_field": None}),
        ("groq", "llama-3.3-70b", {"reasoning_field": "reasoning", "efforts": ()}),
        ("groq", "openai/gpt-oss-120b", {"efforts": ("low", "medium", "high")}),
        ("groq", "qwen/qwen3-32b", {"efforts": ("none",)}),
        ("xai", "grok-2", {"efforts": (), "max_stop": None}),
        ("xai", "grok-3-mini", {"efforts": ("low", "high"), "max_stop": 0}),
        ("gemini", "gemini-3-pro", {"max_stop": 5, "efforts": ("minimal", "low", "medium", "high")}),
        ("azure", "my-deployment", {"developer_role": False, "openai_fields": False}),
        ("azure", "gpt-5", {"developer_role": True, "sampling": "none", "cache_marks": "none"}),
        ("anthropic-like", "x", {"cache_marks": "explicit", "checks_seals": False, "system_anywhere": False}),
    ],
)
def test_families(family: str, model: str, known: dict[str, Any]) -> None:
    said = of(family, model)
    assert {name: said[name] for name in known} == known


@pytest.mark.parametrize(
    ("model", "developer", "efforts", "sampling"),
    [
        ("gpt-4o", False, (), "all"),
        ("gpt-4.1-mini", False, (), "all"),
        ("gpt-5-chat-latest", False, (), "all"),
        ("o1", True, ("low", "medium", "high"), "none"),
        ("o3-mini-2025-01-31", True, ("low", "medium", "high"), "none"),
        ("gpt-5", True, ("minimal", "low", "medium", "high"), "none"),
        ("gpt-5-codex", True, ("low", "medium", "high"), "none"),
        ("gpt-5.1", True, ("none", "low", "medium", "high"), "none"),
        ("gpt-5.2-pro", True, ("none", "low", "medium", "high", "xhigh"), "none"),
        ("gpt-5.10", True, ("none", "low", "medium", "high", "xhigh"), "none"),
        ("gpt-6-mini", True, ("none", "low", "medium", "high", "xhigh"), "none"),
    ],
)
def test_openai_models(model: str, developer: bool, efforts: tuple[str, ...], sampling: str) -> None:
    profile = profile_for("openai", model)
    assert (profile.developer_role, profile.efforts, profile.sampling) == (developer, efforts, sampling)
    assert profile.limit_fields == ("max_completion_tokens",)


@pytest.mark.parametrize(
    ("family", "model", "takes"),
    [
        ("openai", "gpt-4o", False),
        ("openai", "o3", False),
        ("openai", "gpt-5", True),
        ("openai", "gpt-5.2-pro", True),
        ("openai", "gpt-5-chat-latest", False),
        ("openai", "gpt-5.1-codex", False),
        ("azure", "gpt-5", True),
        ("azure", "my-deployment", False),
        ("openrouter", "openai/gpt-5", True),
        ("openrouter", "anthropic/claude-sonnet-4.5", False),
        ("vllm", "gpt-5", False),
    ],
)
def test_who_takes_a_verbosity(family: str, model: str, takes: bool) -> None:
    assert profile_for(family, model).verbosity is takes


@pytest.mark.parametrize(("model", "marks"), [("gpt-5.5", "none"), ("gpt-5.6-sol", "openai"), ("gpt-6", "openai")])
def test_cache_breakpoints_came_with_gpt_5_6(model: str, marks: str) -> None:
    assert profile_for("openai", model).cache_marks == marks


@pytest.mark.parametrize(
    ("model", "types", "sampling", "late_system", "prefill"),
    [
        ("claude-3-5-sonnet-20241022", (), "all", False, "native"),
        ("claude-3-7-sonnet-latest", ("budget", "disabled"), "all", False, "native"),
        ("claude-opus-4-20250514", ("budget", "disabled"), "all", False, "native"),
        ("claude-sonnet-4-5-20250929", ("budget", "disabled"), "one", False, "native"),
        ("claude-opus-4-6", ("adaptive", "budget", "disabled"), "one", False, None),
        ("claude-opus-4-7", ("adaptive", "disabled"), "none", False, None),
        ("claude-opus-4-8", ("adaptive", "disabled"), "none", True, None),
        ("us.anthropic.claude-opus-4-8-v1:0", ("adaptive", "disabled"), "none", True, None),
        ("claude-sonnet-5", ("adaptive", "disabled", "between_tools"), "none", True, None),
        ("claude-fable-1", ("adaptive", "disabled", "between_tools"), "none", True, None),
    ],
)
def test_claude_versions(
    model: str, types: tuple[str, ...], sampling: str, late_system: bool, prefill: str | None
) -> None:
    profile = profile_for("anthropic", model)
    assert (profile.thinking_types, profile.sampling) == (types, sampling)
    assert (profile.system_anywhere, profile.prefill) == (late_system, prefill)
    assert profile.checks_seals


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("claude-sonnet-4-5", ()),
        ("claude-opus-4-5", ("low", "medium", "high")),
        ("claude-sonnet-4-6", ("low", "medium", "high", "max")),
        ("claude-opus-5", ("low", "medium", "high", "xhigh", "max")),
    ],
)
def test_claude_efforts(model: str, efforts: tuple[str, ...]) -> None:
    assert profile_for("anthropic", model).efforts == efforts


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-2.1", (2, 1)),
        ("claude-instant-1.2", (1, 2)),
        ("claude-3-haiku-20240307", (3, 0)),
        ("claude-opus-4.8", (4, 8)),
        ("claude-opus-4-10", (4, 10)),
        ("my-claude", (9, 9)),
    ],
)
def test_reading_claude_versions(model: str, version: tuple[int, int]) -> None:
    assert claude_version(model) == version


LOCAL = ["generic", "vllm", "sglang", "llama.cpp", "lmstudio"]


@pytest.mark.parametrize("family", LOCAL)
def test_templates_of_models_behind_local_servers(family: str) -> None:
    qwen = profile_for(family, "Qwen/Qwen3-8B")
    assert (qwen.thinking_switch, qwen.thinking_form, qwen.efforts) == ("enable_thinking", "template", ())
    assert profile_for(family, "deepseek-ai/DeepSeek-V3.1").thinking_switch == "thinking"
    kimi = profile_for(family, "moonshotai/Kimi-K2-Thinking")
    assert (kimi.reasoning_history, kimi.tool_ids) == ("all", "any")
    assert profile_for(family, "openai/gpt-oss-20b").efforts == ("low", "medium", "high")
    devstral = profile_for(family, "mistralai/Devstral-Small-2507")
    assert (devstral.tool_ids, devstral.user_after_tool) == ("mistral", False)
    assert profile_for(family, "meta-llama/Llama-3.3-70B-Instruct") == FAMILIES[family]


def test_minimax_behind_a_server_that_shows_its_tags() -> None:
    shown = profile_for("generic", "MiniMaxAI/MiniMax-M2")
    assert (shown.reasoning_field, shown.implicit_open, shown.reasoning_history) == ("think_tags", True, "all")
    assert not profile_for("vllm", "MiniMaxAI/MiniMax-M2").implicit_open


def test_a_directory_in_a_local_models_name_says_nothing() -> None:
    assert profile_for("llama.cpp", "/models/mistral/llama-3.gguf") == FAMILIES["llama.cpp"]


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://me.openai.azure.com/openai/v1", "azure"),
        ("https://me.services.ai.azure.com/models", "azure"),
        ("https://api.anthropic.com", "anthropic"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.deepseek.com/beta", "deepseek"),
        ("https://api.z.ai/api/coding/paas/v4", "zai"),
        ("https://open.bigmodel.cn/api/paas/v4", "zai"),
        ("https://api.minimax.io/anthropic", "minimax"),
        ("https://api.minimaxi.com/v1", "minimax"),
        ("https://api.moonshot.ai/v1", "moonshot"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://codestral.mistral.ai/v1", "mistral"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.x.ai/v1", "xai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini"),
        ("https://API.OpenAI.com.:443/v1", "openai"),
        ("http://127.0.0.1:8000/v1", None),
        ("https://notopenrouter.ai/v1", None),
        ("https://api.openai.com.evil.example/v1", None),
        ("http://[::1/v1", None),
        ("", None),
    ],
)
def test_families_by_host(url: str, family: str | None) -> None:
    assert family_of(url) == family


@pytest.mark.parametrize(
    ("body", "family"),
    [
        ({"object": "list", "data": [{"id": "m", "owned_by": "vllm", "max_model_len": 8192}]}, "vllm"),
        ({"data": [{"id": "m", "owned_by": "sglang"}]}, "sglang"),
        ({"models": [{"name": "m"}], "data": [{"id": "m", "owned_by": "llamacpp", "meta": {}}]}, "llama.cpp"),
        ({"data": [{"id": "me/mine:latest", "owned_by": "me"}, {"id": "qwen3:8b", "owned_by": "library"}]}, "ollama"),
        ({"data": [{"id": "m", "object": "model", "owned_by": "organization_owner"}]}, "lmstudio"),
        ({"data": [{"id": "gpt-5", "owned_by": "system"}]}, None),
        ({"data": [{"id": "m"}, {"id": "m", "owned_by": ["vllm"]}, "vllm"]}, None),
        ({"data": {"owned_by": "vllm"}}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_families_by_what_a_server_lists(body: object, family: str | None) -> None:
    assert family_from_models(body) == family


def test_overrides_are_laid_over_what_is_known() -> None:
    known = profile_for("vllm", "m")
    changed = with_overrides(
        known, {"efforts": ["low"], "sampling_extras": ["top_k"], "vision": True, "thinking_switch": None}
    )
    assert changed.efforts == ("low",)
    assert changed.sampling_extras == frozenset({"top_k"})
    assert (changed.vision, changed.prefill) == (True, known.prefill)
    assert with_overrides(known, {}) == known


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "red"}, "profile.colour"),
        ({"tool_ids": "roman"}, "profile.tool_ids"),
        ({"max_stop": "four"}, "profile.max_stop"),
        ({"efforts": "low"}, "profile.efforts"),
    ],
)
def test_overrides_that_do_not_fit_are_named(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        with_overrides(Profile(), changes)
