"""What the environment says beside the file: where to listen, the passwords, and one key for a first start.

It is read with the file, at each reading, so that a reload cannot lose what a start was given.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from dragoman.config.findings import Finding
from dragoman.config.listen import BadAddressError, read_listen_address
from dragoman.config.schema import Config, KeyConfig
from dragoman.hub.route import Secret

CONFIG: Final = "DRAGOMAN_CONFIG"
LISTEN: Final = "DRAGOMAN_LISTEN"
KEY: Final = "DRAGOMAN_KEY"
GENERATOR: Final = "DRAGOMAN_SERVE_CONFIG_GENERATOR"
_NAME: Final = "environment"
_YES: Final = frozenset({"1", "true", "yes", "on"})
# The file wins, then the first variable that is set.
PASSWORDS: Final = {
    "usage_dashboard_password": ("DRAGOMAN_USAGE_DASHBOARD_PASSWORD", "GO_LLM_USAGE_DASHBOARD_PASSWORD"),
    "admin_password": ("DRAGOMAN_ADMIN_PASSWORD", "GO_LLM_ADMIN_PASSWORD"),
}


def with_environment(config: Config, env: Mapping[str, str]) -> tuple[Config, list[Finding]]:
    """The configuration with what the environment adds to it, and what is wrong with that."""
    config, findings = _with_address(config, env)
    config = _with_passwords(config, env)
    if env.get(GENERATOR, "").lower() in _YES:
        config = msgspec.structs.replace(config, serve_config_generator=True)
    return _with_key(config, env), findings


def wants_keys(config: Config) -> bool:
    """Whether it may be served only with keys and has none."""
    return not (config.keys or config.allow_unauthenticated or config.listen.is_loopback)


def _with_address(config: Config, env: Mapping[str, str]) -> tuple[Config, list[Finding]]:
    """The environment wins: whoever starts a container knows better than the file where it can be reached."""
    if not (said := env.get(LISTEN, "")):
        return config, []
    try:
        return msgspec.structs.replace(config, listen=read_listen_address(said)), []
    except BadAddressError as error:
        return config, [Finding("", f"the environment variable {LISTEN}: {error}")]


def _with_passwords(config: Config, env: Mapping[str, str]) -> Config:
    changes = {field: secret for field, secret in _passwords(env) if not getattr(config, field)}
    return msgspec.structs.replace(config, **changes)


def _passwords(env: Mapping[str, str]) -> Iterator[tuple[str, Secret]]:
    for field, names in PASSWORDS.items():
        value = next((env[name] for name in names if env.get(name)), "")
        yield field, Secret(value)


def _with_key(config: Config, env: Mapping[str, str]) -> Config:
    """Only where a key is demanded and none given: the variable is Codex's too, on the machine of a user."""
    if not (wants_keys(config) and (said := env.get(KEY, ""))):
        return config
    return msgspec.structs.replace(config, keys=(KeyConfig(key=Secret(said), name=_NAME),))


def is_of_environment(key: KeyConfig, env: Mapping[str, str]) -> bool:
    """Whether this is the key that the environment gives, which no file holds."""
    return key.name == _NAME and key.key == Secret(env.get(KEY, ""))
