"""What is known of a coding agent: what it is asked to choose, what it reads, and how it is started."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

# How a file is written: JSON that may hold comments, or TOML.
Form = Literal["json", "toml"]
# What stands for a key that is put in later, by whoever has it.
KEY_PLACE = "PUT-YOUR-KEY-HERE"
# The variable that holds the key, for agents that are told of a variable.
KEY_VARIABLE = "DRAGOMAN_KEY"
# What agents are given where no key is demanded: they want one.
ANY_KEY = "dragoman"
PROVIDER = "dragoman"


class Model(Struct, frozen=True):
    """A model as agents have to know it; None = not known.

    context_window, max_output: tokens. reasons: it can be asked to think. efforts: in which degrees, if in any.
    """

    name: str
    context_window: int | None = None
    max_output: int | None = None
    vision: bool | None = None
    reasons: bool | None = None
    efforts: tuple[str, ...] = ()


class Choice(Struct, frozen=True, kw_only=True):
    """What an agent is to be connected to.

    origin: of the proxy, without a path. models: at least one; the first is what the agent starts with.
    slots: slot -> model, where it is not the first. effort: "" = the agent's own. search: the proxy searches the web.
    quiet: the agent talks to nobody but the proxy, as far as it can be told so.
    """

    origin: str
    key: str
    models: tuple[Model, ...]
    slots: Mapping[str, str] = {}
    effort: str = ""
    search: bool = False
    quiet: bool = True

    @property
    def main(self) -> Model:
        return self.models[0]

    def at(self, slot: str) -> str:
        """The name of the model for a slot."""
        return self.slots.get(slot, self.main.name)

    def known(self, name: str) -> Model:
        return next((model for model in self.models if model.name == name), Model(name))


class Slot(Struct, frozen=True):
    """A place for a model. about: what the agent uses it for. optional: what is not chosen is not said."""

    name: str
    title: str
    about: str
    optional: bool = False


class File(Struct, frozen=True):
    """A file that the agent reads. values: what has to stand in it, beside whatever else does.

    folder: with `~` for the user's home, unless the variable `moved_by` names another. names: those that the agent
    reads there; the first one that exists, or else the first. listed: what the lists of these names at the top have to
    hold as well; a list that is not there lets everything through. barred: what such lists must not hold. cleared: what
    must not stand in TOML beside the values, name -> the same for what is in it, None = all of it. strict: the agent
    reads JSON to the letter, and of a file with comments nothing. hindrances: keys at the top of TOML with which the
    agent does not come to us, and the remedy in words.
    """

    folder: str
    names: tuple[str, ...]
    form: Form
    values: Mapping[str, Any]
    moved_by: str = ""
    moved_to: str = ""
    listed: Mapping[str, str] = {}
    barred: Mapping[str, str] = {}
    cleared: Mapping[str, Any] = {}
    strict: bool = False
    hindrances: Mapping[str, str] = {}

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.names[0]}"


class Overlay(Struct, frozen=True):
    """Settings for one run, in a file of their own. The agent is told its path by a variable or by an option."""

    values: Mapping[str, Any]
    variable: str = ""
    option: str = ""


class Start(Struct, frozen=True):
    """How the agent is started on the proxy without a change to any of its files."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    overlay: Overlay | None = None


class Agent(Struct, frozen=True):
    """name: as commands take it. title: as people call it. package: on npm. connect: one line of a POSIX shell.

    several: it is told of any number of models, and lets the user choose. search: it reaches the proxy's search by MCP.
    has_effort, has_window: it is told how hard to think, and what window its model has.
    """

    name: str
    title: str
    package: str
    slots: tuple[Slot, ...]
    file: Callable[[Choice], File]
    start: Callable[[Choice], Start]
    connect: Callable[[Choice], str]
    notes: tuple[str, ...] = ()
    several: bool = False
    has_effort: bool = False
    has_window: bool = False
    search_by_mcp: bool = False
