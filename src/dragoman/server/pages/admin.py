"""The administration at `/admin`: models, backends and keys, and the configuration file as a whole.

What is changed here is changed in the file, and taken over from there as if an editor had saved it: there is no second
place where the truth could be. Whoever is in can do what the user can that the proxy runs as may do to that file.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from dragoman.config import key_edits, model_edits, rewrite
from dragoman.config.edit import EditError
from dragoman.config.findings import has_errors, render_findings
from dragoman.config.load import Loaded
from dragoman.config.model_edits import BackendChange, NewModel
from dragoman.config.schema import Config
from dragoman.config.snapshot import ConfigSource
from dragoman.config.variables import expand
from dragoman.hub.problems import Problem, bad_request
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.entrance import Entrance
from dragoman.server.pages.logins import Logins
from dragoman.server.pages.overview import Overview, findings_of
from dragoman.server.pages.pages import Page
from dragoman.server.pages.trial import Trial

T = TypeVar("T")

HOME: Final = "/admin"
_LARGEST_FILE: Final = 2**20  # bytes
_SECONDS: Final = 10.0  # to wait until a change is taken over
_log: Final = logging.getLogger("dragoman.server")


class ConfigFile(Struct, frozen=True):
    """The file that may be changed. env: the environment it is read in. read_now: has it taken over.

    after_restart: fields of which a configuration says what takes effect after a restart only.
    """

    path: Path
    env: Mapping[str, str]
    read_now: Callable[[], Awaitable[None]]
    after_restart: Callable[[Config], list[str]]


class _KeySaid(Struct, frozen=True):
    name: str
    models: tuple[str, ...] = ()


class _ModelSaid(Struct, frozen=True):
    name: str


class _BackendSaid(BackendChange, frozen=True, kw_only=True):
    """model, number: which one; counted from 0."""

    model: str
    number: int


class _FileSaid(Struct, frozen=True):
    text: str
    version: str


class AdminPages:
    """file: None = there is none, and nothing to be changed. ask: a model of this name, a short question."""

    def __init__(
        self,
        config: ConfigSource,
        file: ConfigFile | None,
        overview: Overview,
        ask: Callable[[str], Awaitable[Trial]],
        logins: Logins,
    ) -> None:
        self._config: Final = config
        self._file: Final = file
        self._overview: Final = overview
        self._ask: Final = ask
        self._entrance: Final = Entrance(HOME, logins, lambda settings: settings.admin_password, _is_open)

    def pages(self) -> Mapping[str, Page]:
        gets = {"data": self._data, "file": self._show}
        posts = {
            "keys/add": self._add_key,
            "keys/rotate": self._rotate_key,
            "keys/allow": self._allow_models,
            "keys/revoke": self._revoke_key,
            "models/add": self._add_model,
            "models/remove": self._remove_model,
            "models/try": self._try_model,
            "backends/change": self._change_backend,
            "file/check": self._check,
            "file/save": self._save,
        }
        return {
            HOME: Page(self._home, _is_open),
            **self._entrance.pages(),
            **{f"{HOME}/{path}": Page(self._inside(visit), _is_open) for path, visit in gets.items()},
            **{f"{HOME}/{path}": Page(self._inside(visit), _is_open, "POST") for path, visit in posts.items()},
        }

    def _inside(self, visit: Callable[[Browser], Awaitable[None]]) -> Callable[[Browser], Awaitable[None]]:
        """For who has logged in. What cannot be done to the file is told as what was asked wrongly."""

        async def answer(browser: Browser) -> None:
            self._entrance.demand(browser)
            try:
                await visit(browser)
            except EditError as error:
                raise Problem("bad_request", str(error)) from None

        return answer

    async def _home(self, browser: Browser) -> None:
        browser.file("admin.html" if self._entrance.knows(browser) else "login.html")

    async def _data(self, browser: Browser) -> None:
        findings = self._config.findings
        browser.value(
            {
                **self._overview.of(browser.snapshot.config),
                "file": str(self._file.path) if self._file else None,
                "has_usage": browser.snapshot.config.usage_dashboard,
                "is_taken_over": not has_errors(findings),
                "findings": findings_of(findings),
            }
        )

    async def _add_key(self, browser: Browser) -> None:
        said = await _said(browser, _KeySaid)
        made = await self._edited(lambda file: key_edits.add_key(file.path, said.name, said.models, file.env))
        _log.info("administration: a key was added for %r", said.name)
        browser.value({"key": made.key.reveal(), "is_first": made.first})

    async def _rotate_key(self, browser: Browser) -> None:
        said = await _said(browser, _KeySaid)
        made = await self._edited(lambda file: key_edits.rotate_key(file.path, said.name, file.env))
        _log.info("administration: %r has a new key", said.name)
        browser.value({"key": made.key.reveal(), "is_first": False})

    async def _allow_models(self, browser: Browser) -> None:
        said = await _said(browser, _KeySaid)
        await self._edited(lambda file: key_edits.allow_models(file.path, said.name, said.models, file.env))
        _log.info("administration: what the key of %r may use was changed", said.name)
        browser.value({"ok": True})

    async def _revoke_key(self, browser: Browser) -> None:
        said = await _said(browser, _KeySaid)
        await self._edited(lambda file: key_edits.revoke_key(file.path, said.name, file.env))
        _log.info("administration: the key of %r was revoked", said.name)
        browser.value({"ok": True})

    async def _add_model(self, browser: Browser) -> None:
        said = await _said(browser, NewModel)
        _demand_variables(said.api_key, self._demand_file().env)
        await self._edited(lambda file: model_edits.add_model(file.path, said, file.env))
        _log.info("administration: the model %r was added", said.name)
        browser.value({"ok": True})

    async def _remove_model(self, browser: Browser) -> None:
        said = await _said(browser, _ModelSaid)
        await self._edited(lambda file: model_edits.remove_model(file.path, said.name, file.env))
        _log.info("administration: the model %r was taken out", said.name)
        browser.value({"ok": True})

    async def _try_model(self, browser: Browser) -> None:
        said = await _said(browser, _ModelSaid)
        browser.value(msgspec.structs.asdict(await self._ask(said.name)))

    async def _change_backend(self, browser: Browser) -> None:
        said = await _said(browser, _BackendSaid)
        await self._edited(lambda file: model_edits.change_backend(file.path, said.model, said.number, said, file.env))
        _log.info("administration: backend %d of the model %r was changed", said.number + 1, said.model)
        browser.value({"ok": True})

    async def _show(self, browser: Browser) -> None:
        shown = await asyncio.to_thread(rewrite.show, self._demand_file().path)
        browser.value({"text": shown.text, "version": shown.version})

    async def _check(self, browser: Browser) -> None:
        said = await _said(browser, _FileSaid)
        file = self._demand_file()
        _tell(browser, file, await asyncio.to_thread(rewrite.check, file.path, said.text, said.version, file.env))

    async def _save(self, browser: Browser) -> None:
        said = await _said(browser, _FileSaid)
        loaded = await self._changed(lambda file: rewrite.save(file.path, said.text, said.version, file.env))
        if loaded.config is not None:
            _log.info("administration: the configuration file was saved")
        _tell(browser, self._demand_file(), loaded)

    async def _edited(self, change: Callable[[ConfigFile], T]) -> T:
        """Change one thing in a file that is taken over: in one that is not, a key that is revoked would still open."""
        errors = [finding for finding in self._config.findings if finding.level == "error"]
        if errors:
            found = render_findings(errors, str(self._demand_file().path))
            raise EditError(f"the file has mistakes and is not taken over: mend it first. {found}")
        return await self._changed(change)

    async def _changed(self, change: Callable[[ConfigFile], T]) -> T:
        """Change the file beside the requests, and have it taken over."""
        file = self._demand_file()
        done = await asyncio.to_thread(change, file)
        with contextlib.suppress(TimeoutError):  # it is written, and will be taken over
            async with asyncio.timeout(_SECONDS):
                await file.read_now()
        return done

    def _demand_file(self) -> ConfigFile:
        if self._file is None:
            raise Problem("bad_request", "there is no configuration file: start the proxy with --config to have one")
        return self._file


def _is_open(config: Config) -> bool:
    return bool(config.admin_password)


async def _said(browser: Browser, kind: type[T]) -> T:
    try:
        return msgspec.convert(await browser.said(_LARGEST_FILE), kind)
    except Problem as problem:
        if problem.kind != "too_large":
            raise
        most = _LARGEST_FILE >> 20
        raise Problem("too_large", f"this is more than {most} MiB: edit a file of that size where it lies") from None
    except msgspec.ValidationError as error:
        raise bad_request("body", str(error)) from None


def _demand_variables(text: str, env: Mapping[str, str]) -> None:
    """Raise EditError for a variable that is not set: the file would not be taken over."""
    try:
        expand(text, env)
    except ValueError as error:
        raise EditError(str(error)) from None


def _tell(browser: Browser, file: ConfigFile, loaded: Loaded) -> None:
    later = file.after_restart(loaded.config) if loaded.config else []
    findings = findings_of(loaded.findings)
    browser.value({"is_sound": loaded.config is not None, "findings": findings, "after_restart": later})
