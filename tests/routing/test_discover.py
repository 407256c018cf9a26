"""What backends are found to be, by the answers that the real ones give."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.config.snapshot import ConfigSource
from dragoman.net.client import Client
from dragoman.routing import discover
from dragoman.routing.discover import Discovery
from dragoman.routing.known import Knowledge, Known
from dragoman.wire import jsons
from tests.gateway.stage import NOBODY, house, model, origin, run, source, whole
from tests.net.scripted import Backend, Peer, serving, until

# What a path is answered with: a value, or (status, value); status 0 = these bytes and no more. Other paths are 404.
Pages = dict[str, Any]

VLLM: Final = {
    "object": "list",
    "data": [{"id": "backend-m", "object": "model", "owned_by": "vllm", "root": "org/m", "max_model_len": 32768}],
}
SGLANG: Final = {
    "object": "list",
    "data": [{"id": "backend-m", "object": "model", "owned_by": "sglang", "root": "m", "max_model_len": 40960}],
}
LLAMA_CPP: Final = {
    "models": [{"name": "m.gguf", "capabilities": ["completion"]}],
    "object": "list",
    "data": [
        {"id": "m.gguf", "object": "model", "owned_by": "llamacpp", "meta": {"n_ctx_train": 131072, "n_params": 1}}
    ],
}
PROPS: Final = {"default_generation_settings": {"n_ctx": 8192}, "modalities": {"vision": False, "audio": False}}
OLLAMA: Final = {
    "object": "list",
    "data": [
        {"id": "backend-m", "object": "model", "created": 1, "owned_by": "library"},
        {"id": "other:latest", "object": "model", "created": 1, "owned_by": "library"},
    ],
}
SHOWN: Final = {
    "capabilities": ["completion", "vision", "tools"],
    "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 262144},
    "parameters": 'stop                           "<|im_end|>"\nnum_ctx                        16384\ntemperature 0.7',
}
LM_STUDIO: Final = {
    "data": [{"id": "backend-m", "object": "model", "owned_by": "organization_owner"}],
    "object": "list",
}
LM_STUDIO_OWN: Final = {
    "data": [
        {"id": "other", "type": "llm", "state": "not-loaded", "max_context_length": 4096},
        {
            "id": "backend-m",
            "type": "vlm",
            "state": "loaded",
            "max_context_length": 131072,
            "loaded_context_length": 20000,
        },
    ]
}
OPEN_ROUTER: Final = {
    "data": [
        {"id": "other", "context_length": 1},
        {
            "id": "backend-m",
            "context_length": 200000,
            "top_provider": {"context_length": 200000, "max_completion_tokens": 64000, "is_moderated": False},
            "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        },
    ]
}
ANTHROPIC: Final = {"type": "model", "id": "backend-m", "max_input_tokens": 200000, "max_tokens": 64000}


@contextlib.asynccontextmanager
async def serving_pages(pages: Pages) -> AsyncIterator[Backend]:
    async def script(peer: Peer) -> None:
        while True:
            asked = await peer.asked()
            said = pages.get(asked.line.split()[1], (404, {"error": "not found"}))
            status, value = said if isinstance(said, tuple) else (200, said)
            if status == 0:
                await peer.say(value)
                raise ConnectionResetError
            await peer.say(whole(value, status))

    async with serving(script) as backend:
        yield backend


@contextlib.asynccontextmanager
async def looking(*models: dict[str, Any]) -> AsyncIterator[tuple[Discovery, Knowledge, ConfigSource]]:
    config, net, knowledge = source({"models": list(models)}), Client(), Knowledge()
    try:
        yield Discovery(config, net, knowledge), knowledge, config
    finally:
        await net.close()


def found(pages: Pages, type_: str = "openai") -> Known:
    results: list[Known] = []

    async def main() -> None:
        async with serving_pages(pages) as backend:
            url = origin(backend) + ("" if type_ == "anthropic" else "/v1")
            async with looking(model("m", url, type=type_)) as (discovery, knowledge, _):
                await discovery.look()
                results.append(knowledge.of(url, "backend-m"))

    run(main)
    return results[0]


def test_vllm() -> None:
    assert found({"/v1/models": VLLM}) == Known(family="vllm", context_window=32768, online=True)


def test_sglang() -> None:
    assert found({"/v1/models": SGLANG}) == Known(family="sglang", context_window=40960, online=True)


def test_llama_cpp_serves_one_model_whatever_it_is_called() -> None:
    known = found({"/v1/models": LLAMA_CPP, "/props": PROPS})
    assert known == Known(family="llama.cpp", context_window=8192, vision=False, online=True)


def test_llama_cpp_that_does_not_show_its_properties() -> None:
    assert found({"/v1/models": LLAMA_CPP}) == Known(family="llama.cpp", online=True)
    assert found({"/v1/models": LLAMA_CPP, "/props": (0, b"")}) == Known(family="llama.cpp", online=True)


def test_ollama_by_its_models_own_parameters() -> None:
    known = found({"/v1/models": OLLAMA, "/api/show": SHOWN, "/api/ps": {"models": []}})
    assert known == Known(family="ollama", context_window=16384, vision=True, converses=True, online=True)


@pytest.mark.parametrize("name", ["backend-m", "backend-m:latest"])
def test_ollama_by_what_is_loaded(name: str) -> None:
    running = {"models": [{"name": "other:latest", "context_length": 1}, {"name": name, "context_length": 32768}]}
    known = found({"/v1/models": OLLAMA, "/api/show": SHOWN, "/api/ps": running})
    assert known.context_window == 32768


def test_ollama_cuts_at_its_default_whatever_the_model_could_do() -> None:
    shown = {"model_info": {"qwen3.context_length": 262144}, "capabilities": ["completion"]}
    known = found({"/v1/models": OLLAMA, "/api/show": shown})
    assert (known.context_window, known.vision) == (4096, False)


@pytest.mark.parametrize(
    ("information", "window"),
    [({"general.architecture": "gptoss", "gptoss.context_length": 131072}, 131072), (None, None)],
)
def test_ollama_cuts_nothing_for_its_cloud(information: dict[str, Any] | None, window: int | None) -> None:
    shown = {"remote_model": "qwen3-vl", "remote_host": "https://ollama.com:443", "model_info": information}
    known = found({"/v1/models": OLLAMA, "/api/show": shown, "/api/ps": {"models": []}})
    assert known == Known(family="ollama", context_window=window, online=True)


@pytest.mark.parametrize(
    ("capabilities", "converses"),
    [
        (["embedding"], False),
        (["completion", "embedding"], True),
        (["completion"], True),
        ([], None),
        (["image"], None),
    ],
)
def test_ollama_tells_which_of_its_models_only_embed(capabilities: list[str], converses: bool | None) -> None:
    known = found({"/v1/models": OLLAMA, "/api/show": {"capabilities": capabilities}})
    assert known.converses is converses


@pytest.mark.parametrize(("kind", "converses"), [("embeddings", False), ("llm", True), ("vlm", True), ("new", None)])
def test_so_does_lm_studio(kind: str, converses: bool | None) -> None:
    own = {"data": [{"id": "backend-m", "type": kind}]}
    assert found({"/v1/models": LM_STUDIO, "/api/v0/models": own}).converses is converses


def test_ollama_without_the_model() -> None:
    assert found({"/v1/models": OLLAMA, "/api/show": (404, b"no")}) == Known(family="ollama", online=True)


def test_lm_studio() -> None:
    known = found({"/v1/models": LM_STUDIO, "/api/v0/models": LM_STUDIO_OWN})
    assert known == Known(family="lmstudio", context_window=20000, vision=True, converses=True, online=True)
    assert found({"/v1/models": LM_STUDIO}) == Known(family="lmstudio", online=True)


def test_a_list_like_open_routers() -> None:
    known = found({"/v1/models": OPEN_ROUTER})
    assert known == Known(context_window=200000, max_output=64000, vision=True, online=True)


@pytest.mark.parametrize("type_", ["openai", "anthropic"])
def test_another_of_these_proxies(type_: str) -> None:
    row = {"id": "backend-m", "object": "model", "owned_by": "dragoman", "max_input_tokens": 65536}
    pages = {"/v1/models": {"object": "list", "data": [row]}, "/v1/models/backend-m": row}
    assert found(pages, type_) == Known(family="dragoman", context_window=65536, online=True)


@pytest.mark.parametrize(("mode", "converses"), [("chat", True), ("embedding", False), ("image_generation", None)])
def test_litellm(mode: str, converses: bool | None) -> None:
    """As LiteLLM 1.106.12 lists a model."""
    row = {
        "id": "backend-m",
        "object": "model",
        "owned_by": "openai",
        "mode": mode,
        "max_input_tokens": 128000,
        "max_output_tokens": 16384,
    }
    known = found({"/v1/models": {"object": "list", "data": [row]}})
    assert known == Known(context_window=128000, max_output=16384, converses=converses, online=True)


def test_anthropic() -> None:
    known = found({"/v1/models/backend-m": ANTHROPIC}, "anthropic")
    assert known == Known(context_window=200000, max_output=64000, online=True)
    assert found({}, "anthropic") == Known(online=True)
    assert found({"/v1/models/backend-m": (500, {})}, "anthropic") == Known(online=False)


@pytest.mark.parametrize(
    ("pages", "online"),
    [
        ({}, True),
        ({"/v1/models": (401, {})}, True),
        ({"/v1/models": b"<html>"}, True),
        ({"/v1/models": (503, b"")}, False),
        ({"/v1/models": (0, b"junk\r\n\r\n")}, False),
    ],
)
def test_a_backend_that_tells_nothing(pages: Pages, online: bool) -> None:
    assert found(pages) == Known(online=online)


def test_the_endpoints_of_an_unknown_backend_are_tried() -> None:
    refusal = (400, {"error": {"message": "messages is required"}})
    known = found({"/v1/models": VLLM, "/v1/chat/completions": refusal, "/v1/messages": refusal}, "auto")
    assert known.speaks == ("openai-chat", "anthropic-messages")
    assert found({"/v1/responses": refusal, "/v1/chat/completions": (500, b"?")}, "auto").speaks == (
        "openai-responses",
    )
    assert found({"/v1/chat/completions": (500, {"error": "x"})}, "auto").speaks == ("openai-chat",)


def test_no_endpoint_is_tried_with_what_it_would_answer() -> None:
    """llama-cpp-python 0.3.36 takes Chat requests without messages, llama.cpp's Messages endpoint those with null."""

    async def main() -> None:
        async with (
            serving_pages({}) as backend,
            looking(model("m", f"{origin(backend)}/v1", type="auto")) as (looks, *_),
        ):
            await looks.look()
            said = {asked.line.split()[1]: jsons.read(asked.body) for asked in backend.asked[1:]}
            assert said == {
                "/v1/chat/completions": {"messages": None, "max_tokens": 1},
                "/v1/responses": {},
                "/v1/messages": {},
            }

    run(main)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**9) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "data", "models", "name", "owned_by", "max_model_len", "context_length", "capabilities",
                         "parameters", "modalities", "default_generation_settings", "top_provider", "architecture"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([VLLM, LLAMA_CPP, OLLAMA, LM_STUDIO, None]), values, values, values)
def test_no_answer_is_too_odd(listed: Any, one: Any, two: Any, three: Any) -> None:
    pages = {
        "/v1/models": one if listed is None else listed,
        "/props": two,
        "/api/show": two,
        "/api/ps": three,
        "/api/v0/models": three,
    }
    assert found(pages).online


# When they are asked.


def test_each_server_is_asked_once_however_many_models_it_has() -> None:
    async def main() -> None:
        rows = [{"id": f"m{n}", "max_model_len": 1000 + n} for n in range(50)]
        async with serving_pages({"/v1/models": {"data": rows}}) as backend:
            url = f"{origin(backend)}/v1"
            models = [{"name": f"m{n}", "backends": [{"url": url}]} for n in range(50)]
            async with looking(*models) as (discovery, knowledge, _):
                await discovery.look()
                assert [asked.line for asked in backend.asked] == ["GET /v1/models HTTP/1.1"]
                assert [knowledge.of(url, f"m{n}").context_window for n in range(50)] == list(range(1000, 1050))

    run(main)


def test_keys_are_sent_and_told_apart() -> None:
    async def main() -> None:
        async with serving_pages({"/v1/models": VLLM}) as backend:
            url = f"{origin(backend)}/v1"
            models = [{"name": f"m{key}", "backends": [{"url": url, "api_key": key}]} for key in "ab"]
            async with looking(*models, {"name": "open", "backends": [url]}) as (discovery, _, _config):
                await discovery.look()
                sent = {asked.headers.get("authorization") for asked in backend.asked}
                assert sent == {"Bearer a", "Bearer b", None}

    run(main)


def test_what_is_near_is_asked_each_round_whether_it_is_there() -> None:
    async def main() -> None:
        pages: Pages = {"/v1/models": (503, b"")}
        async with serving_pages(pages) as backend:
            url = f"{origin(backend)}/v1"
            async with looking(model("m", url), model("away", NOBODY)) as (discovery, knowledge, _):
                for _ in range(3):
                    await discovery.look()
                assert len(backend.asked) == 3
                assert knowledge.of(url, "backend-m").online is False
                assert knowledge.of(NOBODY, "backend-away").online is False
                pages["/v1/models"] = VLLM
                await discovery.look()
                assert knowledge.of(url, "backend-m") == Known(family="vllm", context_window=32768, online=True)
                version = knowledge.version
                for _ in range(20):
                    await discovery.look()
                assert len(backend.asked) == 24
                assert knowledge.version == version  # nothing new was learnt, so no route is made anew
                assert discovery._health.online(url) is True
                pages["/v1/models"] = (503, b"")
                await discovery.look()
                assert discovery._health.online(url) is False
                assert discovery._health.rests(url)

    run(main)


def test_a_refused_key_is_not_said_again_and_again() -> None:
    """Another Dragoman takes that for guessing, and refuses all keys of the address."""

    async def main() -> None:
        pages: Pages = {"/v1/models": VLLM}
        async with serving_pages(pages) as backend:
            url = f"{origin(backend)}/v1"
            async with looking(model("m", url, type="auto")) as (discovery, knowledge, _):
                await discovery.look()
                before, known = len(backend.asked), knowledge.of(url, "backend-m")
                pages["/v1/models"] = (401, {"error": {"message": "unknown key"}})
                for _ in range(20):
                    await discovery.look()
                lines = [asked.line for asked in backend.asked[before:]]
                assert lines == ["GET /v1/models HTTP/1.1"] * 3  # once in each round that looks at what is there
                assert knowledge.of(url, "backend-m") == known
                assert discovery._health.online(url) is True
                pages["/v1/models"] = VLLM
                for _ in range(20):
                    await discovery.look()
                assert len(backend.asked) - before > 15

    run(main)


def test_a_vendor_is_asked_until_it_answered_and_then_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(discover, "is_near", lambda _: False)
        pages: Pages = {"/v1/models": (503, b"")}
        async with serving_pages(pages) as backend, looking(model("m", f"{origin(backend)}/v1")) as (discovery, *_):
            await discovery.look()
            pages["/v1/models"] = VLLM
            for _ in range(25):
                await discovery.look()
            assert len(backend.asked) == 2

    run(main)


def test_what_is_known_of_a_backend_that_went_away_stays_known() -> None:
    async def main() -> None:
        pages: Pages = {"/v1/models": VLLM}
        async with (
            serving_pages(pages) as backend,
            looking(model("m", f"{origin(backend)}/v1")) as (discovery, knowledge, _),
        ):
            await discovery.look()
            pages["/v1/models"] = (0, b"")
            for _ in range(12):
                await discovery.look()
            known = knowledge.of(f"{origin(backend)}/v1", "backend-m")
            assert known == Known(family="vllm", context_window=32768, online=False)

    run(main)


def test_a_server_that_drips_does_not_hold_up_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(discover, "_LONGEST_LOOK", 0.05)

        async def drip(peer: Peer) -> None:
            await peer.asked()
            await peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                await peer.say(b" ")

        async with serving(drip) as slow, serving_pages({"/v1/models": VLLM}) as fine:
            urls = [f"{origin(b)}/v1" for b in (slow, fine)]
            async with looking(model("m", urls[0]), model("m2", urls[1])) as (discovery, knowledge, _):
                await discovery.look()
                assert knowledge.of(urls[0], "backend-m").online is False
                assert knowledge.of(urls[1], "backend-m2").online is True

    run(main)


def test_it_looks_at_the_start_and_when_it_is_told_to() -> None:
    async def main() -> None:
        async with serving_pages({"/v1/models": VLLM}) as backend:
            url = f"{origin(backend)}/v1"
            async with looking(model("m", url)) as (discovery, knowledge, config):
                living = asyncio.ensure_future(discovery.run())
                await until(lambda: knowledge.of(url, "backend-m").online is True)
                config.current = source({"models": [model("n", url)]}).current
                discovery.look_again()
                await until(lambda: knowledge.of(url, "backend-n").online is True)
                assert knowledge.of(url, "backend-m") == Known()
                living.cancel()
                await asyncio.wait([living])

    run(main)


def test_the_next_round_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(discover, "_SECONDS_UNTIL_RETRY", 0.001)
        pages: Pages = {"/v1/models": (503, b"")}
        async with serving_pages(pages) as backend, looking(model("m", f"{origin(backend)}/v1")) as (discovery, *_):
            living = asyncio.ensure_future(discovery.run())
            await until(lambda: len(backend.asked) > 2)
            living.cancel()
            await asyncio.wait([living])

    run(main)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://[::1]:1", True),
        ("http://gpu:8000/v1", True),
        ("http://gpu.local/v1", True),
        ("https://api.openai.com/v1", False),
        ("https://8.8.8.8/v1", False),
    ],
)
def test_whois_near(url: str, near: bool) -> None:
    assert discover.is_near(url) == near


# What comes of it.


def test_windows_are_told_to_clients() -> None:
    async def main() -> None:
        async with serving_pages({"/v1/models": VLLM}) as backend:
            url = f"{origin(backend)}/v1"
            models = [model("m", url, context_window=5), model("away", NOBODY, context_window=7), model("dark", NOBODY)]
            async with house(models) as running:
                await until(lambda: running.gateway.knowledge.of(url, "backend-m").online is True)
                listed = (await running.ask("/v1/models", method="GET")).json["data"]
                assert [one.get("context_window") for one in listed] == [32768, 7, None]
                one = (await running.ask("/v1/models/m", method="GET")).json
                assert {one[k] for k in ("context_window", "context_length", "max_model_len", "max_input_tokens")} == {
                    32768
                }

    run(main)


def test_what_was_found_changes_how_a_backend_is_asked() -> None:
    async def main() -> None:
        chat = (400, {"error": {"message": "enough"}})
        async with serving_pages({"/v1/models": VLLM, "/v1/chat/completions": chat}) as backend:
            url = f"{origin(backend)}/v1"
            async with house([model("m", url)]) as running:
                await until(lambda: running.gateway.knowledge.of(url, "backend-m").online is True)
                body = {"model": "m", "max_tokens": 5, "top_k": 3, "messages": [{"role": "user", "content": "x"}]}
                await running.ask("/v1/messages", body)
                assert jsons.read(backend.asked[-1].body)["top_k"] == 3  # vLLM is known to read it

    run(main)
