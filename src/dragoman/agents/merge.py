"""A file of an agent with our values in it, and everything else as it was."""

from dragoman.agents import jsonc
from dragoman.agents.agent import File

_IDENTITY = "id"  # of the entries that a list may hold beside ours: Qwen Code's models


def merged(file: File, text: str = "") -> str:
    """text: what the file holds now. Raise UnreadableError if that is not of the file's form."""
    if file.form == "json":
        return jsonc.merged(text, file.values, _IDENTITY, file.listed, file.barred)
    from dragoman.agents import toml  # noqa: PLC0415 - a library that a running proxy seldom needs

    return toml.merged(toml.without(text, file.cleared), file.values)


def hindrances(file: File, text: str) -> tuple[str, ...]:
    """The remedies for what stands in the text and keeps the agent from our values."""
    if not file.hindrances:
        return ()
    from dragoman.agents import toml  # noqa: PLC0415 - as above

    return tuple(remedy for key, remedy in file.hindrances.items() if toml.says(text, key))
