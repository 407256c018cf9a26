"""The configuration frozen for serving: the file's content and the indexes over it. Nothing live is in here.

An exchange takes one snapshot at its birth and keeps it, so a reload cannot change its rules half-way.
"""

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from dragoman.config.findings import Finding
from dragoman.config.pipelines import pipelines_of
from dragoman.config.schema import Config, KeyConfig, ModelConfig
from dragoman.hub.pipeline import Pipeline
from dragoman.hub.problems import Problem

# The other header that is read is not named: Claude Code (2.1.330) takes any 401 whose text holds "x-api-key" for its
# own vendor's and tells the user to log in there.
_WHERE: Final = "send it as `Authorization: Bearer <key>`"


class Key(Struct, frozen=True):
    """Who is asking. models: every id it may ask for, aliases included; None = all.

    fingerprint: the first 16 hex digits of the key's SHA-256, "" when keys are not in use.
    """

    name: str
    models: frozenset[str] | None = None
    fingerprint: str = ""

    def may_use(self, model: str) -> bool:
        return self.models is None or model in self.models


_NOTHING_SET: Final = Pipeline()
ANONYMOUS: Final = Key("anonymous")


class Snapshot(Struct, frozen=True):
    """Make one with `Snapshot.of`. models: by name and by alias. pipelines: by the model's name.

    open_aliases: those that end in `*`, the longest first.
    """

    config: Config
    models: Mapping[str, ModelConfig]
    keys: tuple[tuple[bytes, Key], ...]
    pipelines: Mapping[str, Pipeline] = MappingProxyType({})
    open_aliases: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config) -> "Snapshot":
        by_name = {model.name: model for model in (*config.models, *config.audio.models)}
        aliased = {alias: by_name[name] for alias, name in config.aliases.items() if name in by_name}
        models = MappingProxyType(by_name | aliased)
        open_aliases = tuple(sorted(filter(is_open, aliased), key=len, reverse=True))
        return cls(config, models, tuple(_keys(config, models)), MappingProxyType(pipelines_of(config)), open_aliases)

    def admit(self, token: str | None) -> Key:
        """Return the key the token belongs to, or raise Problem(unauthorized).

        Digests of one length are compared, all of them and each in constant time, so the time taken tells nothing of
        the keys. Without keys in the file everybody is the same anonymous caller.
        """
        if not self.config.keys:
            return ANONYMOUS
        if not token:
            raise Problem("unauthorized", f"No API key was given: {_WHERE}.")
        said = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = None
        for digest, key in self.keys:
            if hmac.compare_digest(digest, said):
                found = key
        if found is None:
            raise Problem("unauthorized", f"This API key is not known here. Check the key, and {_WHERE}.")
        return found

    def model(self, name: str) -> ModelConfig | None:
        """The model of this name or alias."""
        return self.models.get(name) or self.models.get(self.spelled(name))

    def spelled(self, name: str) -> str:
        """The name as the file has it: one that is no model's and no alias's may be covered by an open alias."""
        if name in self.models:
            return name
        return next((alias for alias in self.open_aliases if name.startswith(alias[:-1])), name)

    def may_use(self, key: Key, name: str) -> bool:
        """Whether the key may ask for the model under this name, which a client said."""
        return key.models is None or key.may_use(self.spelled(name))

    def names_for(self, key: Key) -> list[str]:
        """All names that the key may ask for, as far as they can be listed."""
        return [name for name in self.models if key.may_use(name) and not is_open(name)]

    def pipeline(self, model: ModelConfig) -> Pipeline:
        """What may be done for this model to what it cannot read."""
        return self.pipelines.get(model.name, _NOTHING_SET)

    def models_for(self, key: Key) -> tuple[ModelConfig, ...]:
        """The models this key may use, in the file's order; aliases are not repeated."""
        return tuple(model for model in self.config.models if key.may_use(model.name))

    def audio_for(self, key: Key) -> tuple[ModelConfig, ...]:
        """The models of `/v1/audio` that this key may use."""
        return tuple(model for model in self.config.audio.models if key.may_use(model.name))

    def aliases_for(self, key: Key) -> dict[str, ModelConfig]:
        """Open ones are left out: nobody can ask for them by that name."""
        return {alias: self.models[alias] for alias in self.config.aliases if key.may_use(alias) and not is_open(alias)}


def is_open(alias: str) -> bool:
    """Whether the alias is for all names that begin as it does."""
    return alias.endswith("*")


def _keys(config: Config, models: Mapping[str, ModelConfig]) -> list[tuple[bytes, Key]]:
    return [
        (digest, Key(key.name or digest.hex()[:8], _allowed(key, models), digest.hex()[:16]))
        for key in config.keys
        if (digest := key.digest) is not None
    ]


def _allowed(key: KeyConfig, models: Mapping[str, ModelConfig]) -> frozenset[str] | None:
    """Every name and alias of the models the key names, however it names them."""
    if not key.models:
        return None
    names = {models[name].name for name in key.models if name in models}
    return frozenset(name for name, model in models.items() if model.name in names)


class ConfigSource:
    """Where the serving side finds the configuration of the moment. Replacing `current` is the whole of a reload.

    findings: what the last reading of the file had to say, also when it was not taken over.
    """

    def __init__(self, current: Snapshot, findings: tuple[Finding, ...] = ()) -> None:
        self.current = current
        self.findings = findings
