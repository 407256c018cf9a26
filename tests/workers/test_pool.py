"""What comes out of documents and pictures, through real worker processes."""

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from dragoman.hub.problems import Problem
from dragoman.wire import jsons
from dragoman.workers import pool
from dragoman.workers.jobs import Page
from dragoman.workers.pool import Workers
from tests.workers.hands import trade

pytest.importorskip("pypdfium2", reason="needs the extra `pdf`")
Image = pytest.importorskip("PIL.Image", reason="needs the extra `pdf`")
from tests.workers import made  # noqa: E402

T = TypeVar("T")
PDFS: Final = Path(__file__).parent / "pdfs"
TRUTH: Final[dict[str, str]] = jsons.read((PDFS / "truth.json").read_bytes())


def pdf(name: str) -> bytes:
    return (PDFS / f"{name}.pdf").read_bytes()


def run(ask: Callable[[Workers], Awaitable[T]]) -> T:
    async def main() -> T:
        workers = Workers()
        try:
            return await ask(workers)
        finally:
            await workers.close()

    return asyncio.run(main())


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_text_is_the_documents() -> None:
    async def ask(workers: Workers) -> dict[str, str]:
        found = {}
        for name in TRUTH:
            read = await workers.read_pdf(pdf(name))
            assert [page.number for page in read.pages] == list(range(1, read.total + 1))
            assert not any(page.problem or page.scanned for page in read.pages)
            found[name] = squeezed("".join(page.text for page in read.pages))
        return found

    assert run(ask) == {name: squeezed(text) for name, text in TRUTH.items()}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("enc_userpw", "password"),
        ("garbage", "damaged"),
        ("trunc60", "cut off"),
        ("html", "no PDF"),
        ("looptree", "damaged"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, why: str) -> None:
    with pytest.raises(Problem, match=why):
        run(lambda workers: workers.read_pdf(pdf(name)))


def test_a_range_of_pages() -> None:
    assert [page.number for page in run(lambda workers: workers.read_pdf(pdf("twocol"), (2, 9))).pages] == [2]
    with pytest.raises(Problem, match="no page 3, but 2"):
        run(lambda workers: workers.read_pdf(pdf("twocol"), (3, 3)))
    with pytest.raises(Problem, match="no range"):
        run(lambda workers: workers.read_pdf(pdf("twocol"), (2, 1)))


def test_a_page_is_shown_no_larger_than_can_be() -> None:
    plain = run(lambda workers: workers.render_page(pdf("twocol"), 2))
    assert (plain.media_type, plain.width, plain.height) == ("image/png", 1241, 1754)
    assert Image.open(io.BytesIO(plain.data)).size == (1241, 1754)
    huge = run(lambda workers: workers.render_page(pdf("hugepage"), 1, dpi=300))
    assert 1_000 < huge.width * huge.height <= 12_100_000


def quick(**changes: Any) -> Workers:
    """Whose worker for documents is ended soon."""
    return Workers(documents=trade(**changes))


def ask(workers: Workers, act: Callable[[Workers], Awaitable[T]]) -> T:
    async def main() -> T:
        try:
            return await act(workers)
        finally:
            await workers.close()

    return asyncio.run(main())


PLAIN: Final = made.said("a page like others")
ENDLESS: Final = made.document([b"/X0 Do"], forms=made.nested(29))
BOMB: Final = made.bomb(2**30)


def test_a_page_that_is_a_bomb_costs_a_note() -> None:
    read = ask(quick(), lambda workers: workers.read_pdf(made.document([PLAIN, BOMB, PLAIN, PLAIN])))
    assert read.total == 4
    assert [(page.text, page.problem) for page in read.pages] == [
        ("a page like others", ""),
        ("", "it takes more memory than is allowed"),
        ("a page like others", ""),
        ("a page like others", ""),
    ]


def test_after_three_such_pages_the_rest_is_left_out() -> None:
    read = ask(quick(), lambda workers: workers.read_pdf(made.document([BOMB, PLAIN, BOMB, BOMB, PLAIN, PLAIN])))
    assert [page.number for page in read.pages] == [1, 2, 3, 4, 5]
    assert read.pages[1].text == "a page like others"
    assert read.pages[-1].problem.startswith("this page and all after it were left out: too many pages")


def test_a_file_of_5_kb_costs_a_note_and_holds_up_nobody() -> None:
    async def act(workers: Workers) -> None:
        longest = 0.0
        working = asyncio.ensure_future(workers.read_pdf(ENDLESS))
        answered = 0
        while not working.done():
            before = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - before)
            if answered < 5:  # others are served meanwhile
                assert (await workers.read_pdf(made.document([PLAIN]))).pages[0].text == "a page like others"
                answered += 1
        assert len(ENDLESS) < 6_000
        assert (await working).pages == (Page(1, problem="it took too long to read"),)
        assert answered == 5
        assert longest < 0.5  # the cores of the tests are busy

    ask(quick(memory=4_096, cpu=2, workers=2), act)


def test_three_hundred_pages() -> None:
    read = run(lambda workers: workers.read_pdf(made.document([PLAIN] * 300)))
    assert [page.number for page in read.pages] == list(range(1, 301))
    assert {page.text for page in read.pages} == {"a page like others"}


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("_MAX_PAGES", 2, "they are too many"),
        ("_MAX_CHARACTERS", 30, "too long"),
        ("_MAX_SECONDS", 0.0, "took too long"),
    ],
)
def test_what_is_too_much_is_left_out(limit: str, value: float, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, limit, value)
    read = run(lambda workers: workers.read_pdf(made.document([PLAIN] * 5)))
    assert read.total == 5
    assert len(read.pages) < 5
    assert not any(page.problem for page in read.pages[:-1])
    assert read.pages[-1].problem.startswith("this page and all after it were left out: ")
    assert why in read.pages[-1].problem


def test_what_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_MAX_BYTES", 2**20)
    for act in (
        lambda workers: workers.read_pdf(b"x" * (2**20 + 1)),
        lambda workers: workers.render_page(b"x" * (2**20 + 1), 1),
        lambda workers: workers.fit_picture(b"x" * (2**20 + 1), longest_side=9, max_bytes=9),
        lambda workers: workers.read_text(b"x" * (2**20 + 1)),
    ):
        with pytest.raises(Problem, match="larger than 1 MiB"):
            run(act)


def test_a_picture_is_made_to_fit() -> None:
    out = io.BytesIO()
    Image.new("RGB", (900, 300), "red").save(out, "PNG")
    found = run(lambda workers: workers.fit_picture(out.getvalue(), longest_side=300, max_bytes=10**6))
    assert (found.media_type, found.width, found.height) == ("image/png", 300, 100)
    assert Image.open(io.BytesIO(found.data)).size == (300, 100)


def test_without_an_extra_its_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_is_installed", lambda *_: False)
    for act in (
        lambda workers: workers.read_pdf(b""),
        lambda workers: workers.render_page(b"", 1),
        lambda workers: workers.fit_picture(b"", longest_side=9, max_bytes=9),
    ):
        with pytest.raises(Problem, match=r"pip install 'dragoman\[pdf\]'"):
            run(act)


@pytest.mark.parametrize(
    ("packages", "program", "engine", "dpi"),
    [(True, None, "rapidocr", 150), (False, "/bin/tesseract", "tesseract", 200), (False, None, None, 150)],
)
def test_the_engine_is_what_is_installed(
    packages: bool, program: str | None, engine: str | None, dpi: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_is_installed", lambda *_: packages)
    monkeypatch.setattr("shutil.which", lambda _: program)
    workers = Workers()
    assert (workers.ocr_engine, workers.ocr_dpi) == (engine, dpi)


def test_nothing_is_started_and_nothing_imported_before_there_is_work() -> None:
    program = (
        "import asyncio, sys\n"
        "from dragoman.server import app\n"
        "from dragoman.workers.pool import Workers\n"
        "workers = Workers(); workers.ocr_engine; asyncio.run(workers.close())\n"
        "sys.exit(bool({'PIL', 'pypdfium2', 'rapidocr', 'onnxruntime', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
