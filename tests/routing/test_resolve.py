"""From a model's name to a route, or to words that say why there is none."""

from typing import Any, Final

import msgspec
import pytest

from dragoman.config.snapshot import ANONYMOUS, Key, Snapshot
from dragoman.hub.pipeline import Pipeline
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect
from dragoman.hub.route import Secret
from dragoman.routing.known import Knowledge, Known
from dragoman.routing.resolve import Router
from tests.gateway.stage import source

A: Final = "http://127.0.0.1:1/v1"
B: Final = "http://127.0.0.1:2/v1"


def snapshot(*models: dict[str, Any], **more: Any) -> Snapshot:
    return source({"models": list(models), **more}).current


def one(**more: Any) -> Snapshot:
    return snapshot({"name": "m", "backends": [{"url": A}], **more}, aliases={"short": "m"})


def problem(of: Snapshot, key: Key, name: str) -> Problem:
    with pytest.raises(Problem) as raised:
        Router(Knowledge()).resolve(of, key, name, "openai-chat")
    return raised.value


def test_a_route_has_what_the_file_says() -> None:
    settings = one(
        model="org/m",
        api_key="k",
        timeout=5,
        context_window=1000,
        max_output_tokens=10,
        on_loss="strict",
        defaults={"temperature": 0.5},
        backends=[
            {"url": A, "weight": 2, "max_inflight": 3},
            {"url": B, "api_key": "own"},
            {"url": f"{B}/x", "disabled": True},
        ],
    )
    route = Router(Knowledge()).resolve(settings, ANONYMOUS, "short", "openai-chat")
    assert (route.model, route.backend_model) == ("short", "org/m")
    assert {(b.url, b.key, b.weight, b.max_inflight) for b in route.backends} == {
        (A, Secret("k"), 2, 3),
        (B, Secret("own"), 1, 0),
    }
    assert (route.timeouts.first_byte, route.context_window, route.max_output) == (5, 1000, 10)
    assert (route.on_loss, route.defaults.sampling.temperature) == ("strict", 0.5)


@pytest.mark.parametrize(
    ("more", "client", "spoken"),
    [
        ({}, "anthropic-messages", "openai-chat"),
        ({"type": "anthropic"}, "openai-chat", "anthropic-messages"),
        ({"type": "responses"}, "openai-chat", "openai-responses"),
        ({"type": "auto"}, "anthropic-messages", "openai-chat"),
        ({"messages_mode": "native"}, "anthropic-messages", "anthropic-messages"),
        ({"messages_mode": "native"}, "openai-chat", "openai-chat"),
        ({"type": "anthropic", "messages_mode": "translate"}, "anthropic-messages", "openai-chat"),
        ({"responses_mode": "native"}, "openai-responses", "openai-responses"),
    ],
)
def test_the_dialect_a_backend_is_asked_in(more: dict[str, Any], client: Dialect, spoken: Dialect) -> None:
    route = Router(Knowledge()).resolve(one(**more), ANONYMOUS, "m", client)
    assert [backend.dialect for backend in route.backends] == [spoken]


def test_auto_goes_by_what_was_found() -> None:
    knowledge = Knowledge()
    router, settings = Router(knowledge), one(type="auto")
    assert router.resolve(settings, ANONYMOUS, "m", "openai-chat").backends[0].dialect == "openai-chat"
    knowledge.learn(A, "m", Known(speaks=("anthropic-messages", "openai-responses")))
    assert router.resolve(settings, ANONYMOUS, "m", "openai-chat").backends[0].dialect == "anthropic-messages"


def test_unknown_models_are_told_with_the_nearest_name() -> None:
    settings = snapshot(*({"name": name, "backends": [{"url": A}]} for name in ("qwen3-coder", "gpt-oss", "llama")))
    assert (
        problem(settings, ANONYMOUS, "qwen3-code").public == "model 'qwen3-code' not found: did you mean 'qwen3-coder'?"
    )
    assert problem(settings, ANONYMOUS, "zzz").public == "model 'zzz' not found: there is qwen3-coder, gpt-oss, llama"
    assert problem(settings, ANONYMOUS, "zzz").param == "model"
    assert problem(settings, ANONYMOUS, "").kind == "unknown_model"


def test_many_models_are_not_all_named() -> None:
    settings = snapshot(*({"name": f"m{n}", "backends": [{"url": A}]} for n in range(50)))
    assert "m19 and 30 more" in problem(settings, ANONYMOUS, "zzz").public


def test_a_key_is_told_of_its_own_models_only() -> None:
    settings = snapshot(
        {"name": "secret-model", "backends": [{"url": A}]}, {"name": "open-model", "backends": [{"url": A}]}
    )
    key = Key("me", frozenset({"open-model"}))
    refused = problem(settings, key, "secret-model")
    assert (refused.kind, refused.public) == (
        "forbidden",
        "this key may not use the model 'secret-model'; it may use open-model",
    )
    assert "secret" not in problem(settings, key, "secret-mode").public.removeprefix("model 'secret-mode'")
    nothing = Key("me", frozenset())
    assert "it may use none" in problem(settings, nothing, "open-model").public


def test_a_model_whose_backends_are_all_off_is_unreachable() -> None:
    off = one(backends=[{"url": A}])
    model = off.models["m"]
    dark = msgspec.structs.replace(model, backends=(msgspec.structs.replace(model.backends[0], disabled=True),))
    settings = Snapshot(off.config, {"m": dark}, ())
    assert problem(settings, ANONYMOUS, "m").kind == "unreachable"


def test_what_was_found_lies_over_the_file_and_the_file_over_profiles() -> None:
    knowledge = Knowledge()
    router, settings = Router(knowledge), one(context_window=1000, profile={"max_stop": 7})
    before = router.resolve(settings, ANONYMOUS, "m", "openai-chat")
    assert (before.context_window, before.backends[0].profile.family) == (1000, "generic")
    knowledge.learn(A, "m", Known(family="vllm", context_window=8192, max_output=100, vision=False))
    after = router.resolve(settings, ANONYMOUS, "m", "openai-chat")
    profile = after.backends[0].profile
    assert (after.context_window, after.max_output) == (8192, 100)
    assert (profile.family, profile.vision, profile.max_stop) == ("vllm", False, 7)
    knowledge.teach(A, "m", {"max_stop": 1, "stream_usage": False})
    taught = router.resolve(settings, ANONYMOUS, "m", "openai-chat").backends[0].profile
    assert (taught.stream_usage, taught.max_stop) == (False, 7)


def test_a_route_knows_what_may_be_done_to_what_its_backends_cannot_read() -> None:
    settings = snapshot(
        {"name": "m", "backends": [{"url": A}]},
        {"name": "eyes", "backends": [{"url": B}]},
        processors={"vision": "eyes"},
    )
    route = Router(Knowledge()).resolve(settings, ANONYMOUS, "m", "openai-chat")
    assert route.pipeline == Pipeline(vision="eyes", engine=True)
    without = Router(Knowledge(), has_ocr=False).resolve(settings, ANONYMOUS, "m", "openai-chat")
    assert without.pipeline == Pipeline(vision="eyes", engine=False)
    eyes = Router(Knowledge()).resolve(settings, ANONYMOUS, "eyes", "openai-chat")
    assert (eyes.pipeline.asked, eyes.pipeline.vision) == (True, None)


def test_the_file_knows_better_whether_a_model_sees() -> None:
    knowledge = Knowledge()
    knowledge.learn(A, "m", Known(vision=False))
    route = Router(knowledge).resolve(one(supports_vision=True), ANONYMOUS, "m", "openai-chat")
    assert route.backends[0].profile.vision is True


def test_of_several_backends_the_smallest_window_is_promised() -> None:
    knowledge = Knowledge()
    settings = one(backends=[{"url": A}, {"url": B}])
    router, model = Router(knowledge), settings.models["m"]
    assert router.known(model) == Known()
    knowledge.learn(A, "m", Known(online=False))
    assert router.known(model).online is False
    knowledge.learn(B, "m", Known(context_window=8192, online=True, family="vllm"))
    assert router.known(model) == Known(context_window=8192, online=True, family="vllm")
    knowledge.learn(A, "m", Known(context_window=4096, max_output=10, vision=True, online=False))
    assert router.known(model) == Known(context_window=4096, max_output=10, vision=True, online=True, family="vllm")


def test_routes_are_kept_until_something_changes() -> None:
    knowledge = Knowledge()
    router, settings = Router(knowledge), one()
    first = router.resolve(settings, ANONYMOUS, "m", "openai-chat")
    assert router.resolve(settings, ANONYMOUS, "m", "openai-chat").backends[0] is first.backends[0]
    assert router.resolve(one(), ANONYMOUS, "m", "openai-chat").backends[0] is not first.backends[0]
    for _ in range(300):  # snapshots that came and went
        router.resolve(one(), ANONYMOUS, "m", "openai-chat")
    assert len(router._routes) <= 201


def test_bedrock_is_told_to_be_missing() -> None:
    settings = one()
    bedrock = msgspec.structs.replace(settings.models["m"], type="bedrock")
    refused = problem(Snapshot(settings.config, {"m": bedrock}, ()), ANONYMOUS, "m")
    assert (refused.kind, "bedrock" in refused.public) == ("unsupported", True)


def test_an_open_alias_is_answered_under_the_name_that_was_asked_for_and_never_suggested() -> None:
    settings = snapshot({"name": "m", "backends": [{"url": A}]}, aliases={"claude-*": "m"})
    route = Router(Knowledge()).resolve(settings, ANONYMOUS, "claude-opus-5", "anthropic-messages")
    assert (route.model, route.configured, route.backend_model) == ("claude-opus-5", "m", "m")
    assert "*" not in problem(settings, ANONYMOUS, "claud").public
    guest = Key("guest", frozenset({"other"}))
    assert problem(settings, guest, "claude-opus-5").kind == "forbidden"


def test_what_one_key_was_given_is_not_given_to_another() -> None:
    settings, router = one(), Router(Knowledge())
    router.resolve(settings, ANONYMOUS, "m", "openai-chat")
    with pytest.raises(Problem) as raised:
        router.resolve(settings, Key("k", frozenset({"x"})), "m", "openai-chat")
    assert raised.value.kind == "forbidden"


def test_a_name_that_a_reload_takes_away_is_unknown() -> None:
    router = Router(Knowledge())
    router.resolve(one(), ANONYMOUS, "short", "openai-chat")
    renamed = snapshot({"name": "m", "backends": [{"url": B}]}, aliases={"long": "m"})
    with pytest.raises(Problem) as raised:
        router.resolve(renamed, ANONYMOUS, "short", "openai-chat")
    assert raised.value.kind == "unknown_model"
    assert router.resolve(renamed, ANONYMOUS, "m", "openai-chat").backends[0].url == B


def test_names_that_clients_make_up_are_not_kept_for_ever() -> None:
    settings = snapshot({"name": "m", "backends": [{"url": A}]}, aliases={"claude-*": "m"})
    router = Router(Knowledge())
    for number in range(300):
        router.resolve(settings, ANONYMOUS, f"claude-{number}", "openai-chat")
    assert len(router._named) <= 200
    longest = "claude-" + "x" * 2**20
    assert router.resolve(settings, ANONYMOUS, longest, "openai-chat").model == longest
    assert (longest, "openai-chat") not in router._named
