"""From a file to a checked configuration, or to everything that is wrong with it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from dragoman.config.check import check
from dragoman.config.environment import with_environment
from dragoman.config.findings import Finding, Findings, has_errors, in_order, lineage
from dragoman.config.nodes import Keyed, Sequence, read_tree
from dragoman.config.not_built import notices
from dragoman.config.older import modern
from dragoman.config.read import Given, read_config
from dragoman.config.schema import Config


class Loaded(NamedTuple):
    """config: in today's form, None if any finding is an error. digest: SHA-256 of the file, b"" if it is not read."""

    config: Config | None
    findings: tuple[Finding, ...]
    digest: bytes = b""


def contents(config: Config) -> str:
    """How much there is in it, in words."""
    models, keys = len(config.models), len(config.keys)
    return f"{models} model{'s' * (models != 1)}, {keys} key{'s' * (keys != 1)}"


def load_file(path: Path | str, env: Mapping[str, str]) -> Loaded:
    """Read and check the file at `path`. Whatever it holds, this returns findings and does not raise."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        return Loaded(None, (Finding("", _unreadable(error)),))
    return load_bytes(data, env)


def load_bytes(data: bytes, env: Mapping[str, str]) -> Loaded:
    """Read and check the content of a configuration file."""
    findings = Findings()
    config = _load(data, env, findings)
    found = in_order(findings.made)
    return Loaded(None if has_errors(found) else config, found, hashlib.sha256(data).digest())


def _unreadable(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file: copy config.example.yaml to this place and edit it, or name another file"
        case IsADirectoryError():
            return "is a directory: name the file in it"
        case PermissionError():
            return "may not be read: give the user that runs dragoman the permission to read it"
        case OSError(strerror=str(reason)):
            return f"cannot be read: {reason}"
        case _:
            return "is not a file name"


def _load(data: bytes, env: Mapping[str, str], findings: Findings) -> Config | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        findings.error("", data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text: save it as UTF-8")
        return None
    root = read_tree(text, env, findings)
    if not isinstance(root, Keyed):
        if not findings.made:
            findings.error("", None, _no_mapping(root))
        return None
    config, given = read_config(root, findings)
    config, amiss = with_environment(config, env)
    found = (*amiss, *check(config), *notices(given))
    findings.made += [
        _located(finding, given, root.line)
        for finding in found
        if not any(map(findings.is_broken, (finding.path, *finding.unless)))
    ]
    return modern(config)


def _no_mapping(root: object) -> str:
    if root is None:
        return "is empty: it needs `models` at least; config.example.yaml shows how"
    found = "a list" if isinstance(root, Sequence) else "a single value"
    return f"holds {found}: it must be a mapping with `models` at least; config.example.yaml shows how"


def _located(finding: Finding, given: Mapping[str, Given], top: int) -> Finding:
    """Add the line of the path, or of what is nearest to it in the file."""
    line = next((given[path].line for path in lineage(finding.path) if path in given), top)
    return msgspec.structs.replace(finding, line=line)
