"""All the things that can be wrong between fields, found together.

A check looks at the configuration as written and yields findings with paths; `load.py` adds the lines. Ranges of single
numbers are in `schema.py`, types in `read.py`.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from dragoman.config import searches, urls
from dragoman.config.findings import Finding, child, item
from dragoman.config.older import backends_of
from dragoman.config.schema import Config, KeyConfig, ModelConfig, StoreConfig

Check: TypeAlias = Callable[[Config], Iterator[Finding]]

SHORTEST_KEY: Final = 16
# Keys that stand in published example files: everybody knows them.
PUBLISHED_KEYS: Final = frozenset({"sk-change-me-to-something-secure", "sk-your-api-key", "sk-your-key-here"})

_STATUS: Final = "status"  # a path of ours under /v1/models
# What somebody writes who wants none; a directory of that name is not what is meant.
_NOT_A_DIRECTORY: Final = frozenset({"no", "off", "false", "null", "memory", ":memory:"})


def check(config: Config) -> list[Finding]:
    return [finding for one in CHECKS for finding in one(config)]


def model_names(config: Config) -> Iterator[Finding]:
    if not config.models:
        yield Finding("models", "none given: add at least one, with `name` and `backends`")
    first: dict[str, int] = {}
    for index, model in enumerate(config.models):
        path = child(item("models", index), "name")
        if not model.name.strip():
            yield Finding(path, "is empty: give the name that clients ask for")
        elif model.name in first:
            yield Finding(path, f'"{model.name}" is the name of models[{first[model.name]}] already; use each once')
        elif model.name == _STATUS:
            said = "`GET /v1/models/status` tells the state of all models, so this one is not found there: rename it"
            yield Finding(path, said, "warning")
        first.setdefault(model.name, index)


def model_backends(config: Config) -> Iterator[Finding]:
    for index, model in enumerate(config.models):
        path = item("models", index)
        forms = [name for name in ("backends", "backend", "pool") if getattr(model, name)]
        if model.type == "bedrock":
            yield Finding(
                child(path, "type"),
                "bedrock is not supported yet: use Bedrock's OpenAI-compatible endpoint with `type: openai`",
            )
        elif len(forms) > 1:
            yield Finding(child(path, forms[1]), f"{' and '.join(forms)} say the same thing: keep only `backends`")
        else:
            yield from _backends(config, index)


def _backends(config: Config, index: int) -> Iterator[Finding]:
    model, path = config.models[index], item("models", index)
    placed = backends_of(config, index)
    if not placed and model.pool:
        yield from _pool_of(config, model, child(path, "pool"))
    elif not placed:
        yield Finding(
            child(path, "backends"),
            "no backend: give at least one, such as `- url: http://127.0.0.1:8000/v1`",
            unless=(child(path, "backend"), child(path, "pool")),
        )
    elif all(place.backend.disabled for place in placed):
        yield Finding(
            child(path, "backends"), "all are disabled, so nothing can answer: enable one or remove the model"
        )
    for place in placed:
        yield from urls.complaints(place.url_path, place.backend.url, model.type)
        if place.backend.weight == 0:
            message = "0 is read as 1, as go-llm-proxy does; to send nothing write `disabled: true`"
            yield Finding(child(place.path, "weight"), message, "warning")
    yield from _twins(config, index)


def _twins(config: Config, index: int) -> Iterator[Finding]:
    """Two backends with the same URL and key are one."""
    seen = set()
    for place in backends_of(config, index):
        same = (place.backend.url.rstrip("/"), place.backend.api_key)
        if same in seen:
            yield Finding(
                place.url_path, "is listed twice for this model: keep one, and use `weight` for a larger share"
            )
        seen.add(same)


def _pool_of(config: Config, model: ModelConfig, path: str) -> Iterator[Finding]:
    names = [pool.name for pool in config.pools]
    if model.pool not in names:
        yield Finding(path, f'no pool is named "{model.pool}"; {_choices("pools", names)}')


def pools(config: Config) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, pool in enumerate(config.pools):
        path = item("pools", index)
        if pool.name in first:
            yield Finding(child(path, "name"), f'"{pool.name}" is the name of pools[{first[pool.name]}] already')
        first.setdefault(pool.name, index)
        if not pool.backends:
            yield Finding(child(path, "backends"), "no backend: give at least one, or remove the pool")


def bedrock_fields(config: Config) -> Iterator[Finding]:
    for index, model in enumerate(config.models):
        for name in ("region", "aws_access_key", "aws_secret_key", "aws_session_token"):
            if model.type != "bedrock" and getattr(model, name):
                yield Finding(child(item("models", index), name), "is only read with `type: bedrock`", "warning")


def aliases(config: Config) -> Iterator[Finding]:
    names = [model.name for model in config.models]
    for alias, target in config.aliases.items():
        path = child("aliases", alias)
        if alias in names:
            yield Finding(path, "is the name of a model as well: rename the alias")
        if "*" in alias[:-1]:
            yield Finding(path, "has a `*` before its end: only the end may be left open, as in `claude-*`")
        if target in names:
            continue
        if target in config.aliases:
            yield Finding(path, f'points to the alias "{target}": point to its model, "{config.aliases[target]}"')
        else:
            yield Finding(path, f'points to "{target}", which is no model; {_choices("models", names)}')


def keys(config: Config) -> Iterator[Finding]:
    known = {model.name for model in (*config.models, *config.audio.models)} | set(config.aliases)
    first: dict[bytes, int] = {}
    for index, key in enumerate(config.keys):
        path = item("keys", index)
        yield from _key(key, path, public=not config.listen.is_loopback)
        digest = key.digest
        if digest is not None and digest in first:
            yield Finding(path, f"is the same key as keys[{first[digest]}]: give each user their own")
        if digest is not None:
            first.setdefault(digest, index)
        for number, name in enumerate(key.models):
            if name not in known:
                message = f'"{name}" is no model; {_choices("models", sorted(known))}'
                yield Finding(item(child(path, "models"), number), message)


def _key(key: KeyConfig, path: str, *, public: bool) -> Iterator[Finding]:
    if key.key and key.key_hash:
        yield Finding(path, "has both `key` and `key_hash`: keep one")
    elif key.key_hash:
        if key.digest is None:
            yield Finding(child(path, "key_hash"), "is not a SHA-256: write `sha256:` and 64 hex digits")
    elif not key.key:
        forms = (child(path, "key"), child(path, "key_hash"))
        yield Finding(path, "has neither `key` nor `key_hash`: give one", unless=forms)
    else:
        yield from _strength(key.key.reveal(), child(path, "key"), public=public)


def _strength(key: str, path: str, *, public: bool) -> Iterator[Finding]:
    level: Final = "error" if public else "warning"
    where = ", and other machines can connect" if public else ""
    if key != key.strip() or not key.isprintable():
        yield Finding(path, "holds spaces at its ends or control characters, which no client can send: remove them")
    elif not key.isascii():
        message = "holds letters beyond ASCII, which clients send in different ways, or not at all: make another one"
        yield Finding(path, message, "warning")
    elif key in PUBLISHED_KEYS:
        yield Finding(path, f"is the key of a published example{where}: make one of your own", level)
    elif len(key) < SHORTEST_KEY:
        yield Finding(path, f"is shorter than {SHORTEST_KEY} characters{where}: make a longer one", level)


def authentication(config: Config) -> Iterator[Finding]:
    public = not config.listen.is_loopback
    if config.keys and config.allow_unauthenticated:
        yield Finding("allow_unauthenticated", "has no effect while there are `keys`", "warning")
    elif public and not config.keys and config.allow_unauthenticated:
        message = f"everybody who can reach {config.listen} may use every model"
        yield Finding("allow_unauthenticated", message, "warning")
    elif public and not config.keys:
        message = (
            f"none given, and {config.listen} can be reached by other machines: add a key, or give one in"
            " DRAGOMAN_KEY, or listen on 127.0.0.1, or set `allow_unauthenticated: true`"
        )
        yield Finding("keys", message)


def processor_models(config: Config) -> Iterator[Finding]:
    names = [model.name for model in config.models]
    places = [("processors", config.processors.vision, config.processors.ocr)] + [
        (child(item("models", index), "processors"), model.processors.vision, model.processors.ocr)
        for index, model in enumerate(config.models)
    ]
    blind = {model.name for model in config.models if model.supports_vision is False}
    for path, vision, ocr in places:
        for field, name in (("vision", vision), ("ocr", ocr)):
            if name and name != "none" and name not in names:
                close = difflib.get_close_matches(name, names, 1)
                hint = f'did you mean "{close[0]}"?' if close else _choices("models", names)
                yield Finding(child(path, field), f'"{name}" is no model; {hint}')
            elif name in blind:
                message = (
                    f'"{name}" is asked to look at images, and says `supports_vision: false`: it is asked all the same'
                )
                yield Finding(child(path, field), message, "warning")


def audio_models(config: Config) -> Iterator[Finding]:
    taken = {model.name for model in config.models} | set(config.aliases)
    for field, audio in (("whisper", config.audio.whisper), ("tts", config.audio.tts)):
        path = child("audio", field)
        name = audio.name or field if audio else ""
        if audio and name in taken:
            yield Finding(child(path, "name"), f'"{name}" is the name of another model: name each differently')
        taken.add(name)
        if audio and all(backend.disabled for backend in audio.backends):
            message = "no backend: give at least one, such as `- url: http://127.0.0.1:8000/v1`"
            yield Finding(child(path, "backends"), message)


def other_urls(config: Config) -> Iterator[Finding]:
    if config.services.qdrant is not None:
        yield from urls.complaints("services.qdrant.backend", config.services.qdrant.backend)
    services = (
        ("documents.paddleocr", config.documents.paddleocr),
        ("audio.whisper", config.audio.whisper),
        ("audio.tts", config.audio.tts),
    )
    for path, service in services:
        for index, backend in enumerate(service.backends if service else ()):
            yield from urls.complaints(child(item(child(path, "backends"), index), "url"), backend.url)


def kept(config: Config) -> Iterator[Finding]:
    if config.data_dir is not None and config.data_dir.strip().lower() in _NOT_A_DIRECTORY:
        yield Finding("data_dir", f'"{config.data_dir}" is no directory: to keep nothing on disk write `none`')
    elif config.data_dir is not None and "\0" in config.data_dir:
        yield Finding("data_dir", "holds a character that no path can have: write the path of a directory")
    one, all_ = config.store.max_mb_per_key, config.store.max_mb
    if one > all_ and one != StoreConfig().max_mb_per_key:  # who lowers `max_mb` alone means no more than that
        message = f"is more than the room for all keys, {all_:g}: make it smaller, or `max_mb` larger"
        yield Finding("store.max_mb_per_key", message, "warning")


def usage(config: Config) -> Iterator[Finding]:
    if config.usage_db is not None and (not config.usage_db.strip() or "\0" in config.usage_db):
        yield Finding("usage_db", "is no path: name a file, or leave it out; `log_metrics: false` records nothing")
    if config.usage_dashboard and not config.log_metrics:
        yield Finding("usage_dashboard", "there is nothing to show: `log_metrics` is false", "warning")


def _choices(what: str, names: Iterable[str]) -> str:
    known = list(dict.fromkeys(name for name in names if name))
    shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    return f"{what} here: {shown}" if known else f"there are no {what}"


CHECKS: Final[tuple[Check, ...]] = (
    model_names,
    model_backends,
    pools,
    bedrock_fields,
    aliases,
    keys,
    authentication,
    processor_models,
    searches.accounts,
    searches.key_prefixes,
    audio_models,
    other_urls,
    kept,
    usage,
)
