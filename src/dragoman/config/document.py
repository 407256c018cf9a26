"""Writes docs/config.md and config.example.yaml from the documentation in `schema.py`.

`python -m dragoman.config.document` in the checkout rewrites both; a test fails while they are not current.
"""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from dragoman.config.about import NO_SECRET, About
from dragoman.config.durations import Seconds
from dragoman.config.listen import ListenAddress
from dragoman.config.not_built import NOT_BUILT
from dragoman.config.read import range_in_words
from dragoman.config.schema import BackendConfig, Config, Network, ProfileChanges
from dragoman.hub.allowed import Place
from dragoman.hub.route import Profile, Secret
from dragoman.wire import jsons

_INTRO: Final = """\
# config.yaml

<!-- Written by `python -m dragoman.config.document` from src/dragoman/config/schema.py. Change that file, not this. -->

One YAML file holds the whole configuration. A file of go-llm-proxy works as it is. The shortest useful one:

```yaml
models:
  - name: qwen
    backends:
      - url: http://127.0.0.1:8000/v1
```

**Mistakes** are all reported at once, each with its line, its path and what to write instead. An unknown field is a
mistake, since it is mostly a misspelt one; at the top of the file, keys that begin with `x-` are free for YAML anchors.
Lines marked `warning` and `notice` do not keep the file from being used.

**Variables of the environment** are filled into any value: `${NAME}`, or `${NAME:-default}` for one that may be unset
or empty. `$${` stands for a plain `${`.

**What the environment says by itself**: `DRAGOMAN_CONFIG` is the file, where no `--config` is given and the file is
there. `DRAGOMAN_LISTEN` goes before `listen`. `DRAGOMAN_KEY` is the only key, where one is demanded and the file has no
`keys`. `DRAGOMAN_USAGE_DASHBOARD_PASSWORD` and `DRAGOMAN_ADMIN_PASSWORD` (and go-llm-proxy's `GO_LLM_...`) stand in for
passwords that the file does not have.

**Durations** are seconds (`300`, `1.5`) or carry units (`300s`, `5m`, `1h30m`).

**Reload**: the file is read again within about two seconds of a change, and at once on SIGHUP. A file with mistakes is
reported in the log, and the configuration in force stays. Requests under way keep the configuration they began with.
Fields that need a restart say so.

**Older forms** of go-llm-proxy are read as well: `backend` with `api_key` in a model, and `pools` with `pool` in a
model. `pools` may be a list (`- name: cluster` with `backends`) or a mapping (`cluster: [url, url]`).

**Who may connect**: without `listen` the proxy is reachable from this machine only. Where other machines can connect,
`keys` are required, of at least 16 characters each; `allow_unauthenticated: true` lifts the first demand.

Fields marked *not yet* are accepted, so that a file need not change when their feature arrives; until then they have no
effect, and a notice says so.
"""

_EXAMPLE_INTRO: Final = """\
# Dragoman's configuration. Copy this file to config.yaml and edit it.
#
# Lines that begin with `#` and no space are settings with their default or an example: remove the `#` to use them.
# Any value may hold ${VARIABLE} or ${VARIABLE:-default}. docs/config.md explains every field.
"""

_KINDS: Final[dict[object, str]] = {
    str: "text",
    Secret: "secret",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Seconds: "duration",
    ListenAddress: "address",
    Network: "IP or network",
    Place: "host, IP or network",
}
_URL: Final = "http://127.0.0.1:8000/v1"
# The first clause of a text: up to a stop that is not inside backticks.
_GIST: Final = re.compile(r"(?:`[^`]*`|[^`.:;]|[.:;](?=\S))*")
_PLAIN: Final = re.compile(r"[\w$./{][\w$./{}:@<> -]*", re.ASCII)


class Field(NamedTuple):
    name: str
    kind: Any
    about: About
    default: Any
    required: bool


def fields_of(struct: type[Struct]) -> Iterator[Field]:
    for field in msgspec.structs.fields(struct):
        kind, about = get_args(field.type)
        default = None if field.required else field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield Field(field.name, kind, about, default, field.required)


def reference() -> str:
    """The text of docs/config.md."""
    sections = [_INTRO]
    for struct, path in _structs(Config, ""):
        title = f"`{path}`" if path else "Top of the file"
        sections.append(f"## {title}\n\n{(struct.__doc__ or '').strip()}\n\n{_table(struct, path)}")
    sections.append(_profile_section())
    return "\n".join(sections)


def _structs(struct: type[Struct], path: str) -> Iterator[tuple[type[Struct], str]]:
    """Every struct with the path it is first met at, in the order of the file; backends are described once."""
    yield struct, path
    for field in fields_of(struct):
        inner, is_list = _inner(field.kind)
        place = f"{path}.{field.name}".lstrip(".") + ("[]" if is_list else "")
        if inner is not None and not (inner is BackendConfig and path != "models[]"):
            yield from _structs(inner, place)


def _inner(kind: Any) -> tuple[type[Struct] | None, bool]:
    """The struct in a field's type, if any, and whether there is a list of them."""
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _inner(get_args(kind)[0])
    if origin is tuple:
        return _inner(get_args(kind)[0])[0], True
    is_struct = isinstance(kind, type) and issubclass(kind, Struct) and kind is not ProfileChanges
    return (kind if is_struct else None), False


def _table(struct: type[Struct], path: str) -> str:
    rows = "".join(_row(field, f"{path}.{field.name}".lstrip(".")) for field in fields_of(struct))
    return f"| Field | Takes | Default | Meaning |\n|---|---|---|---|\n{rows}"


def _row(field: Field, path: str) -> str:
    takes = _takes(field.kind)
    if limits := range_in_words(field.about):
        takes += f", {limits}"
    note = f" *({built})*" if (built := _built(path)) else ""
    return f"| `{field.name}` | {takes} | {_default(field)} | {field.about.text}{note} |\n"


def _built(path: str) -> str:
    row = next((row for row in NOT_BUILT if row.field == path), None)
    if row is None:
        return ""
    idle = sorted(f"`{_yaml(value)}`" for value in row.idle if value)
    return f"not yet, except {' and '.join(idle)}" if path.endswith(("type", "_mode")) else "not yet"


def _takes(kind: Any) -> str:
    if kind in _KINDS:
        return _KINDS[kind]
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _takes(get_args(kind)[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if origin in {tuple, frozenset}:
        return f"list of {_takes(get_args(kind)[0])}" if _inner(kind)[0] is None else "list"
    return "mapping"


def _default(field: Field) -> str:
    if field.required:
        return "required"
    is_empty = isinstance(field.default, Struct) or field.default in ("", None, (), {}, NO_SECRET)
    return "" if is_empty else f"`{_yaml(field.default)}`"


def _profile_section() -> str:
    lines = [re.sub(r"^(\w+):", r"- `\1`:", line) for line in _entries(Profile.__doc__ or "")]
    return (
        "## `models[].profile`\n\nCorrections to what is known of this kind of backend. `family` names the kind; the"
        " other fields replace what is known. `None` is written `null`.\n\n" + "\n".join(lines) + "\n"
    )


def _entries(docstring: str) -> list[str]:
    """The `name: meaning` lines of a docstring, each in one line."""
    entries: list[str] = []
    for line in textwrap.dedent("    " + docstring).splitlines():
        if re.match(r"\w+: ", line):
            entries.append(line)
        elif line.strip() and entries:
            entries[-1] += " " + line.strip()
    return entries


def example() -> str:
    """The text of config.example.yaml."""
    return _EXAMPLE_INTRO + "".join(f"\n{block}" for block in _blocks())


def _blocks() -> Iterator[str]:
    for field in fields_of(Config):
        if not field.about.hidden:
            text = textwrap.fill(field.about.text, 100, initial_indent="# ", subsequent_indent="# ")
            note = "# Not yet in effect.\n" if _built(field.name) else ""
            yield f"{text}\n{note}" + "\n".join(_setting(field, "", shown=field.about.shown)) + "\n"


def _setting(field: Field, indent: str, *, shown: bool) -> Iterator[str]:
    """The lines of one field, with a comment sign where it is not to be in force."""
    sign = "" if shown else "#"
    inner, is_list = _inner(field.kind)
    if inner is None or (inner is BackendConfig and not shown):
        yield f"{indent}{sign}{field.name}: {_yaml([_URL] if inner else _sample(field))}"
        return
    yield f"{indent}{sign}{field.name}:"
    dash = "- " if is_list else ""
    for member in fields_of(inner):
        if not member.about.hidden:
            for line in _commented(member, shown=shown and member.about.shown, dash=dash):
                yield f"{indent}  {line}"
            dash = "  " if is_list else ""


def _commented(field: Field, *, shown: bool, dash: str) -> Iterator[str]:
    """The lines of a member, the first with its meaning beside it. dash: what begins an item of a list."""
    first, *rest = _setting(field, "", shown=shown)
    meaning = _GIST.match(field.about.text)
    sign, setting = ("", first) if shown else ("#", first.removeprefix("#"))
    if dash.strip():
        yield f"{sign}{dash}{setting}  # {meaning[0] if meaning else ''}"
    else:
        yield f"{dash}{sign}{setting}  # {meaning[0] if meaning else ''}"
    for line in rest:
        yield f"{' ' * len(dash)}{line}"


def _sample(field: Field) -> Any:
    return field.default if field.about.example is None else field.about.example


def _yaml(value: Any) -> str:
    match value:
        case bool() | None:
            return jsons.write_text(value)
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case str() | ListenAddress():
            text = str(value)
            return text if _PLAIN.fullmatch(text) and ": " not in text else jsons.write_text(text)
        case _:
            return jsons.write_text(value)


def main() -> None:
    checkout = Path(__file__).parents[3]
    (checkout / "docs").mkdir(exist_ok=True)
    (checkout / "docs" / "config.md").write_text(reference(), encoding="utf-8")
    (checkout / "config.example.yaml").write_text(example(), encoding="utf-8")


if __name__ == "__main__":
    main()
