"""What the environment says beside the file."""

import pytest

from dragoman.config.load import Loaded, load_bytes

FILE = "models:\n- {name: m, backends: [http://127.0.0.1:1/v1]}\n"
KEY = "sk-of-the-environment"


def load(env: dict[str, str], more: str = "") -> Loaded:
    return load_bytes((FILE + more).encode(), env)


def test_the_address_of_the_environment_wins_and_wants_keys_as_the_files_does() -> None:
    moved = load({"DRAGOMAN_LISTEN": "127.0.0.1:9"}, "listen: 127.0.0.1:8\n").config
    assert moved is not None
    assert moved.listen.port == 9
    refused = load({"DRAGOMAN_LISTEN": ":9"})
    assert refused.config is None
    assert "give one in DRAGOMAN_KEY" in refused.findings[0].message


def test_an_address_that_is_none_is_told() -> None:
    findings = load({"DRAGOMAN_LISTEN": "nonsense"}).findings
    assert [finding.message for finding in findings] == [
        'the environment variable DRAGOMAN_LISTEN: "nonsense" has no port: write nonsense:8080'
    ]


@pytest.mark.parametrize(
    ("listen", "more", "names"),
    [
        (":9", "", ["environment"]),
        ("127.0.0.1:9", "", []),  # there the variable is Codex's
        (":9", "keys: [{name: mine, key: sk-0123456789abcdef}]\n", ["mine"]),
        (":9", "allow_unauthenticated: true\n", []),
    ],
)
def test_the_key_of_the_environment_counts_where_one_is_demanded_and_none_given(
    listen: str, more: str, names: list[str]
) -> None:
    config = load({"DRAGOMAN_LISTEN": listen, "DRAGOMAN_KEY": KEY}, more).config
    assert config is not None
    assert [key.name for key in config.keys] == names


def test_a_weak_key_of_the_environment_is_refused() -> None:
    loaded = load({"DRAGOMAN_LISTEN": ":9", "DRAGOMAN_KEY": "short"})
    assert loaded.config is None
    assert "shorter than 16" in loaded.findings[0].message


@pytest.mark.parametrize(("said", "shown"), [("true", True), ("1", True), ("", False), ("no", False)])
def test_the_environment_switches_the_page_of_settings_on(said: str, shown: bool) -> None:
    config = load({"DRAGOMAN_SERVE_CONFIG_GENERATOR": said}).config
    assert config is not None
    assert config.serve_config_generator is shown
