"""The administration: only for who has logged in, and what it changes is what the file says and what is served."""

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.config.load import load_file
from dragoman.config.schema import Config
from tests.gateway.stage import HELLO, NOBODY, Heard, House, chat_body, house, model, origin, playback, run, says

PASSWORD: Final = "correct horse"
KEYS: Final = [{"name": "ann", "key": "sk-aaaaaaaaaaaaaaaa"}, {"name": "bob", "key": "sk-bbbbbbbbbbbbbbbb"}]
GETS: Final = ("data", "file")
POSTS: Final = (
    "keys/add",
    "keys/rotate",
    "keys/allow",
    "keys/revoke",
    "models/add",
    "models/remove",
    "models/try",
    "backends/change",
    "file/check",
    "file/save",
)


class Inside:
    """Somebody who has logged in."""

    def __init__(self, running: House, path: Path, cookie: str) -> None:
        self.running: Final = running
        self.path: Final = path
        self._headers: Final = {"cookie": cookie}

    async def get(self, what: str) -> Any:
        heard = await self.running.ask(f"/admin/{what}", method="GET", headers=self._headers)
        assert heard.status == 200, heard.body
        return heard.json

    async def post(self, what: str, said: Any) -> Heard:
        return await self.running.ask(f"/admin/{what}", said, headers=self._headers)

    async def done(self, what: str, said: Any) -> Any:
        heard = await self.post(what, said)
        assert heard.status == 200, heard.body
        return heard.json

    async def refused(self, what: str, said: Any) -> str:
        before = self.path.read_bytes()
        heard = await self.post(what, said)
        assert heard.status == 400, heard.body
        assert self.path.read_bytes() == before
        message: str = heard.error["message"]
        return message

    @property
    def file(self) -> Config:
        loaded = load_file(self.path, {})
        assert loaded.config is not None, loaded.findings
        return loaded.config

    @property
    def served(self) -> Config:
        return self.running.gateway.config.current.config


@contextlib.asynccontextmanager
async def inside(folder: Path, *models: Any, **config: Any) -> AsyncIterator[Inside]:
    path = folder / "config.yaml"
    content = {"admin_password": PASSWORD, "keys": KEYS, "listen": "127.0.0.1:0", "data_dir": "none", **config}
    async with house(models or [model("m", NOBODY), model("n", NOBODY)], path, **content) as running:
        heard = await running.ask("/admin/login", {"password": PASSWORD})
        assert heard.status == 200
        yield Inside(running, path, heard.headers["set-cookie"].partition(";")[0])


def test_nobody_sees_or_changes_anything_without_the_password(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            before = admin.path.read_bytes()
            assert b"Log in" in (await admin.running.ask("/admin", method="GET")).body
            for headers in ({}, {"cookie": "dragoman-admin=made-up"}, {"authorization": "Bearer sk-aaaaaaaaaaaaaaaa"}):
                for path in GETS:
                    assert (await admin.running.ask(f"/admin/{path}", method="GET", headers=headers)).status == 401
                for path in POSTS:
                    assert (await admin.running.ask(f"/admin/{path}", {"name": "ann"}, headers=headers)).status == 401
            assert (await admin.running.ask("/admin/login", {"password": "wrong"})).status == 401
            assert admin.path.read_bytes() == before

    run(main)


def test_pages_of_others_change_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            evil = {**admin._headers, "origin": "http://evil.example"}
            for path in POSTS:
                assert (await admin.running.ask(f"/admin/{path}", {"name": "ann"}, headers=evil)).status == 403

    run(main)


@pytest.mark.parametrize("config", [{}, {"usage_dashboard": True, "usage_dashboard_password": PASSWORD}])
def test_without_a_password_of_its_own_there_is_no_such_page(config: dict[str, Any]) -> None:
    """go-llm-proxy takes the dashboard's: who may look at the usage could then change everything."""

    async def main() -> None:
        async with house([model("m", NOBODY)], **config) as running:
            for path in ("/admin", "/admin/data", "/admin/login"):
                assert (await running.ask(path, method="GET")).status == 404
            assert (await running.ask("/admin/login", {"password": PASSWORD})).status == 404

    run(main)


def test_a_key_is_made_restricted_renewed_and_revoked(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            made = await admin.done("keys/add", {"name": "eve", "models": ["m"]})
            assert not made["is_first"]
            opens = {"authorization": f"Bearer {made['key']}"}
            listed = await admin.running.ask("/v1/models", method="GET", headers=opens)
            assert [one["id"] for one in listed.json["data"]] == ["m"]
            await admin.done("keys/allow", {"name": "eve", "models": []})
            listed = await admin.running.ask("/v1/models", method="GET", headers=opens)
            assert [one["id"] for one in listed.json["data"]] == ["m", "n"]
            renewed = await admin.done("keys/rotate", {"name": "eve"})
            assert (await admin.running.ask("/v1/models", method="GET", headers=opens)).status == 401
            opens = {"authorization": f"Bearer {renewed['key']}"}
            assert (await admin.running.ask("/v1/models", method="GET", headers=opens)).status == 200
            await admin.done("keys/revoke", {"name": "eve"})
            assert (await admin.running.ask("/v1/models", method="GET", headers=opens)).status == 401
            assert admin.file.keys == admin.served.keys
            assert renewed["key"] not in admin.path.read_text()

    run(main)


def test_a_model_is_added_tried_and_removed(tmp_path: Path) -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as backend, inside(tmp_path) as admin:
            await admin.done("models/add", {"name": "new", "url": origin(backend), "type": "openai"})
            came = await admin.done("models/try", {"name": "new"})
            assert (came["is_answered"], came["text"]) == (True, "hello there")
            me = {"authorization": "Bearer sk-aaaaaaaaaaaaaaaa"}
            assert (await admin.running.ask("/v1/chat/completions", chat_body("new"), headers=me)).status == 200
            assert [one["name"] for one in (await admin.get("data"))["models"]] == ["m", "n", "new"]
            await admin.done("models/remove", {"name": "new"})
            assert (await admin.running.ask("/v1/chat/completions", chat_body("new"), headers=me)).status == 404

    run(main)


def test_a_backend_is_taken_out_of_service_and_put_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path, model("m", NOBODY, "http://127.0.0.1:10/v1")) as admin:
            await admin.done("backends/change", {"model": "m", "number": 1, "in_service": False, "weight": 4})
            assert [backend.url for backend in admin.served.models[0].in_service] == [NOBODY]
            data = await admin.get("data")
            assert [one["in_service"] for one in data["models"][0]["backends"]] == [True, False]
            await admin.done("backends/change", {"model": "m", "number": 1, "in_service": True, "max_inflight": 2})
            second = admin.served.models[0].in_service[1]
            assert (second.weight, second.max_inflight) == (4, 2)

    run(main)


@pytest.mark.parametrize(
    ("what", "said", "word"),
    [
        ("keys/add", {"name": "ann"}, "a key for ann already"),
        ("keys/add", {"name": ""}, "no name"),
        ("keys/add", {"name": "x", "models": ["zzz"]}, "there is no model 'zzz'"),
        ("keys/add", {"name": 5}, "$.name"),
        ("keys/add", {}, "name"),
        ("keys/add", [], "must be a JSON object"),
        ("keys/rotate", {"name": "an"}, "did you mean ann?"),
        ("keys/allow", {"name": "ann", "models": ["zzz"]}, "there is no model 'zzz'"),
        ("keys/revoke", {"name": "zzz"}, "there is no key for 'zzz'"),
        ("models/add", {"name": "m", "url": NOBODY}, "m"),
        ("models/add", {"name": "x", "url": "ftp://x"}, "must begin with http:// or https://"),
        ("models/add", {"name": "x", "url": NOBODY, "type": "bedrok"}, "$.type"),
        ("models/remove", {"name": "x"}, "there is no model 'x'"),
        ("backends/change", {"model": "m", "number": 0, "in_service": False}, "all are disabled"),
        ("backends/change", {"model": "m", "number": 0, "weight": "1"}, "$.weight"),
        ("backends/change", {"model": "m", "number": 7, "weight": 1}, "no backend 8"),
        ("file/save", {"text": "", "version": "of another day"}, "has changed meanwhile"),
    ],
)
def test_what_cannot_be_is_refused_in_clear_words(what: str, said: Any, word: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            assert word in await admin.refused(what, said)

    run(main)


def test_the_file_is_shown_without_secrets_checked_and_saved(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            shown = await admin.get("file")
            for secret in (PASSWORD, "sk-aaaaaaaaaaaaaaaa", "sk-backend"):
                assert secret not in shown["text"]
                assert secret in admin.path.read_text()
            edited = {**shown, "text": shown["text"].replace('"keys"', '"aliases": {"short": "m"}, "keys"')}
            assert await admin.done("file/check", edited) == {"is_sound": True, "findings": [], "after_restart": []}
            assert admin.served.aliases == {}
            assert (await admin.done("file/save", edited))["is_sound"]
            assert admin.served.aliases == {"short": "m"}
            assert admin.served.keys == admin.file.keys
            assert [key.key.reveal() for key in admin.served.keys] == [key["key"] for key in KEYS]

    run(main)


def test_mistakes_are_shown_with_their_lines_and_the_old_file_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            before = admin.path.read_bytes()
            shown = await admin.get("file")
            said = await admin.done("file/save", {**shown, "text": "\nmodles: 1\n"})
            assert not said["is_sound"]
            assert (said["findings"][0]["path"], said["findings"][0]["line"]) == ("modles", 2)
            assert "did you mean models?" in said["findings"][0]["message"]
            assert admin.path.read_bytes() == before

    run(main)


def test_what_takes_effect_after_a_restart_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            shown = await admin.get("file")
            text = shown["text"].replace('"listen":"127.0.0.1:0"', '"listen":"127.0.0.1:9","usage_days":3')
            said = await admin.done("file/save", {**shown, "text": text})
            assert said["after_restart"] == ["listen", "usage_days"]

    run(main)


def test_a_file_that_is_too_large_is_edited_elsewhere(tmp_path: Path) -> None:
    """`max_body_mb` is not about it."""

    async def main() -> None:
        async with inside(tmp_path) as admin:
            shown = await admin.get("file")
            heard = await admin.post("file/save", {**shown, "text": "#" * 2**20})
            assert (heard.status, "max_body_mb" in heard.error["message"]) == (413, False)
            assert "where it lies" in heard.error["message"]

    run(main)


def test_a_file_that_somebody_else_has_broken_is_told_of_and_not_touched(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            assert (await admin.get("data"))["is_taken_over"]
            admin.path.write_text("models: 5\n")
            watch = admin.running.app._watch
            assert watch is not None
            await watch.now()
            data = await admin.get("data")
            assert (data["is_taken_over"], data["findings"][0]["path"]) == (False, "models")
            assert [one["name"] for one in data["models"]] == ["m", "n"]
            assert "models" in await admin.refused("keys/add", {"name": "eve"})

    run(main)


def test_nothing_is_told_as_done_in_a_file_that_is_not_taken_over(tmp_path: Path) -> None:
    """A variable may be set elsewhere, as for the command; here it is the proxy itself that misses it."""

    async def main() -> None:
        async with inside(tmp_path) as admin:
            new = {"name": "new", "url": NOBODY, "api_key": "${NOWHERE_SET}"}
            assert "NOWHERE_SET is not set" in await admin.refused("models/add", new)
            admin.path.write_text(admin.path.read_text().replace(PASSWORD, "${NOWHERE_SET}"))
            watch = admin.running.app._watch
            assert watch is not None
            await watch.now()
            assert "NOWHERE_SET is not set" in await admin.refused("keys/revoke", {"name": "ann"})

    run(main)


def test_a_new_password_ends_the_sessions_of_the_old_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(tmp_path) as admin:
            shown = await admin.get("file")
            text = re.sub(r'"admin_password":[^,]+', f'"admin_password":"new-{PASSWORD}"', shown["text"])
            await admin.done("file/save", {**shown, "text": text})
            assert (await admin.post("keys/revoke", {"name": "ann"})).status == 401
            assert (await admin.running.ask("/admin/login", {"password": f"new-{PASSWORD}"})).status == 200

    run(main)


def test_without_a_file_there_is_something_to_see_and_nothing_to_change() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], admin_password=PASSWORD) as running:
            heard = await running.ask("/admin/login", {"password": PASSWORD})
            cookie = {"cookie": heard.headers["set-cookie"].partition(";")[0]}
            data = (await running.ask("/admin/data", method="GET", headers=cookie)).json
            assert (data["file"], [one["name"] for one in data["models"]]) == (None, ["m"])
            for path in ("file/save", "keys/add"):
                heard = await running.ask(f"/admin/{path}", {"name": "x", "text": "", "version": ""}, headers=cookie)
                assert (heard.status, "--config" in heard.error["message"]) == (400, True)

    run(main)
