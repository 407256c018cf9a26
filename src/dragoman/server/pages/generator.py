"""The page that writes the agents' settings. It shows what `agents/` makes; nothing is made in the browser but the key.

Whoever can open the page reads the models' names: that is what the operator has switched on. Places of backends and
keys are nowhere in it. A key that is typed stays in the browser, which puts it where the server has left a mark.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dragoman.agents import AGENTS, BY_NAME
from dragoman.agents.agent import ANY_KEY, KEY_PLACE, Agent, Choice, File
from dragoman.agents.choosing import UnknownModelError, chosen, models_in, with_window
from dragoman.agents.merge import merged
from dragoman.agents.shells import SHELLS, line
from dragoman.config.schema import Config
from dragoman.config.snapshot import ANONYMOUS
from dragoman.hub.problems import Problem
from dragoman.routing.resolve import Router
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.pages import Page
from dragoman.server.status import status_of

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]{1,260}")
_MOST_MODELS: Final = 500
_MOST_TOKENS: Final = 10**9


class Generator:
    """router: knows what the models can do."""

    def __init__(self, router: Router) -> None:
        self._router: Final = router

    @property
    def pages(self) -> Mapping[str, Page]:
        return {
            "/": Page(self._page, _is_on),
            "/generator/choices": Page(self._choices, _is_on),
            "/generator/files": Page(self._files, _is_on, "POST"),
        }

    async def _page(self, browser: Browser) -> None:
        browser.file("generator.html")

    async def _choices(self, browser: Browser) -> None:
        await _demand_known_name(browser)
        status = status_of(browser.snapshot, ANONYMOUS, self._router)
        browser.value(
            {
                "agents": [_about(agent) for agent in AGENTS],
                "models": status["data"],
                "search": status["search"],
                "key_place": KEY_PLACE if browser.snapshot.config.keys else "",
            }
        )

    async def _files(self, browser: Browser) -> None:
        await _demand_known_name(browser)
        said = await browser.said()
        agent = BY_NAME.get(_text(said, "agent"))
        if agent is None:
            raise Problem("bad_request", f"agent: must be one of {', '.join(BY_NAME)}")
        wanted = said.get("models", [])
        if not (
            isinstance(wanted, list) and len(wanted) <= _MOST_MODELS and all(isinstance(one, str) for one in wanted)
        ):
            raise Problem("bad_request", f"models: must be a list of at most {_MOST_MODELS} names")
        choice = self._choice(browser, agent, wanted, said)
        window = said.get("window") if agent.has_window else None
        browser.value(_made(agent, choice, wanted, window))

    def _choice(self, browser: Browser, agent: Agent, wanted: list[str], said: Mapping[str, Any]) -> Choice:
        status = status_of(browser.snapshot, ANONYMOUS, self._router)
        origin, effort = _text(said, "origin"), _text(said, "effort")
        if not _ORIGIN.fullmatch(origin):
            raise Problem("bad_request", "origin: must be the address of this proxy")
        if effort and not effort.isalpha():
            raise Problem("bad_request", "effort: must be a word")
        window = said.get("window")
        if window is not None and (type(window) is not int or not 0 < window <= _MOST_TOKENS):
            raise Problem("bad_request", "window: must be a number of tokens")
        try:
            models, slots = chosen(agent, wanted, models_in(status))
        except UnknownModelError as error:
            raise Problem("bad_request", f"models: {error}") from None
        return Choice(
            origin=origin,
            key=KEY_PLACE if browser.snapshot.config.keys else ANY_KEY,
            models=with_window(models, window if agent.has_window else None),
            slots=slots,
            effort=effort if agent.has_effort else "",
            search=said.get("search") is True and status["search"],
            quiet=said.get("quiet") is not False,
        )


def _is_on(config: Config) -> bool:
    return config.serve_config_generator


async def _demand_known_name(browser: Browser) -> None:
    """Without keys, pages of other sites are refused as they are everywhere: they may come under a name of their own."""
    if not browser.snapshot.config.keys:
        await browser.call.admit(browser.snapshot)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    return value if isinstance(value, str) else ""


def _about(agent: Agent) -> dict[str, Any]:
    return {
        "name": agent.name,
        "title": agent.title,
        "slots": [
            {"name": slot.name, "title": slot.title, "about": slot.about, "optional": slot.optional}
            for slot in agent.slots
        ],
        "several": agent.several,
        "has_effort": agent.has_effort,
        "has_window": agent.has_window,
        "search_by_mcp": agent.search_by_mcp,
    }


def _made(agent: Agent, choice: Choice, wanted: list[str], window: int | None) -> dict[str, Any]:
    file, start = agent.file(choice), agent.start(choice)
    options = [part for name in wanted for part in ("--model", name)]
    options += ["--effort", choice.effort] if choice.effort else []
    options += ["--window", str(window)] if window else []
    options += [] if choice.quiet else ["--no-quiet"]
    place = ("--url", choice.origin)
    return {
        "file": {"path": file.path, "name": file.names[0], "content": merged(file)},
        "scripts": [
            {
                "shell": shell.name,
                "title": shell.title,
                "name": f"start-{agent.name}.{shell.suffix}",
                "run": shell.run.format(name=f"start-{agent.name}.{shell.suffix}"),
                "content": shell.script(start, agent.title),
            }
            for shell in SHELLS
        ],
        "setup": line({}, "dragoman", "setup", agent.name, "--write", *place, *options),
        "launch": line({}, "dragoman", "launch", agent.name, *place, *options[: len(wanted) * 2]),
        "install": f"npm install -g {agent.package}@latest",
        "start": agent.name,
        "notes": [*agent.notes, *file.hindrances.values(), *_by_hand(file)],
    }


def _by_hand(file: File) -> Iterator[str]:
    """What `setup` does by itself to a file that is there already."""
    for name, ours in file.listed.items():
        yield f"If your own file has a list `{name}`, put `{ours}` into it."
    for name, ours in file.barred.items():
        yield f"If your own file has a list `{name}`, leave `{ours}` out of it."
