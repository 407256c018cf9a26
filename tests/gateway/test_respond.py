"""Responses that clients come back to, over HTTP and with the official SDK."""

import asyncio
from pathlib import Path
from typing import Any, Final

import httpx2
import openai
import pytest

from dragoman.protocols.seals import PREFIX
from dragoman.wire import jsons
from tests.agents.script import Call, Thought, Words
from tests.agents.wires import chat, responses
from tests.conformance.backends import start, stop, text_block, thinking_block
from tests.gateway.stage import (
    END,
    STREAM,
    House,
    chunk,
    house,
    model,
    origin,
    playback,
    responses_body,
    run,
    says,
    streams,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer

KEY: Final = "sk-client-0123456789abcdef"
OTHER: Final = "sk-other-client-0123456789"
KEYS: Final = [{"key": KEY, "name": "me"}, {"key": OTHER, "name": "you"}]

streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def sdk(running: House, key: str = KEY) -> openai.AsyncOpenAI:
    plain = httpx2.AsyncClient(verify=False)
    return openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=key, max_retries=0, http_client=plain)


async def create(client: openai.AsyncOpenAI, *, stream: bool = False, **more: Any) -> Any:
    if not stream:
        return await client.responses.create(model="m", **more)
    async with client.responses.stream(model="m", **more) as events:
        return await events.get_final_response()


def at(backend: Backend, type_: str = "openai") -> dict[str, Any]:
    return model("m", origin(backend) + ("" if type_ == "anthropic" else "/v1"), type=type_)


def asked_chat(backend: Backend, number: int = -1) -> list[tuple[str, Any]]:
    return [(said["role"], said["content"]) for said in jsons.read(backend.asked[number].body)["messages"]]


def asked_items(backend: Backend, number: int = -1) -> Any:
    return jsons.read(backend.asked[number].body)["input"]


@streamed
def test_three_responses_are_a_conversation(stream: bool) -> None:
    async def main() -> None:
        async with (
            playback(says(Words("hello there"))) as backend,
            house([at(backend)], keys=KEYS) as running,
            sdk(running) as client,
        ):
            first = await create(client, stream=stream, input="one", instructions="Be brief.")
            second = await create(client, stream=stream, input="two", previous_response_id=first.id)
            third = await create(
                client, stream=stream, input=[{"role": "user", "content": "three"}], previous_response_id=second.id
            )
            assert (first.previous_response_id, third.previous_response_id) == (None, second.id)
            assert third.output_text == "hello there"
            assert len({first.id, second.id, third.id}) == 3
            assert asked_chat(backend, 0) == [("system", "Be brief."), ("user", "one")]
            # Instructions are not inherited.
            assert asked_chat(backend) == [
                ("user", "one"),
                ("assistant", "hello there"),
                ("user", "two"),
                ("assistant", "hello there"),
                ("user", "three"),
            ]

    run(main)


def test_a_branch_goes_on_from_where_it_says() -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as backend, house([at(backend)]) as running, sdk(running) as client:
            first = await create(client, input="one")
            await create(client, input="two", previous_response_id=first.id)
            await create(client, input="other", previous_response_id=first.id)
            assert asked_chat(backend) == [("user", "one"), ("assistant", "yes"), ("user", "other")]

    run(main)


def test_a_call_is_answered_by_its_id_alone() -> None:
    async def main() -> None:
        async with (
            playback(says(Thought("hm"), Call("weather", {"city": "Rome"}))) as backend,
            house([at(backend)]) as running,
            sdk(running) as client,
        ):
            tool: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
            first = await create(client, input="one", tools=[tool])
            call = next(item for item in first.output if item.type == "function_call")
            result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
            await create(client, input=[result], previous_response_id=first.id, tools=[tool])
            said = jsons.read(backend.asked[-1].body)["messages"]
            assert [one["role"] for one in said] == ["user", "assistant", "tool"]
            assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"]

    run(main)


@streamed
def test_a_response_is_known_as_soon_as_its_client_has_heard_of_it(stream: bool) -> None:
    """Not only when the backend has hung up: clients do not wait for that."""

    async def main() -> None:
        go_on = asyncio.Event()

        async def answer(peer: Peer, asked: Asked) -> None:
            body = jsons.read(asked.body)
            if not body.get("stream"):
                await peer.say(whole(chat.whole(body, [Words("yes")])))
                return
            await peer.say(STREAM, *map(chunk, chat.stream(body, [Words("yes")])))
            await go_on.wait()
            await peer.say(END)

        async with playback(answer) as backend, house([at(backend)]) as running, running.talk() as line:
            await line.say("/v1/responses", responses_body(stream=stream))
            await line.head()
            said = b""
            while b'"completed"' not in said:
                said += await line.reader.read(65536)
            response_id = b"resp_" + said.partition(b'"resp_')[2].partition(b'"')[0]
            heard = await running.ask(f"/v1/responses/{response_id.decode()}", method="GET")
            go_on.set()
            assert heard.status == 200

    run(main)


def test_unknown_ids_and_those_of_others_are_told_the_same() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], keys=KEYS) as running,
            sdk(running) as mine,
            sdk(running, OTHER) as other,
        ):
            first = await create(mine, input="one")
            told = []
            for response_id in (first.id, "resp_" + "0" * 32):
                with pytest.raises(openai.BadRequestError) as raised:
                    await create(other, input="two", previous_response_id=response_id)
                error: Any = raised.value.body
                assert (error["code"], error["param"]) == ("previous_response_not_found", "previous_response_id")
                told.append(str(error["message"]).replace(response_id, "ID"))
                for attempt in (other.responses.retrieve, other.responses.delete, other.responses.cancel):
                    with pytest.raises(openai.NotFoundError):
                        await attempt(response_id)
                with pytest.raises(openai.NotFoundError):
                    await other.responses.input_items.list(response_id)
            assert told[0] == told[1]
            assert len(backend.asked) == 1
            assert (await mine.responses.retrieve(first.id)).id == first.id

    run(main)


@pytest.mark.parametrize("previous", [7, ["resp_x"], {"id": "resp_x"}, ""])
def test_ids_that_are_none_are_unknown(previous: Any) -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/responses", responses_body(previous_response_id=previous))
            assert (heard.status, heard.error["code"]) == (400, "previous_response_not_found")

    run(main)


@streamed
def test_what_is_not_to_be_stored_is_not(stream: bool) -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as backend, house([at(backend)]) as running, sdk(running) as client:
            first = await create(client, stream=stream, input="one", store=False)
            assert first.store is False
            with pytest.raises(openai.NotFoundError):
                await client.responses.retrieve(first.id)
            with pytest.raises(openai.BadRequestError):
                await create(client, stream=stream, input="two", previous_response_id=first.id)

    run(main)


@streamed
def test_items_are_referred_to_by_their_ids(stream: bool) -> None:
    """The AI SDK, told nothing of `store`, names the items of earlier answers and sends them no more."""

    async def main() -> None:
        async with (
            playback(says(Thought("hm"), Words("Let me see."), Call("weather", {"city": "Rome"}))) as backend,
            house([at(backend)], keys=KEYS) as running,
            sdk(running) as client,
        ):
            first = await create(client, stream=stream, input="one")
            references: list[Any] = [{"type": "item_reference", "id": item.id} for item in first.output]
            asked: list[Any] = [{"role": "user", "content": "one"}, *references]
            result = {"type": "function_call_output", "call_id": first.output[-1].call_id, "output": "sunny"}
            second = await create(client, stream=stream, input=[*asked, result])
            *_, said, told = jsons.read(backend.asked[-1].body)["messages"]
            assert (said["content"], said["reasoning_content"]) == ("Let me see.", "hm")
            assert (said["tool_calls"][0]["id"], told["content"]) == (first.output[-1].call_id, "sunny")
            # What is kept of a request is what it referred to.
            await create(client, input="three", previous_response_id=second.id, store=False)
            assert jsons.read(backend.asked[-1].body)["messages"][:3] == [*_, said, told]
            kept = await client.responses.input_items.list(second.id, order="asc")
            assert [item.type for item in kept.data][1:4] == ["reasoning", "message", "function_call"]

    run(main)


@pytest.mark.parametrize("item_id", ["msg_none", "msg_", "", "x"])
def test_items_that_nobody_has_kept_are_refused(item_id: str) -> None:
    async def main() -> None:
        async with playback(says(Words("hello"))) as backend, house([at(backend)]) as running:
            items = [{"role": "user", "content": "one"}, {"type": "item_reference", "id": item_id}]
            heard = await running.ask("/v1/responses", responses_body(input=items))
            error = jsons.read(heard.body)["error"]
            assert (heard.status, error["param"], error["code"]) == (400, "input[1]", "invalid_prompt")
            assert not backend.asked

    run(main)


def test_items_of_others_are_like_none_at_all() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("hello"))) as backend,
            house([at(backend)], keys=KEYS) as running,
            sdk(running) as client,
            sdk(running, OTHER) as other,
        ):
            first = await create(client, input="one")
            refused = []
            for item_id in (first.output[0].id, "msg_" + "0" * 32):
                with pytest.raises(openai.BadRequestError) as told:
                    await create(other, input=[{"type": "item_reference", "id": item_id}])
                refused.append(str(told.value).replace(item_id, ""))
            assert refused[0] == refused[1]

    run(main)


def test_references_to_the_backends_own_items_pass() -> None:
    async def main() -> None:
        async with playback(says(Words("hello"))) as backend, house([at(backend, "responses")]) as running:
            items = [{"type": "item_reference", "id": "msg_theirs"}, {"role": "user", "content": "one"}]
            await running.ask("/v1/responses", responses_body(input=items, store=True, stream=True))
            assert asked_items(backend) == items

    run(main)


def test_a_failed_response_is_not_kept() -> None:
    async def main() -> None:
        frames = list(chat.stream({"model": "x", "stream": True}, [Words("one two three")]))[:2]
        async with playback(streams(*frames)) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/responses", responses_body(stream=True))
            last = heard.frames[-1]
            assert last["type"] == "response.failed"
            assert (await running.ask(f"/v1/responses/{last['response']['id']}", method="GET")).status == 404

    run(main)


def test_a_restart_keeps_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as backend:
            async with (
                house([at(backend)], keys=KEYS, data_dir=str(tmp_path)) as running,
                sdk(running) as client,
            ):
                first = await create(client, input="one")
            async with (
                house([at(backend)], keys=KEYS, data_dir=str(tmp_path)) as running,
                sdk(running) as client,
            ):
                await create(client, input="two", previous_response_id=first.id)
                assert asked_chat(backend) == [("user", "one"), ("assistant", "yes"), ("user", "two")]
                assert (await client.responses.retrieve(first.id)).output_text == "yes"

    run(main)


@streamed
def test_the_backends_own_ids_pass_and_ours_are_opened(stream: bool) -> None:
    async def main() -> None:
        async with (
            playback(says(Words("foreign"))) as foreign,
            playback(says(Words("native"))) as native,
            house(
                [
                    model("m", f"{origin(foreign)}/v1"),
                    model("n", f"{origin(native)}/v1", type="responses"),
                ]
            ) as running,
            sdk(running) as client,
        ):
            own = await create(client, stream=stream, input="one")
            asked = responses_body("n", stream=stream, previous_response_id="resp_theirs", store=True)
            await running.ask("/v1/responses", asked)
            assert jsons.read(native.asked[-1].body) == {**asked, "model": "backend-n"}
            await running.ask("/v1/responses", {**asked, "previous_response_id": own.id})
            sent = jsons.read(native.asked[-1].body)
            assert "previous_response_id" not in sent
            assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]

    run(main)


def test_no_envelope_of_an_earlier_response_reaches_a_backend() -> None:
    """It is in the store, not in the request: the request alone would have been fit to be relayed."""

    async def main() -> None:
        frames = (start(), thinking_block(0, "deep", "SIG"), text_block(1, "yes"), stop())
        async with (
            playback(streams(*frames)) as thinker,
            playback(says(Words("native"))) as native,
            house(
                [
                    model("m", origin(thinker), type="anthropic"),
                    model("n", f"{origin(native)}/v1", type="responses"),
                ]
            ) as running,
        ):
            first = await running.ask("/v1/responses", responses_body(stream=True))
            response = first.frames[-1]["response"]
            assert response["output"][0]["encrypted_content"].startswith(PREFIX)
            asked = responses_body("n", previous_response_id=response["id"])
            assert (await running.ask("/v1/responses", asked)).status == 200
            assert PREFIX.encode() not in native.asked[-1].body
            assert b"SIG" not in native.asked[-1].body
            assert [item.get("role") for item in asked_items(native)][-1] == "user"

    run(main)


@pytest.mark.parametrize("family", ["dragoman", "openai"])
def test_what_another_of_these_proxies_has_sealed_goes_back_to_it(family: str) -> None:
    """And to nobody else. It is opened there: two of them in a row are no end of the reasoning."""
    envelope = f"{PREFIX}eJyrVg.sealed-by-another"
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": envelope}

    async def main() -> None:
        inner = {"type": "responses", "profile": {"family": family}}
        async with playback(says(Words("yes"))) as backend, house([at(backend) | inner]) as running:
            said = responses_body(input=[{"role": "user", "content": "x"}, thought, {"role": "user", "content": "y"}])
            assert (await running.ask("/v1/responses", said)).status == 200
            assert (envelope.encode() in backend.asked[-1].body) is (family == "dragoman")

    run(main)


def test_the_input_of_a_long_conversation_is_counted() -> None:
    async def main() -> None:
        async with playback(says(Words("word " * 500))) as backend, house([at(backend)]) as running:
            first = (await running.ask("/v1/responses", responses_body())).json["id"]
            few = await running.ask("/v1/responses/input_tokens", responses_body())
            many = await running.ask("/v1/responses/input_tokens", responses_body(previous_response_id=first))
            assert few.json["object"] == "response.input_tokens"
            assert many.json["input_tokens"] > few.json["input_tokens"] + 300
            unknown = await running.ask("/v1/responses/input_tokens", responses_body(previous_response_id="resp_x"))
            assert unknown.status == 400

    run(main)


@streamed
def test_a_stop_sequence_is_looked_for_where_the_backend_takes_none(stream: bool) -> None:
    """The Responses dialect has none. The backend is hung up on, and the usage is told all the same."""

    async def main() -> None:
        said = [Words("one two STOP three")]

        async def answer(peer: Peer, asked: Asked) -> None:
            body = jsons.read(asked.body)
            assert "stop" not in body
            if not body.get("stream"):
                await peer.say(whole(responses.whole(body, said)))
                return
            frames = list(responses.stream(body, said))
            heard = next(number for number, frame in enumerate(frames) if b"STOP" in frame)
            await peer.say(STREAM, *map(chunk, frames[: heard + 1]))
            await peer.gone()
            peer.backend.gone.set()

        async with playback(answer) as backend, house([at(backend, "responses")]) as running:
            body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stop": ["STOP"], "stream": stream}
            if stream:
                body["stream_options"] = {"include_usage": True}
            heard = await running.ask("/v1/chat/completions", body)
            if not stream:
                assert heard.json["choices"][0]["message"]["content"].strip() == "one two"
                assert heard.json["choices"][0]["finish_reason"] == "stop"
                told = responses.whole(jsons.read(backend.asked[-1].body), said)["usage"]
                assert heard.json["usage"]["prompt_tokens"] == told["input_tokens"]
                assert heard.json["usage"]["completion_tokens"] == told["output_tokens"]
                return
            await backend.gone.wait()
            choices = [choice for frame in heard.frames for choice in frame["choices"]]
            assert "".join(choice["delta"].get("content") or "" for choice in choices).strip() == "one two"
            assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
            assert heard.frames[-1]["usage"]["completion_tokens"] > 0
            counting = {"model": "m", "max_tokens": 9, "messages": body["messages"]}
            counted = (await running.ask("/v1/messages/count_tokens", counting)).json["input_tokens"]
            assert heard.frames[-1]["usage"]["prompt_tokens"] == counted > 0
            assert heard.body.endswith(b"data: [DONE]\n\n")

    run(main)


def test_a_stop_sequence_for_a_messages_client() -> None:
    async def main() -> None:
        async with playback(says(Words("one two STOP three"))) as backend, house([at(backend, "responses")]) as running:
            body = {
                "model": "m",
                "max_tokens": 9,
                "messages": [{"role": "user", "content": "hi"}],
                "stop_sequences": ["never", "STOP"],
            }
            heard = await running.ask("/v1/messages", body)
            assert heard.json["content"][0]["text"].strip() == "one two"
            assert (heard.json["stop_reason"], heard.json["stop_sequence"]) == ("stop_sequence", "STOP")
            assert heard.json["usage"]["output_tokens"] > 0

    run(main)
