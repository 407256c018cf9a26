"""The configuration file as a whole, as a person edits it in a browser: shown without its secrets, checked, saved."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.config.edit import EditError, keep, why
from dragoman.config.findings import Findings, render_findings
from dragoman.config.load import Loaded, load_bytes
from dragoman.config.nodes import read_tree
from dragoman.config.replace import holding
from dragoman.config.veil import VeilError, unveiled, veiled

_BOM: Final = "\ufeff"


class Shown(NamedTuple):
    """text: without its secrets. version: tells this content of the file from any other."""

    text: str
    version: str


def show(path: Path) -> Shown:
    """The file as it may be shown. Raise EditError, also for one of which nobody can say where its secrets are."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EditError(f"{path}: {why(error)}") from None
    return Shown(veiled(_text(data, path)), _version(data))


def check(path: Path, edited: str, version: str, env: Mapping[str, str]) -> Loaded:
    """What is to be said of the edited text, and what it would say. Raise EditError."""
    try:
        return load_bytes(_unveiled(edited, path.read_bytes(), path, version), env)
    except OSError as error:
        raise EditError(f"{path}: {why(error)}") from None


def save(path: Path, edited: str, version: str, env: Mapping[str, str]) -> Loaded:
    """The same, and write it if it is sound. Raise EditError, also if the file is not the one that was edited."""
    try:
        with holding(path) as real:
            before = real.read_bytes()
            after = _unveiled(edited, before, path, version)
            loaded = load_bytes(after, env)
            if loaded.config is not None and after != before:
                keep(real, before, after)
            return loaded
    except OSError as error:
        raise EditError(f"{path}: {why(error)}") from None


def _unveiled(edited: str, data: bytes, path: Path, version: str) -> bytes:
    """The file that was edited, with its line breaks: browsers know one kind."""
    if version != _version(data):
        raise EditError(f"{path}: has changed meanwhile: copy what you have written, and load the file again")
    text = _text(data, path)
    try:
        back = unveiled(edited.replace("\r\n", "\n"), text)
    except VeilError as error:
        raise EditError(f"{path}: {error}") from None
    if "\r\n" in text:
        back = back.replace("\r\n", "\n").replace("\n", "\r\n")
    return back.encode("utf-8-sig" if data.startswith(_BOM.encode()) else "utf-8", "replace")


def _text(data: bytes, path: Path) -> str:
    """Raise EditError for what is no YAML."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EditError(f"{path}: is not UTF-8 text: mend it where it lies") from None
    findings = Findings()
    if read_tree(text, {}, findings) is None and findings.made:
        raise EditError(f"{render_findings(findings.made, str(path))}: mend it where it lies")
    return text


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
