"""Without a configuration file: what is found on this machine and by the environment's keys."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.route import Secret
from dragoman.net.client import Client
from dragoman.routing import zero_config
from dragoman.routing.zero_config import LOCAL, VENDORS, Candidate, Found, config_of, find, public_name
from tests.gateway.stage import house, model, origin, run, whole
from tests.net.scripted import Backend, Peer, serving

NOWHERE = Candidate("Nobody", "http://127.0.0.1:9/v1")


@contextlib.asynccontextmanager
async def listing(*ids: str, said: bytes | None = None) -> AsyncIterator[Backend]:
    """A server that lists these models at any path."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.asked()
            if said == b"":
                raise ConnectionResetError
            await peer.say(whole({"object": "list", "data": [{"id": i} for i in ids]}) if said is None else said)

    async with serving(script) as backend:
        yield backend


async def looked(
    local: Sequence[Candidate] = (), vendors: Sequence[Candidate] = (), environment: Mapping[str, str] | None = None
) -> tuple[Found, ...]:
    net = Client()
    try:
        return await find(net, environment or {}, local, vendors)
    finally:
        await net.close()


def test_what_listens_here_is_found_and_what_does_not_is_left_out() -> None:
    async def main() -> None:
        async with listing("a", "b") as one, listing("c") as two:
            local = [Candidate("One", f"{origin(one)}/v1"), NOWHERE, Candidate("Two", f"{origin(two)}/v1/")]
            found = await looked(local)
            assert [(f.candidate.title, f.models) for f in found] == [("One", ("a", "b")), ("Two", ("c",))]
            assert one.asked[0].line == "GET /v1/models HTTP/1.1"
            assert "authorization" not in one.asked[0].headers
            config = config_of(found)
            assert [(m.name, m.backend_model, m.backends[0].url) for m in config.models] == [
                ("a", "a", f"{origin(one)}/v1"),
                ("b", "b", f"{origin(one)}/v1"),
                ("c", "c", f"{origin(two)}/v1"),
            ]

    run(main)


@pytest.mark.parametrize(
    "said",
    [
        whole(b"<html>", content_type="text/html"),
        whole({}, 404),
        whole({"data": []}),
        whole([1]),
        whole({"data": [5, {"id": 7}]}),
        b"junk\r\n\r\n",
        b"",
    ],
)
def test_other_things_that_listen_are_no_model_servers(said: bytes) -> None:
    async def main() -> None:
        async with listing(said=said) as other:
            assert await looked([Candidate("Other", origin(other))]) == ()

    run(main)


def test_models_that_only_embed_or_rerank_are_served_behind_those_for_conversations() -> None:
    async def main() -> None:
        async with listing("nomic-embed-text:latest", "bge-reranker", "qwen3:8b") as one, listing("all-minilm") as two:
            found = await looked([Candidate("Ollama", f"{origin(one)}/v1"), Candidate("vLLM", f"{origin(two)}/v1")])
            names = [model.name for model in config_of(found).models]
            assert names == ["qwen3:8b", "nomic-embed-text:latest", "bge-reranker", "all-minilm"]

    run(main)


def test_a_name_that_would_write_over_the_terminal_is_none() -> None:
    async def main() -> None:
        async with listing("m", "\x1b[2J", "a\nb", "日本語 m") as one:
            (found,) = await looked([Candidate("One", f"{origin(one)}/v1")])
            assert found.models == ("m", "日本語 m")

    run(main)


@pytest.mark.parametrize("status", [401, 403])
def test_a_local_server_that_wants_a_key_is_told_of(status: int) -> None:
    async def main() -> None:
        async with listing(said=whole({}, status)) as locked:
            (found,) = await looked([Candidate("vLLM", origin(locked))])
            assert "wants a key" in found.trouble
            assert config_of([found]).models == ()

    run(main)


def test_a_server_that_never_ends_its_list_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(zero_config, "_LONGEST", 0.05)

        async def drip(peer: Peer) -> None:
            await peer.asked()
            await peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                await peer.say(b" ")

        async with serving(drip) as slow:
            vendor = Candidate("Slow", origin(slow), "SLOW_KEY")
            (found,) = await looked(vendors=[vendor], environment={"SLOW_KEY": "k"})
            assert found.trouble == "it did not list its models within 0.05 s"

    run(main)


def test_vendors_are_asked_where_their_key_is_set() -> None:
    async def main() -> None:
        async with listing("gpt-x", "text-embedding-3", "whisper-1") as openai, listing("claude-x") as anthropic:
            vendors = [
                Candidate("OpenAI", "http://127.0.0.1:9/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
                Candidate("Anthropic", "http://127.0.0.1:9", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic"),
                Candidate("Other", "http://127.0.0.1:9/v1", "OTHER_API_KEY"),
            ]
            environment = {
                "OPENAI_API_KEY": "sk-openai",
                "OPENAI_BASE_URL": f"{origin(openai)}/v1",
                "ANTHROPIC_API_KEY": "sk-ant",
                "ANTHROPIC_BASE_URL": f"{origin(anthropic)}/",
                "OTHER_API_KEY": "",
            }
            found = await looked((), vendors, environment)
            assert [f.models for f in found] == [("gpt-x", "text-embedding-3"), ("claude-x",)]
            assert openai.asked[0].headers["authorization"] == "Bearer sk-openai"
            assert anthropic.asked[0].line == "GET /v1/models?limit=1000 HTTP/1.1"
            assert anthropic.asked[0].headers["x-api-key"] == "sk-ant"
            config = config_of(found)
            assert [(m.name, m.type, m.backends[0].api_key) for m in config.models] == [
                ("gpt-x", "openai", Secret("sk-openai")),
                ("claude-x", "anthropic", Secret("sk-ant")),
                ("text-embedding-3", "openai", Secret("sk-openai")),
            ]
            assert "sk-" not in repr(found)

    run(main)


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (whole({}, 401), "HTTP 401"),
        (whole(b"?"), "not JSON"),
        (whole({"data": []}), "lists no models"),
        (b"", "without an answer"),
    ],
)
def test_a_vendor_that_is_set_is_told_of_whatever_happens(said: bytes, trouble: str) -> None:
    async def main() -> None:
        async with listing(said=said) as vendor:
            candidates = [Candidate("V", origin(vendor), "V_KEY"), Candidate("W", "http://127.0.0.1:9", "W_KEY")]
            found = await looked((), candidates, {"V_KEY": "k", "W_KEY": "k"})
            assert trouble in found[0].trouble
            assert "refused the connection" in found[1].trouble

    run(main)


def test_our_own_server_is_no_backend_of_ours() -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running:
            assert await looked([Candidate("Ourselves", f"{running.url}/v1")]) == ()
            vendors = [
                Candidate("OpenAI", "", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
                Candidate("Anthropic", "", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic"),
            ]
            environment = {
                "OPENAI_API_KEY": "k",
                "OPENAI_BASE_URL": f"{running.url}/v1",
                "ANTHROPIC_API_KEY": "k",
                "ANTHROPIC_BASE_URL": running.url,
            }
            assert [f.models for f in await looked((), vendors, environment)] == [(), ()]

    run(main)


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("/models/Qwen3-8B-Q4_K_M.gguf", "Qwen3-8B-Q4_K_M"),
        ("C:\\models\\x.gguf", "x"),
        ("x.gguf", "x"),
        ("org/model", "org/model"),
        ("qwen3:8b", "qwen3:8b"),
    ],
)
def test_names_are_those_people_would_use(model_id: str, name: str) -> None:
    assert public_name(model_id) == name


ids = st.sampled_from(["a", "b", "x/a.gguf", "y/a.gguf", "z/a.gguf", "a@1", "a@2"])


@given(st.lists(st.lists(ids, max_size=6), max_size=4))
def test_every_model_is_served_under_a_name_of_its_own(listed: list[list[str]]) -> None:
    found = [
        Found(Candidate("T", f"http://127.0.0.1:{1 + port % 2}/v{port}"), Secret(""), tuple(models))
        for port, models in enumerate(listed)
    ]
    models = config_of(found).models
    assert len({m.name for m in models}) == len(models)
    served = {(m.backends[0].url, m.backend_model) for m in models}
    assert served == {(f.candidate.url, i) for f in found for i in f.models}
    assert len(models) == len(served)


def test_a_name_that_is_taken_says_where_it_is() -> None:
    found = [
        Found(Candidate("One", "http://127.0.0.1:8000/v1"), Secret(""), ("m", "m")),
        Found(Candidate("Two", "http://127.0.0.1:8001/v1"), Secret(""), ("m",)),
        Found(Candidate("Vendor", "https://vendor.example/v1"), Secret(""), ("m",)),
    ]
    assert [m.name for m in config_of(found).models] == ["m", "m@8001", "m@vendor"]


def test_the_well_known_places_are_well_formed() -> None:
    assert {c.url.rpartition(":")[2] for c in LOCAL} == {f"{p}/v1" for p in (11434, 8000, 8080, 8081, 30000, 1234)}
    assert all(c.url.startswith("http://127.0.0.1:") and not c.variable for c in LOCAL)
    assert all(c.url.startswith("https://") and c.variable.endswith("_API_KEY") for c in VENDORS)


def test_nobody_waits_for_the_slowest_twice() -> None:
    """All are asked at once: each answers only when all have been asked."""

    async def main() -> None:
        everybody = asyncio.Barrier(3)

        async def script(peer: Peer) -> None:
            await peer.asked()
            await everybody.wait()
            await peer.say(whole({"data": [{"id": "m"}]}))
            await peer.gone()

        async with serving(script) as a, serving(script) as b, serving(script) as c:
            candidates: list[Any] = [Candidate("x", f"{origin(each)}/v1") for each in (a, b, c)]
            assert len(await looked(candidates)) == 3

    run(main)
