"""Images and documents through the official SDKs, read by the real workers for backends that cannot read them."""

import base64
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.wire import jsons
from tests.agents.script import Words
from tests.conformance.test_sdks import anthropic_client, openai_client
from tests.gateway.stage import HELLO, Answer, House, house, model, origin, playback, run, says, whole
from tests.net.scripted import Asked, Backend, Peer
from tests.processors.making import made_pdf, picture, scanned_pdf

PDFS: Final = Path(__file__).parents[1] / "workers" / "pdfs"
TYPED: Final = made_pdf("A page with text of its own, quite enough of it.")
SCAN: Final = scanned_pdf("Recognised from a scan\nwithout any model")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(text: str) -> bytes:
    made = io.BytesIO()
    picture(text, (900, 300)).save(made, "PNG")
    return made.getvalue()


async def by_anthropic(running: House, pdf: bytes, *, by_tool: bool = False, url: str = "") -> None:
    source: dict[str, Any] = {"type": "base64", "media_type": "application/pdf", "data": encoded(pdf)}
    document: Any = {"type": "document", "source": {"type": "url", "url": url} if url else source, "title": "a.pdf"}
    said: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "read it"}, document]}]
    if by_tool:
        call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [document]}
        said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": [call]}]
        said.append({"role": "user", "content": [result]})
    async with anthropic_client(running) as client:
        await client.messages.create(model="m", max_tokens=99, messages=said)


async def by_anthropics_tool(running: House, pdf: bytes) -> None:
    await by_anthropic(running, pdf, by_tool=True)


async def by_chat(running: House, pdf: bytes) -> None:
    file: Any = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{encoded(pdf)}"}
    said: Any = [{"role": "user", "content": [{"type": "file", "file": file}]}]
    async with openai_client(running) as client:
        await client.chat.completions.create(model="m", messages=said)


async def by_chats_image(running: House, pdf: bytes) -> None:
    """Qwen Code and others say a PDF like this."""
    url = {"url": f"data:application/pdf;base64,{encoded(pdf)}"}
    said: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]
    async with openai_client(running) as client, client.chat.completions.stream(model="m", messages=said) as stream:
        await stream.get_final_completion()


async def by_responses(running: House, pdf: bytes) -> None:
    file = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{encoded(pdf)}"}
    said: Any = [{"role": "user", "content": [file]}]
    async with openai_client(running) as client:
        await client.responses.create(model="m", input=said)


async def by_responses_tool(running: House, pdf: bytes) -> None:
    file = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{encoded(pdf)}"}
    call = {"type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{}"}
    said: Any = ["go", call, {"type": "function_call_output", "call_id": "call_1", "output": [file]}]
    said[0] = {"role": "user", "content": "go"}
    async with openai_client(running) as client, client.responses.stream(model="m", input=said) as stream:
        await stream.get_final_response()


Way = Callable[[House, bytes], Awaitable[None]]
WAYS: Final[tuple[Way, ...]] = (
    by_anthropic, by_anthropics_tool, by_chat, by_chats_image, by_responses, by_responses_tool,
)  # fmt: skip


def told(backend: Backend) -> str:
    """All text of the last request, its white space made even."""
    return " ".join(_text(jsons.read(backend.asked[-1].body)).split())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return "\n".join(map(_text, inside))


def read_for(answer: Answer, check: Callable[[House, Backend], Awaitable[None]], **config: Any) -> None:
    async def main() -> None:
        async with playback(answer) as backend:
            blind = model("m", f"{origin(backend)}/v1", supports_vision=False)
            async with house([blind], **config) as running:
                await check(running, backend)

    run(main)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_say_a_pdf(way: Way) -> None:
    async def check(running: House, backend: Backend) -> None:
        await way(running, TYPED)
        assert 'source="text" pages="1 of 1"' in told(backend)
        assert "A page with text of its own, quite enough of it." in told(backend)
        assert encoded(TYPED)[:40] not in told(backend)

    read_for(says(*HELLO), check)


def test_a_scan_is_recognised_without_any_model() -> None:
    async def check(running: House, backend: Backend) -> None:
        await by_anthropic(running, SCAN)
        assert 'source="ocr" pages="1 of 1"' in told(backend)
        assert "Recognised from a scan without any model" in told(backend)
        await by_responses(running, SCAN)
        assert "Recognised from a scan without any model" in told(backend)

    read_for(says(*HELLO), check)


def test_a_mixed_document_is_read_page_by_page() -> None:
    """The layout service reads its scans here, since OCR has its own test and takes its time."""

    async def answer(peer: Peer, asked: Asked) -> None:
        pages = {"layoutParsingResults": [{"markdown": {"text": "# Read by the service"}}]}
        service = whole({"errorCode": 0, "result": pages})
        await (peer.say(service) if "layout-parsing" in asked.line else says(*HELLO)(peer, asked))

    async def main() -> None:
        async with playback(answer) as backend:
            blind = model("m", f"{origin(backend)}/v1", supports_vision=False)
            layout = {"paddleocr": {"backends": [origin(backend)]}}
            async with house([blind], documents=layout) as running:
                await by_chat(running, joined(TYPED, SCAN))
                assert 'source="mixed" pages="1-2 of 2"' in told(backend)
                assert "--- page 1 --- A page with text of its own, quite enough of it." in told(backend)
                assert "--- page 2 --- # Read by the service" in told(backend)

    run(main)


def joined(*documents: bytes) -> bytes:
    import pypdfium2  # noqa: PLC0415 - in no other test

    made, out = pypdfium2.PdfDocument.new(), io.BytesIO()
    for document in documents:
        made.import_pages(pypdfium2.PdfDocument(document))
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("enc_userpw", "it is protected with a password"),
        ("garbage", "it is damaged"),
        ("looptree", "it is damaged"),
        ("trunc60", "it is damaged, or was cut off"),
        ("html", "it is no PDF"),
    ],
)
@pytest.mark.parametrize("way", [by_anthropics_tool, by_chat, by_responses])
def test_a_document_that_cannot_be_read_is_a_note(way: Way, name: str, why: str) -> None:
    async def check(running: House, backend: Backend) -> None:
        pdf = (PDFS / f"{name}.pdf").read_bytes()
        await way(running, b"%PDF-1.4\n" + pdf if name == "html" else pdf)
        assert "stood here and could not be read: " in told(backend)
        assert why in told(backend) or name == "html"

    read_for(says(*HELLO), check)


def test_images_of_tools_are_read_without_any_model() -> None:
    async def check(running: House, backend: Backend) -> None:
        shot = png("error: expected ';' before 'return' in main.c, line 12")
        url = f"data:image/png;base64,{encoded(shot)}"
        call = {"type": "function_call", "call_id": "call_1", "name": "view_image", "arguments": "{}"}
        result = {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": [{"type": "input_image", "image_url": url}],
        }
        said: Any = [{"role": "user", "content": "go"}, call, result]
        async with openai_client(running) as client:
            await client.responses.create(model="m", input=said)
        assert "<page_text>" in told(backend)
        assert "in main.c" in told(backend)

    read_for(says(Words("I see")), check)
