"""What a backend is told of images and documents that it cannot read, through the whole house and in every dialect."""

import asyncio
import base64
import io
from typing import Any, Final

import msgspec
import pytest
from PIL import Image

from dragoman.gateway.prepare import wants
from dragoman.hub.pipeline import Pipeline
from dragoman.hub.request import Dialect
from dragoman.hub.route import Backend as RouteBackend
from dragoman.hub.route import Profile, Route, Secret
from dragoman.routing.needs import needs_of
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.gateway.stage import (
    HELLO,
    NOBODY,
    Answer,
    House,
    chat_body,
    house,
    messages_body,
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
from tests.processors.making import made_pdf

EYES: Final[dict[str, Any]] = {"processors": {"vision": "eyes", "ocr": "none"}}
DESCRIBED: Final = "<image_description>\nhello there\n</image_description>"


def png(colour: str = "red") -> str:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


RED: Final = png()
PDF: Final = base64.b64encode(made_pdf("Native text of a page, which is long enough.")).decode()

# An image and a document in each dialect, said by the user and by a tool.
MESSAGES_IMAGE: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": RED}}
MESSAGES_PDF: Final[dict[str, Any]] = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
    "title": "a.pdf",
}
CHAT_IMAGE: Final = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{RED}"}}
CHAT_PDF: Final = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
RESPONSES_IMAGE: Final = {"type": "input_image", "image_url": f"data:image/png;base64,{RED}"}
RESPONSES_PDF: Final = {
    "type": "input_file",
    "filename": "a.pdf",
    "file_data": f"data:application/pdf;base64,{PDF}",
}


def messages_asking(*blocks: Any, by_tool: bool = False, **more: Any) -> dict[str, Any]:
    if not by_tool:
        return messages_body(messages=[{"role": "user", "content": list(blocks)}], **more)
    call = {"type": "tool_use", "id": "toolu_1", "name": "shot", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": list(blocks)}
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": [call]}]
    return messages_body(messages=[*said, {"role": "user", "content": [result]}], **more)


def chat_asking(*parts: Any, by_tool: bool = False, **more: Any) -> dict[str, Any]:
    if not by_tool:
        return chat_body(messages=[{"role": "user", "content": list(parts)}], **more)
    call = {"id": "call_1", "type": "function", "function": {"name": "shot", "arguments": "{}"}}
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    return chat_body(messages=[*said, {"role": "tool", "tool_call_id": "call_1", "content": list(parts)}], **more)


def responses_asking(*parts: Any, by_tool: bool = False, **more: Any) -> dict[str, Any]:
    if not by_tool:
        return responses_body(input=[{"type": "message", "role": "user", "content": list(parts)}], **more)
    call = {"type": "function_call", "call_id": "call_1", "name": "shot", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": list(parts)}
    return responses_body(input=[{"type": "message", "role": "user", "content": "go"}, call, result], **more)


CLIENTS: Final[dict[str, Any]] = {
    "messages": ("/v1/messages", messages_asking, MESSAGES_IMAGE, MESSAGES_PDF),
    "chat": ("/v1/chat/completions", chat_asking, CHAT_IMAGE, CHAT_PDF),
    "responses": ("/v1/responses", responses_asking, RESPONSES_IMAGE, RESPONSES_PDF),
}
BACKENDS: Final = {"messages": "anthropic", "chat": "openai", "responses": "responses"}
clients = pytest.mark.parametrize("client", CLIENTS)


def at(backend: Backend, name: str = "m", type_: str = "openai", **more: Any) -> dict[str, Any]:
    return model(name, origin(backend) + ("" if type_ == "anthropic" else "/v1"), type=type_, **more)


def blind(backend: Backend, type_: str = "openai", **more: Any) -> dict[str, Any]:
    return at(backend, type_=type_, supports_vision=False, **more)


def told(backend: Backend, number: int = -1) -> str:
    """The request a backend was sent, as text in which nothing is escaped."""
    return "\n".join(_strings(jsons.read(backend.asked[number].body)))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _strings(each)]


async def asked(running: House, client: str, body: dict[str, Any]) -> None:
    heard = await running.ask(CLIENTS[client][0], body)
    assert (heard.status, heard.broken) == (200, False), heard.body


@pytest.mark.parametrize("backend_type", BACKENDS)
@pytest.mark.parametrize("reads", [False, True], ids=["is read for it", "reads"])
def test_a_file_that_another_backend_has_fetched_goes_along(backend_type: str, *, reads: bool) -> None:
    """As Claude does, before a session moves from it."""
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_fetch", "input": {"url": "https://x.example"}}
    page = {"type": "web_fetch_result", "url": "https://x.example", "content": MESSAGES_PDF}
    result = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_1", "content": page}
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": [call, result]}]
    body = messages_body(messages=[*said, {"role": "user", "content": "and?"}])

    async def main() -> None:
        async with playback(says(*HELLO)) as texts:
            knows = {"profile": {"files": True}} if reads else {"supports_vision": False}
            models = [at(texts, type_=BACKENDS[backend_type], **knows), model("eyes", NOBODY)]
            async with house(models, **EYES) as running:
                heard = await running.ask("/v1/messages", body)
                assert (heard.status, heard.headers.get("x-dragoman-loss")) == (200, None)
                assert ("Native text of a page" in told(texts), PDF in told(texts)) == (not reads, reads)

    run(main)


@clients
@pytest.mark.parametrize("backend_type", BACKENDS)
@pytest.mark.parametrize("by_tool", [False, True], ids=["user", "tool"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_dialect_is_read_for_every_backend(
    client: str, backend_type: str, *, by_tool: bool, stream: bool
) -> None:
    async def main() -> None:
        _, asking, image, document = CLIENTS[client]
        async with playback(says(*HELLO)) as texts, playback(says(*HELLO)) as eyes:
            models = [blind(texts, BACKENDS[backend_type]), at(eyes, "eyes")]
            async with house(models, **EYES) as running:
                await asked(running, client, asking(image, document, by_tool=by_tool, stream=stream))
                said = told(texts)
                assert DESCRIBED in said
                assert '<pdf_content filename="a.pdf" source="text" pages="1 of 1">' in said
                assert "Native text of a page" in said
                assert RED not in said
                assert PDF not in said
                assert len(eyes.asked) == 1
                sent = jsons.read(eyes.asked[0].body)
                assert sent["model"] == "backend-eyes"
                assert sent["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")

    run(main)


@clients
def test_what_the_backend_can_read_passes_untouched(client: str) -> None:
    async def main() -> None:
        _, asking, image, document = CLIENTS[client]
        type_ = BACKENDS[client]
        async with playback(says(*HELLO)) as sees, playback(says(*HELLO)) as eyes:
            more: dict[str, Any] = {"profile": {"family": "openai"}} if type_ == "openai" else {}
            able = at(sees, type_=type_, supports_vision=True, **more)
            async with house([able, at(eyes, "eyes")], **EYES) as running:
                body = asking(image, document)
                await asked(running, client, body)
                assert jsons.read(sees.asked[0].body) == {**body, "model": "backend-m"}
                assert eyes.asked == []

    run(main)


def test_a_request_without_them_is_relayed() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts, house([blind(texts)]) as running:
            odd = chat_body(
                tools=[{"type": "function", "function": {"name": "f", "parameters": {"image_url": "file"}}}]
            )
            await asked(running, "chat", {**odd, "unheard_of": [1]})
            assert jsons.read(texts.asked[0].body)["unheard_of"] == [1]

    run(main)


def test_the_vision_model_is_asked_in_its_own_dialect_and_the_next_one_if_it_fails() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as texts,
            playback(replies(whole({"error": {"message": "busy"}}, 503))) as ill,
            playback(says(Words("seen by the second"))) as well,
        ):
            two = model("eyes", origin(ill), origin(well), type="anthropic")
            async with house([blind(texts), two], **EYES) as running:
                for colour in ("red", "green", "blue"):  # whichever comes first
                    url = f"data:image/png;base64,{png(colour)}"
                    await asked(running, "chat", chat_asking({"type": "image_url", "image_url": {"url": url}}))
                    assert "seen by the second" in told(texts)
                assert well.asked[0].line.startswith("POST /v1/messages")

    run(main)


def test_a_failed_description_is_a_note_and_the_request_goes_on() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts, house([blind(texts), model("eyes", NOBODY)], **EYES) as running:
            for _ in range(2):
                await asked(running, "messages", messages_asking(MESSAGES_IMAGE))
            first, second = told(texts, 0), told(texts, 1)
            assert "[an image stood here that could not be read: " in first
            assert first == second
            assert "127.0.0.1" not in first

    run(main)


def test_what_stays_unread_is_a_loss() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts:
            strict = {**blind(texts, on_loss="strict"), "name": "strict"}
            async with house([blind(texts), strict, model("eyes", NOBODY)], **EYES) as running:
                heard = await running.ask("/v1/messages", messages_asking(MESSAGES_IMAGE))
                assert heard.headers["x-dragoman-loss"] == "messages[0]"
                refused = await running.ask("/v1/messages", {**messages_asking(MESSAGES_IMAGE), "model": "strict"})
                assert refused.status == 400
                assert "an image could not be read" in refused.error["message"]

    run(main)


def test_no_document_fills_the_models_window() -> None:
    async def main() -> None:
        long = base64.b64encode(made_pdf("x" * 900, "y" * 900)).decode()
        document = {**MESSAGES_PDF, "source": {**MESSAGES_PDF["source"], "data": long}}
        async with playback(says(*HELLO)) as texts, house([blind(texts, context_window=500)]) as running:
            await asked(running, "messages", messages_asking(document))
            assert ("x" * 900 in told(texts), "y" * 101 in told(texts)) == (True, False)
            assert "[page 2 is cut here: 800 more characters of it are left out]" in told(texts)

    run(main)


def test_a_waiting_client_is_kept_company() -> None:
    async def main() -> None:
        looking, seen = asyncio.Event(), asyncio.Event()
        answer = says(*HELLO)

        async def slow(peer: Peer, asking: Asked) -> None:
            looking.set()
            await seen.wait()
            await answer(peer, asking)

        async with (
            playback(answer) as texts,
            playback(slow) as eyes,
            house([blind(texts), at(eyes, "eyes")], **EYES) as running,
            running.talk() as line,
        ):
            await line.say("/v1/messages", messages_asking(MESSAGES_IMAGE, stream=True))
            await looking.wait()
            running.pulse()
            assert b"200" in await line.head()
            assert b"message_start" in await line.chunk()  # the status has left, and the answer has begun
            seen.set()
            pieces = []
            while piece := await line.chunk():
                pieces.append(piece)
            assert b"message_stop" in b"".join(pieces)
            assert DESCRIBED in told(texts)

    run(main)


def test_an_impatient_client_finds_the_description_when_it_comes_back() -> None:
    async def main() -> None:
        looking, seen = asyncio.Event(), asyncio.Event()
        answer = says(*HELLO)

        async def slow(peer: Peer, asking: Asked) -> None:
            looking.set()
            await seen.wait()
            await answer(peer, asking)

        async with (
            playback(answer) as texts,
            playback(slow) as eyes,
            house([blind(texts), at(eyes, "eyes")], **EYES) as running,
        ):
            async with running.talk() as line:
                await line.say("/v1/messages", messages_asking(MESSAGES_IMAGE, stream=True))
                await looking.wait()
            seen.set()
            await asked(running, "messages", messages_asking(MESSAGES_IMAGE))
            assert DESCRIBED in told(texts)
            assert len(eyes.asked) == 1

    run(main)


def test_who_waits_for_a_description_keeps_nobody_from_the_backend() -> None:
    async def main() -> None:
        looking, seen = asyncio.Event(), asyncio.Event()
        answer = says(*HELLO)

        async def slow(peer: Peer, asking: Asked) -> None:
            looking.set()
            await seen.wait()
            await answer(peer, asking)

        async with playback(answer) as texts, playback(slow) as eyes:
            one_at_a_time = {"url": f"{origin(texts)}/v1", "max_inflight": 1}
            models = [{**blind(texts), "backends": [one_at_a_time]}, at(eyes, "eyes")]
            async with house(models, **EYES) as running, running.talk() as line:
                await line.say("/v1/messages", messages_asking(MESSAGES_IMAGE, stream=True))
                await looking.wait()
                await asked(running, "messages", messages_asking({"type": "text", "text": "no image"}))
                seen.set()
                assert (await line.heard()).status == 200
                assert DESCRIBED in told(texts)

    run(main)


def test_what_only_one_backend_cannot_read_is_read_for_that_one() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts, playback(says(*HELLO)) as sees, playback(says(*HELLO)) as eyes:
            both = model("m", f"{origin(texts)}/v1", f"{origin(sees)}/v1")
            async with house([both, at(eyes, "eyes")], **EYES) as running:
                await asked(running, "chat", chat_asking({"type": "text", "text": "hello"}))
                running.gateway.knowledge.teach(f"{origin(sees)}/v1", "backend-m", {"vision": True})
                texts.asked.clear()
                sees.asked.clear()
                for number in range(24):  # of conversations, each of which has its backend
                    await asked(running, "chat", chat_asking(CHAT_IMAGE, {"type": "text", "text": f"{number}"}))
            assert len(texts.asked) + len(sees.asked) == 24
            assert all(DESCRIBED in told(texts, number) for number in range(len(texts.asked)))
            assert all(RED in told(sees, number) for number in range(len(sees.asked)))
            assert texts.asked
            assert sees.asked

    run(main)


def test_a_loss_is_told_also_where_a_refusal_has_taught_something() -> None:
    async def main() -> None:
        answer, refused = says(*HELLO), whole({"error": {"message": "temperature is not supported"}}, 400)

        async def choosy(peer: Peer, asking: Asked) -> None:
            await (peer.say(refused) if b"temperature" in asking.body else answer(peer, asking))

        async with playback(choosy) as texts, house([blind(texts), model("eyes", NOBODY)], **EYES) as running:
            heard = await running.ask("/v1/messages", messages_asking(MESSAGES_IMAGE, temperature=0.5))
            assert heard.status == 200
            assert len(texts.asked) == 2
            assert "messages[0]" in heard.headers["x-dragoman-loss"].split(", ")

    run(main)


def test_a_backend_that_stands_in_is_asked_as_it_can_read() -> None:
    async def main() -> None:
        async with (
            playback(replies(whole({"error": {"message": "busy"}}, 503))) as ill,
            playback(says(*HELLO)) as well,
            playback(says(*HELLO)) as eyes,
        ):
            both = model("m", f"{origin(ill)}/v1", f"{origin(well)}/v1", supports_vision=False)
            async with house([both, at(eyes, "eyes")], **EYES) as running:
                for _ in range(4):
                    await asked(running, "chat", chat_asking(CHAT_IMAGE))
                assert all(DESCRIBED in told(well, number) for number in range(len(well.asked)))
                assert len(eyes.asked) == 1

    run(main)


def test_tokens_are_counted_of_what_the_backend_is_told() -> None:
    async def main() -> None:
        counting: Answer = replies(whole({"input_tokens": 7}))
        async with (
            playback(counting) as texts,
            playback(says(*HELLO)) as eyes,
            house([blind(texts, "anthropic"), at(eyes, "eyes")], **EYES) as running,
        ):
            body = messages_asking(MESSAGES_IMAGE, MESSAGES_PDF, tools=[])
            del body["max_tokens"]
            heard = await running.ask("/v1/messages/count_tokens", body)
            assert heard.json == {"input_tokens": 7}
            said = jsons.read(texts.asked[0].body)
            assert said.keys() == body.keys()
            assert DESCRIBED in told(texts)

    run(main)


def test_a_summary_is_made_of_what_can_be_read() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as texts,
            playback(says(*HELLO)) as eyes,
            house([blind(texts), at(eyes, "eyes")], **EYES) as running,
        ):
            heard = await running.ask("/v1/responses/compact", responses_asking(RESPONSES_IMAGE))
            assert heard.status == 200
            assert DESCRIBED in told(texts)
            counted = await running.ask("/v1/responses/input_tokens", responses_asking(RESPONSES_IMAGE))
            assert counted.json["input_tokens"] < 200

    run(main)


def test_what_was_read_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as texts,
            playback(says(*HELLO)) as eyes,
            house([blind(texts), at(eyes, "eyes")], **EYES) as running,
        ):
            await asked(running, "messages", messages_asking(MESSAGES_IMAGE, MESSAGES_PDF))

    with caplog.at_level("INFO"):
        run(main)
    entries = [record.entry.fields() for record in caplog.records if hasattr(record, "entry")]
    theirs, ours = entries
    assert (theirs["path"], theirs["model"], theirs["parent"], theirs["status"]) == ("vision", "eyes", ours["id"], 200)
    assert (ours["images"], ours["pages"], ours["reused"], ours["rail"]) == (1, 1, 0, "translate")
    assert "1 images and 1 pages put into text" in caplog.text


def route(pipeline: Pipeline, dialect: Dialect, **known: Any) -> Route:
    backend = RouteBackend("http://b", Secret(""), dialect, Profile(**known))
    backend = msgspec.structs.replace(backend, needs=needs_of(pipeline, backend))
    return Route(model="m", backend_model="m", backends=(backend,), pipeline=pipeline)


@pytest.mark.parametrize(
    ("dialect", "body", "wanted"),
    [
        ("anthropic-messages", messages_asking(MESSAGES_IMAGE), True),
        ("anthropic-messages", messages_asking(MESSAGES_PDF, by_tool=True), True),
        ("openai-chat", chat_asking(CHAT_IMAGE), True),
        ("openai-chat", chat_asking(CHAT_PDF), True),
        ("openai-responses", responses_asking(RESPONSES_IMAGE, by_tool=True), True),
        ("openai-responses", responses_asking(RESPONSES_PDF), True),
        ("openai-chat", chat_body(), False),
        ("openai-chat", chat_asking({"type": "text", "text": '{"type": "image_url"}'}), False),
        ("openai-chat", chat_body(tools=[{"properties": {"file": {"type": "string"}}}]), False),
    ],
)
def test_it_is_seen_in_the_bytes_whether_there_is_anything_to_read(
    dialect: Dialect, body: dict[str, Any], *, wanted: bool
) -> None:
    cannot = route(Pipeline(vision="eyes"), dialect, vision=False)
    able = route(Pipeline(vision="eyes"), dialect, vision=True, files=True)
    assert wants(jsons.write(body), dialect, cannot) == wanted
    assert not wants(jsons.write(body), dialect, able)
