"""A file that changes, breaks, vanishes and comes back. Nothing here waits for a clock."""

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from dragoman.config.about import About
from dragoman.config.load import load_bytes
from dragoman.config.schema import Config
from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.config.watch import READ_ONCE, Mark, Watch, mark_of

ONE = "models:\n- {name: one, backend: http://a/v1}\n"
TWO = "models:\n- {name: two, backend: http://a/v1}\n"


class Scene:
    """A watched file whose marks the test gives: each `write` is a change, whatever the file system's clock says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.yaml"
        self.mark: Mark | None = None
        self.write(ONE)
        loaded = load_bytes(ONE.encode(), {})
        assert loaded.config is not None
        self.source = ConfigSource(Snapshot.of(loaded.config))
        self.watch = Watch(self.path, self.source, digest=loaded.digest, env={}, look=lambda _path: self.mark)

    def write(self, text: str) -> None:
        self.path.write_text(text)
        self.mark = Mark((self.mark.modified_ns if self.mark else 0) + 1, len(text), 1)

    def settle(self) -> None:
        for _ in range(3):
            self.watch.step()

    @property
    def serving(self) -> str:
        return self.source.current.config.models[0].name


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_nothing_happens_while_nothing_changes(scene: Scene) -> None:
    before = scene.source.current
    scene.settle()
    assert scene.source.current is before


def test_a_change_is_taken_over_once_it_has_settled(scene: Scene) -> None:
    scene.settle()
    scene.write(TWO)
    assert scene.watch.step() is None
    assert scene.serving == "one"
    taken = scene.watch.step()
    assert taken is scene.source.current
    assert scene.serving == "two"
    assert scene.watch.step() is None


def test_half_a_file_is_not_read(scene: Scene) -> None:
    """A file that is still growing may be valid and lack its keys."""
    scene.write("models:\n- {name: half, backend: http://a/v1}\n")
    scene.watch.step()
    scene.write(TWO)
    scene.watch.step()
    assert scene.serving == "one"
    scene.watch.step()
    assert scene.serving == "two"


def test_a_file_written_to_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    marks = iter([Mark(5, 1, 1), Mark(5, 1, 1), Mark(6, 1, 1), Mark(6, 1, 1), Mark(6, 1, 1), Mark(6, 1, 1)])
    scene.path.write_text(TWO)
    watch = Watch(scene.path, scene.source, env={}, look=lambda _path: next(marks))
    assert [watch.step() is None for _ in range(2)] == [True, True]  # the second finds it changed after reading
    assert watch.step() is None
    assert watch.step() is scene.source.current
    assert scene.serving == "two"


def test_a_broken_file_keeps_the_old_one_and_says_why(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.write("models:\n- {nme: two}\nlisten: x\n")
    scene.settle()
    assert scene.serving == "one"
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert any("config.yaml:2: models[0].nme: is not a known field; did you mean name?" in line for line in said)
    assert any("config.yaml:3: listen:" in line for line in said)
    assert said[-1].endswith("not taken over; the configuration stays as it is")
    assert scene.source.findings
    caplog.clear()
    scene.settle()
    assert not caplog.records


def test_a_broken_file_is_told_of_again_when_asked_for(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.write("models: 5")
    scene.settle()
    caplog.clear()
    assert scene.watch.reload() is None
    said = [record.getMessage() for record in caplog.records]
    assert "config.yaml:1: models: " in said[0]
    assert said[-1].endswith("not taken over; the configuration stays as it is")


def test_a_mended_file_is_taken_over(scene: Scene) -> None:
    scene.write("models: 5")
    scene.settle()
    scene.write(TWO)
    scene.settle()
    assert scene.serving == "two"
    assert scene.source.findings == ()


def test_going_back_to_the_first_content_after_a_broken_one_clears_the_findings(scene: Scene) -> None:
    scene.write("models: 5")
    scene.settle()
    scene.write(ONE)
    scene.settle()
    assert (scene.serving, scene.source.findings) == ("one", ())


def test_a_start_says_nothing_of_a_file_that_nobody_touched(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.settle()
    assert not caplog.records


def test_the_same_content_is_no_change(scene: Scene) -> None:
    before = scene.source.current
    scene.write(ONE)
    scene.settle()
    assert scene.source.current is before
    assert scene.watch.reload() is None


def test_a_file_that_is_gone_for_a_moment(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    mark, scene.mark = scene.mark, None
    scene.settle()
    assert not caplog.records
    scene.mark = mark
    scene.write(TWO)
    scene.settle()
    assert scene.serving == "two"


def test_a_file_that_stays_away_is_mentioned_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.mark = None
    for _ in range(30):
        scene.watch.step()
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "the file is gone; the configuration stays as it is"
    ]
    assert scene.watch.reload() is None


def test_a_new_address_needs_a_restart(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.write("listen: 127.0.0.1:9999\n" + TWO)
    scene.settle()
    assert scene.serving == "two"
    assert "127.0.0.1:9999 takes effect after a restart; still listening on 127.0.0.1:8080" in caplog.text


def test_what_else_needs_a_restart_is_told_as_well(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.write("log_metrics: false\nmetrics_token: not-to-be-shown-here\n" + TWO)
    scene.settle()
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    wanted = [f"{name}: the change takes effect after a restart" for name in ("log_metrics", "metrics_token")]
    assert [line.removeprefix(f"{scene.path}: ") for line in said] == wanted


def test_fields_whose_words_ask_for_a_restart_are_those_that_are_read_once() -> None:
    said = {
        name
        for name, kind in get_type_hints(Config, include_extras=True).items()
        if "after a restart" in next((about.text for about in get_args(kind) if isinstance(about, About)), "")
    }
    assert said | {"store"} == {"listen", *READ_ONCE}  # the store's own words say it


def test_real_files_have_marks(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert mark_of(path) is None
    path.write_text(ONE)
    first = mark_of(path)
    assert first == mark_of(path)
    other = tmp_path / "other"
    other.write_text(ONE)
    other.replace(path)
    assert mark_of(path) != first


def test_a_hangup_reads_at_once(scene: Scene) -> None:
    async def hang_up() -> None:
        taken = asyncio.Event()
        watching = asyncio.ensure_future(scene.watch.run(interval=3600, on_swap=lambda _snapshot: taken.set()))
        await asyncio.sleep(0)  # lets the watch begin
        scene.write(TWO)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(taken.wait(), 30)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is another
    try:
        asyncio.run(hang_up())
        assert scene.serving == "two"
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_who_has_changed_the_file_need_not_wait_for_the_next_look(scene: Scene) -> None:
    async def change_and_ask() -> None:
        seen: list[str] = []
        watching = asyncio.ensure_future(
            scene.watch.run(interval=3600, on_swap=lambda _snapshot: seen.append("swapped"))
        )
        scene.write(TWO)
        await asyncio.wait_for(scene.watch.now(), 30)
        assert (scene.serving, seen) == ("two", ["swapped"])
        scene.write("models: 5")
        await asyncio.wait_for(asyncio.gather(scene.watch.now(), scene.watch.now()), 30)
        assert (scene.serving, seen) == ("two", ["swapped"])
        assert scene.source.findings
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(change_and_ask())


def test_the_file_is_looked_at_again_and_again(scene: Scene) -> None:
    async def wait_for_the_change() -> None:
        taken = asyncio.Event()
        watching = asyncio.ensure_future(scene.watch.run(interval=0.001, on_swap=lambda _snapshot: taken.set()))
        scene.write(TWO)
        await asyncio.wait_for(taken.wait(), 30)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(wait_for_the_change())
    assert scene.serving == "two"


def test_watching_works_where_signals_cannot_be_heard(scene: Scene) -> None:
    """Only the main thread hears signals; a server run in another one still reads its file."""

    async def watch_a_little() -> None:
        taken = asyncio.Event()
        watching = asyncio.ensure_future(scene.watch.run(interval=0.001, on_swap=lambda _snapshot: taken.set()))
        scene.write(TWO)
        await asyncio.wait_for(taken.wait(), 30)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    async def elsewhere() -> None:
        await asyncio.to_thread(asyncio.run, watch_a_little())

    asyncio.run(elsewhere())
    assert scene.serving == "two"
