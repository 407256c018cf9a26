"""What answers, and whether it is ours."""

import contextlib
from typing import Any

import pytest

from dragoman.cli import running
from dragoman.cli.running import NoKeyError, NoProxyError, ask, led_past, origin_of
from tests.cli.test_serve import Lists
from tests.serving import free_port


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://x.example.com/v1/", "https://x.example.com"),
        ("http://x/proxy/v1", "http://x/proxy"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_what_people_copy_is_understood(said: str, origin: str) -> None:
    assert origin_of(said) == origin


@pytest.mark.parametrize("said", ["", "ftp://x", "http://", "http://k@x", "http://x?y", "http://x#y", "http://[::x"])
def test_what_is_no_address(said: str) -> None:
    with pytest.raises(ValueError):
        origin_of(said)


@pytest.mark.parametrize(
    ("origin", "environment", "led"),
    [
        ("http://127.0.0.1:8080", {"HTTPS_PROXY": "http://p"}, True),
        ("http://127.0.0.1:8080", {"http_proxy": "http://p", "NO_PROXY": "a, 127.0.0.2"}, True),
        ("http://127.0.0.1:8080", {"http_proxy": "http://p", "NO_PROXY": "a, 127.0.0.1"}, False),
        ("http://localhost:8080", {"http_proxy": "http://p", "no_proxy": "*"}, False),
        ("http://127.0.0.1:8080", {"http_proxy": ""}, False),
        ("https://gateway.corp", {"HTTPS_PROXY": "http://p"}, False),
    ],
)
def test_a_proxy_of_the_network_leads_past_ours(origin: str, environment: dict[str, str], led: bool) -> None:
    """Codex (0.171), OpenCode (1.18), Qwen Code (0.24) and Claude Code (2.1) ask it for 127.0.0.1 as well."""
    assert ("NO_PROXY" in led_past(origin, environment)) is led


def test_nobody_and_somebody_else() -> None:
    with pytest.raises(NoProxyError, match="no proxy answers"):
        ask(f"http://127.0.0.1:{free_port()}", "")
    with contextlib.closing(Lists("m")) as vendor, pytest.raises(NoProxyError, match="no Dragoman"):
        ask(f"http://127.0.0.1:{vendor.port}", "")


@pytest.mark.parametrize(
    ("status", "key", "said"),
    [
        (401, "sk-wrong", "http://x does not know this key: give yours with --key, or in DRAGOMAN_KEY"),
        (401, "", "http://x wants a key: give yours with --key, or in DRAGOMAN_KEY"),
        (429, "sk-right", "http://x lets nobody in for the moment: try again in 9s"),
    ],
)
def test_a_key_is_called_wrong_only_by_who_has_looked_at_it(
    status: int, key: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_url: str, _key: str) -> tuple[int, Any]:
        return status, {"error": {"message": "try again in 9s"}}

    monkeypatch.setattr(running, "_get", answer)
    with pytest.raises(NoKeyError) as refused:
        ask("http://x", key)
    assert str(refused.value) == said
