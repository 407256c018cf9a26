"""Compaction: by the backend that knows how, else by a summary in an envelope that only this proxy opens."""

import asyncio
from typing import Any, Final

import openresponses_types as spec
import pytest

from dragoman.protocols.seals import PREFIX
from dragoman.wire import jsons
from tests.agents.script import Call, Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    NOBODY,
    SECRETS,
    Answer,
    Heard,
    House,
    house,
    model,
    origin,
    playback,
    replies,
    responses_body,
    run,
    says,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer

SUMMARY: Final = "He wants a bridge. The plan is in plan.txt."
HISTORY: Final[list[Any]] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Build a bridge."}]},
    {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "nothing there"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I looked."}]},
    {"type": "message", "role": "user", "content": "Go on."},
]
TRIGGER: Final = {"type": "compaction_trigger"}
TOOL: Final = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
NATIVE: Final = {
    "id": "resp_native",
    "object": "response.compaction",
    "created_at": 1,
    "output": [{"type": "compaction", "id": "cmp_native", "encrypted_content": "gAAAA-theirs"}],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}

streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def at(backend: Backend, type_: str = "openai", name: str = "m") -> dict[str, Any]:
    return model(name, f"{origin(backend)}/v1", type=type_)


def native(compacts: bytes, *said: Words) -> Answer:
    """A Responses backend; `compacts` is what its own endpoint answers."""
    answers = says(*said or (Words(SUMMARY),))

    async def answer(peer: Peer, asked: Asked) -> None:
        if "/compact " in asked.line:
            await peer.say(compacts)
        else:
            await answers(peer, asked)

    return answer


async def compacted(running: House, items: Any = HISTORY, name: str = "m", **more: Any) -> Heard:
    return await running.ask("/v1/responses/compact", {"model": name, "input": items, **more})


def sent(backend: Backend) -> Any:
    return jsons.read(backend.asked[-1].body)


def test_the_summary_is_written_by_the_model_and_read_on_the_next_request() -> None:
    async def main() -> None:
        async with playback(says(Words(SUMMARY))) as backend, house([at(backend)]) as running:
            heard = await compacted(running, instructions="Be brief.", tools=[TOOL])
            assert heard.status == 200, heard.body
            said = heard.json
            assert said["id"].startswith("resp_")
            assert said["object"] == "response.compaction"
            assert isinstance(said["created_at"], int)
            assert {"input_tokens", "input_tokens_details", "output_tokens", "total_tokens"} <= set(said["usage"])
            # What the user said stays word for word.
            messages = said["output"][:-1]
            assert [item["content"][0]["text"] for item in messages] == ["Build a bridge.", "Go on."]
            assert len({item["id"] for item in messages}) == 2
            spec.CompactResource.model_validate(said)
            item = said["output"][-1]
            assert (item["type"], item["id"][:4]) == ("compaction", "cmp_")
            assert item["encrypted_content"].startswith(PREFIX)
            assert SUMMARY not in heard.body.decode()

            asked = sent(backend)
            assert asked["messages"][-1]["role"] == "user"
            assert "handover note" in asked["messages"][-1]["content"]
            assert "tools" not in asked
            assert not asked.get("stream")

            again = [*said["output"], {"role": "user", "content": "And now?"}]
            assert (await running.ask("/v1/responses", responses_body(input=again))).status == 200
            text = jsons.write_text(sent(backend)["messages"])
            assert f"[summary of the earlier conversation]\\n{SUMMARY}" in text
            assert PREFIX not in text

            # A conversation that was compacted once is so again: the summary is part of what is summed up.
            second = (await compacted(running, again)).json["output"]
            assert SUMMARY in jsons.write_text(sent(backend)["messages"])
            assert [each["type"] for each in second if each["type"] == "compaction"] == ["compaction"]

    run(main)


def test_a_string_is_what_the_user_said() -> None:
    async def main() -> None:
        async with playback(says(Words(SUMMARY))) as backend, house([at(backend)]) as running:
            heard = await compacted(running, "Build a bridge.")
            said = heard.json["output"][0]
            assert (said["role"], said["content"]) == ("user", [{"type": "input_text", "text": "Build a bridge."}])

    run(main)


def test_an_earlier_response_is_compacted_by_its_id() -> None:
    async def main() -> None:
        async with playback(says(Words(SUMMARY))) as backend, house([at(backend)]) as running:
            first = (await running.ask("/v1/responses", responses_body(input="Build a bridge."))).json["id"]
            heard = await running.ask("/v1/responses/compact", {"model": "m", "previous_response_id": first})
            assert heard.status == 200, heard.body
            assert [item["type"] for item in heard.json["output"]] == ["message", "compaction"]
            unknown = await running.ask("/v1/responses/compact", {"model": "m", "previous_response_id": "resp_x"})
            assert (unknown.status, unknown.error["code"]) == (400, "previous_response_not_found")

    run(main)


@streamed
def test_a_trigger_at_the_end_is_answered_with_the_item(stream: bool) -> None:
    async def main() -> None:
        async with playback(says(Words(SUMMARY))) as backend, house([at(backend)]) as running:
            body = responses_body(input=[*HISTORY, TRIGGER], tools=[TOOL], tool_choice="required", stream=stream)
            heard = await running.ask("/v1/responses", body)
            response = heard.frames[-1]["response"] if stream else heard.json
            assert response["status"] == "completed"
            assert response["usage"]["total_tokens"] > 0
            (item,) = response["output"]
            assert item["type"] == "compaction"
            if stream:
                # Codex sees only what is said of items that are done.
                done = [frame["item"] for frame in heard.frames if frame["type"] == "response.output_item.done"]
                assert done == [item]
                assert [frame["sequence_number"] for frame in heard.frames] == list(range(len(heard.frames)))
            again = [*HISTORY[:1], item, {"role": "user", "content": "And now?"}]
            assert (await running.ask("/v1/responses", responses_body(input=again))).status == 200
            assert SUMMARY in jsons.write_text(sent(backend)["messages"])

    run(main)


@pytest.mark.parametrize("kind", ["compaction", "compaction_summary"])
@pytest.mark.parametrize("held", ["gAAAA-theirs", f"{PREFIX}YQ.YQ", PREFIX, None, 7])
def test_what_another_service_compacted_is_refused_with_advice(kind: str, held: Any) -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as backend, house([at(backend)]) as running:
            items = [{"type": kind, "id": "cmp_x", "encrypted_content": held}, *HISTORY[-1:]]
            for path in ("/v1/responses", "/v1/responses/compact", "/v1/responses/input_tokens"):
                heard = await running.ask(path, responses_body(input=items))
                assert (heard.status, heard.error["code"]) == (400, "invalid_prompt"), path
                assert heard.error["param"] == "input[0]"
                assert "compact again" in heard.error["message"]
            assert backend.asked == []

    run(main)


@pytest.mark.parametrize(("family", "status"), [("dragoman", 200), ("openai", 400)])
def test_what_another_dragoman_compacted_goes_back_to_it(family: str, status: int) -> None:
    async def main() -> None:
        inner = {"type": "responses", "profile": {"family": family}}
        async with playback(says(Words("yes"))) as backend, house([at(backend) | inner]) as running:
            items = [{"type": "compaction", "id": "cmp_x", "encrypted_content": f"{PREFIX}YQ.YQ"}, *HISTORY[-1:]]
            assert (await running.ask("/v1/responses", responses_body(input=items))).status == status
            assert [f"{PREFIX}YQ.YQ".encode() in asked.body for asked in backend.asked] == [True] * (status == 200)

    run(main)


def test_a_lenient_model_goes_on_without_what_another_service_compacted() -> None:
    async def main() -> None:
        theirs = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA-theirs"}
        async with playback(says(Words("yes"))) as backend:
            async with house([{**at(backend), "on_loss": "lenient"}]) as running:
                heard = await running.ask("/v1/responses", responses_body(input=[theirs, *HISTORY]))
            assert heard.status == 200, heard.body
            assert "gAAAA" not in backend.asked[-1].body.decode()
            assert "input[0]" in heard.headers["x-dragoman-loss"]

    run(main)


@streamed
def test_a_backend_that_refuses_the_trigger_is_asked_for_a_summary(stream: bool) -> None:
    """vLLM's Responses know no such item, and Codex gives a session up that cannot be compacted."""
    refusal = whole({"error": {"message": "input.5.type: 'compaction_trigger' is not valid", "code": 400}}, 400)
    answers = says(Words(SUMMARY))

    async def answer(peer: Peer, asked: Asked) -> None:
        if b"compaction_trigger" in asked.body:
            await peer.say(refusal)
        else:
            await answers(peer, asked)

    async def main() -> None:
        async with playback(answer) as backend, house([at(backend, "responses")]) as running:
            body = responses_body(input=[*HISTORY, TRIGGER], stream=stream, store=False)
            heard = await running.ask("/v1/responses", body)
            assert heard.status == 200, heard.body
            said = heard.frames[-1]["response"] if stream else heard.json
            (item,) = said["output"]
            assert item["type"] == "compaction"
            assert item["encrypted_content"].startswith(PREFIX)

    run(main)


def test_other_refusals_of_what_holds_a_trigger_are_told() -> None:
    """One that stands in the middle asks for nothing."""
    refusal = whole({"error": {"message": "no such item", "code": 400}}, 400)

    async def main() -> None:
        async with playback(replies(refusal)) as backend, house([at(backend, "responses")]) as running:
            heard = await running.ask("/v1/responses", responses_body(input=[TRIGGER, *HISTORY], store=False))
            assert (heard.status, len(backend.asked)) == (400, 1)

    run(main)


def test_a_model_that_writes_no_summary_is_told_of() -> None:
    async def main() -> None:
        async with playback(says(Call("look", {}))) as backend, house([at(backend)]) as running:
            heard = await compacted(running)
            assert heard.status == 502
            assert "summary" in heard.error["message"]

    run(main)


def writes(*ends: str) -> Answer:
    """A Chat backend whose answers end so, the last of them again and again; one that is cut off has used up its room."""
    left = list(ends)

    async def answer(peer: Peer, asked: Asked) -> None:
        end = left.pop(0) if len(left) > 1 else left[0]
        message = {"role": "assistant", "content": SUMMARY if end == "stop" else "He wants a"}
        usage = {"prompt_tokens": 100, "completion_tokens": 6000, "total_tokens": 6100}
        await peer.say(whole({"choices": [{"index": 0, "message": message, "finish_reason": end}], "usage": usage}))

    return answer


async def _by_endpoint(running: House, **more: Any) -> Heard:
    return await compacted(running, **more)


async def _by_trigger(running: House, **more: Any) -> Heard:
    return await running.ask("/v1/responses", responses_body(input=[*HISTORY, TRIGGER], **more))


either_way: Final = pytest.mark.parametrize("ask", [_by_endpoint, _by_trigger], ids=["endpoint", "trigger"])


@either_way
def test_a_summary_is_as_long_as_it_has_to_be(ask: Any) -> None:
    """Limits of answers are not meant for it: neither the client's nor the model's default."""

    async def main() -> None:
        async with playback(writes("stop")) as backend:
            config = {**at(backend), "defaults": {"max_new_tokens": 50, "temperature": 0.5}}
            async with house([config]) as running:
                heard = await ask(running, max_output_tokens=20)
                assert heard.status == 200, heard.body
            asked = sent(backend)
            assert (asked["temperature"], asked.keys() & {"max_tokens", "max_completion_tokens"}) == (0.5, set())

    run(main)


@either_way
def test_a_summary_that_was_cut_off_is_written_once_more_with_more_room(ask: Any) -> None:
    async def main() -> None:
        async with playback(writes("length", "stop")) as backend, house([at(backend)]) as running:
            heard = await ask(running)
            assert heard.status == 200, heard.body
            first, second = (jsons.read(asked.body) for asked in backend.asked)
            assert second == {**first, "max_tokens": 12000}
            assert heard.json["usage"]["output_tokens"] == 12000  # of both
            again = [heard.json["output"][-1], {"role": "user", "content": "And now?"}]
            assert (await running.ask("/v1/responses", responses_body(input=again))).status == 200
            assert SUMMARY in jsons.write_text(sent(backend)["messages"])

    run(main)


@either_way
@pytest.mark.parametrize(("end", "times"), [("length", 2), ("content_filter", 1)])
def test_half_a_summary_is_none(ask: Any, end: str, times: int) -> None:
    async def main() -> None:
        async with playback(writes(end)) as backend, house([at(backend)]) as running:
            heard = await ask(running)
            assert (heard.status, len(backend.asked)) == (502, times)
            assert "cut off" in heard.error["message"]

    run(main)


def test_a_backend_that_knows_how_compacts_itself() -> None:
    async def main() -> None:
        async with (
            playback(native(whole(NATIVE))) as backend,
            house([at(backend, "responses")]) as running,
        ):
            heard = await compacted(running, instructions="Be brief.")
            assert heard.json == NATIVE
            assert backend.asked[0].line == "POST /v1/responses/compact HTTP/1.1"
            assert sent(backend) == {"model": "backend-m", "input": HISTORY, "instructions": "Be brief."}
            # Its compaction is its own: it goes back as it came.
            items = [*NATIVE["output"], *HISTORY[-1:]]  # type: ignore[misc]
            assert (await running.ask("/v1/responses", responses_body(input=items))).status == 200
            assert sent(backend)["input"] == items

    run(main)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_backend_without_that_endpoint_is_asked_for_a_summary(status: int) -> None:
    async def main() -> None:
        async with (
            playback(native(whole({"error": {"message": "no such page"}}, status))) as backend,
            house([at(backend, "responses")]) as running,
        ):
            heard = await compacted(running)
            assert heard.json["output"][-1]["encrypted_content"].startswith(PREFIX)
            assert [asked.line.split()[1] for asked in backend.asked] == ["/v1/responses/compact", "/v1/responses"]

    run(main)


def test_what_the_backend_says_against_it_is_told() -> None:
    async def main() -> None:
        refusal = whole({"error": {"message": "too long a conversation sk-backend-1", "type": "bad"}}, 400)
        async with playback(native(refusal)) as backend, house([at(backend, "responses")]) as running:
            heard = await compacted(running)
            assert heard.status == 400
            assert "too long a conversation" in heard.error["message"]
            assert not any(secret in heard.body for secret in SECRETS)

    run(main)


def test_no_envelope_of_ours_reaches_a_backend_that_compacts_itself() -> None:
    """The client has switched models: what it brings back was summed up by another."""

    async def main() -> None:
        async with (
            playback(says(Words(SUMMARY))) as foreign,
            playback(native(whole(NATIVE), Words("a new summary"))) as own,
            house([at(foreign), at(own, "responses", "n")]) as running,
        ):
            first = (await compacted(running)).json["output"]
            heard = await compacted(running, first, "n")
            assert heard.status == 200, heard.body
            assert PREFIX.encode() not in b"".join(asked.body for asked in own.asked)
            assert SUMMARY.encode() in own.asked[-1].body
            assert heard.json["output"][-1]["encrypted_content"].startswith(PREFIX)

    run(main)


def test_a_backends_own_compaction_passes_beside_an_envelope_of_ours() -> None:
    async def main() -> None:
        async with (
            playback(says(Words(SUMMARY))) as foreign,
            playback(native(whole(NATIVE))) as own,
            house([at(foreign), at(own, "responses", "n")]) as running,
        ):
            ours = (await compacted(running)).json["output"][-1]
            theirs = NATIVE["output"][0]  # type: ignore[index]
            heard = await running.ask("/v1/responses", responses_body("n", input=[ours, theirs, *HISTORY[-1:]]))
            assert heard.status == 200, heard.body
            items = sent(own)["input"]
            assert theirs in items
            assert SUMMARY in jsons.write_text(items)

    run(main)


def test_the_summary_is_asked_for_with_the_whole_conversation() -> None:
    """Calls and results are part of it, though no tool is offered."""

    async def main() -> None:
        async with playback(says(Words(SUMMARY))) as backend, house([at(backend)]) as running:
            await compacted(running)
            heard = chat.read(sent(backend))
            assert not heard.complaints
            assert heard.results == {"call_1": "nothing there"}
            assert heard.tools == ()

    run(main)


def test_a_backend_that_fails_fails_the_compaction() -> None:
    async def main() -> None:
        down = replies(whole({"error": {"message": "on fire"}}, 500))
        async with playback(down) as backend, house([at(backend)]) as running:
            assert (await compacted(running)).status >= 500
            for stream in (False, True):
                heard = await running.ask("/v1/responses", responses_body(input=[*HISTORY, TRIGGER], stream=stream))
                assert heard.status >= 500

    run(main)


def test_who_waits_for_a_summary_is_kept_company() -> None:
    async def main() -> None:
        writing, written = asyncio.Event(), asyncio.Event()
        answer = says(Words(SUMMARY))

        async def slow(peer: Peer, asked: Asked) -> None:
            writing.set()
            await written.wait()
            await answer(peer, asked)

        async with playback(slow) as backend, house([at(backend)]) as running, running.talk() as line:
            await line.say("/v1/responses", responses_body(input=[*HISTORY, TRIGGER], stream=True))
            await writing.wait()
            running.pulse()
            assert b"200" in await line.head()
            assert b"response.created" in await line.chunk()
            written.set()
            pieces = []
            while piece := await line.chunk():
                pieces.append(piece)
            said = b"".join(pieces)
            assert said.count(b"event: response.created") == 0
            assert b'"type":"compaction"' in said
            assert b"response.completed" in said

    run(main)


def test_another_backend_compacts_where_one_is_away() -> None:
    async def main() -> None:
        async with (
            playback(native(whole(NATIVE))) as backend,
            house([model("m", NOBODY, f"{origin(backend)}/v1", type="responses")]) as running,
        ):
            for number in range(8):  # conversations, of which some would come to the one that is away first
                assert (await compacted(running, prompt_cache_key=str(number))).json == NATIVE

    run(main)
