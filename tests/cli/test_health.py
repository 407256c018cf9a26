"""`dragoman health`: an exit status for containers and watchdogs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dragoman.cli import app
from dragoman.cli.health import _address, _url
from dragoman.config.listen import read_listen_address
from tests.serving import free_port, serving


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["health", *arguments])
    return result.exit_code, result.output


def test_a_running_proxy_is_well_and_one_that_is_not_there_is_not(tmp_path: Path) -> None:
    config = {"models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}]}
    with serving(config, tmp_path) as served:
        assert said("--config", str(tmp_path / "config.yaml")) == (0, f"{served.url}: well\n")
        assert said("--url", f"{served.url}/v1")[0] == 1
    status, why = said("--url", served.url)
    assert status == 1
    assert why.startswith(f"{served.url}: ")


def test_it_asks_where_the_configuration_listens(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "listen: :81\nmodels: [{name: m, backends: [http://127.0.0.1:1/v1]}]\nkeys: [{key: sk-0123456789abcdef}]"
    )
    assert _address(path, {}) == ("", 81)
    assert _address(path, {"DRAGOMAN_LISTEN": "0.0.0.0:82"}) == ("0.0.0.0", 82)
    assert _address(tmp_path / "none", {"DRAGOMAN_LISTEN": ":83"}) == ("", 83)
    assert _address(None, {}) == ("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (":80", "http://127.0.0.1:80"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("192.0.2.1:80", "http://192.0.2.1:80"),
    ],
)
def test_an_address_that_means_any_is_asked_on_this_machine(address: str, url: str) -> None:
    assert _url(read_listen_address(address)) == url


def test_nothing_there_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_LISTEN", f"127.0.0.1:{free_port()}")
    status, why = said()
    assert status == 1
    assert "Traceback" not in why
