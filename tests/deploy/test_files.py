"""The files that containers and machines are set up with: checked by the programs that read them, where those are here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from dragoman.config.environment import KEY, LISTEN, PASSWORDS
from dragoman.config.load import load_file

CHECKOUT: Final = Path(__file__).parents[2]
UNIT: Final = CHECKOUT / "deploy" / "systemd" / "dragoman.service"
DOCKERFILE: Final = (CHECKOUT / "Dockerfile").read_text()
HIGHEST_EXPOSURE: Final = 15  # tenths; systemd calls below 2 "ok", and a service without any of this has 96


def program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"there is no {name} on this machine")
    return found


def said_by(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT, env=environment)


def compose() -> Any:
    return YAML(typ="safe", pure=True).load(CHECKOUT / "compose.yaml")


def test_the_dockerfile_is_without_fault() -> None:
    done = said_by(program("hadolint"), "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_image_copies_is_there_and_is_not_kept_out() -> None:
    let_in = {
        line.removeprefix("!") for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == let_in
    assert all((CHECKOUT / source).exists() for source in copied)


def test_the_variables_of_the_image_are_ours() -> None:
    assert set(re.findall(r"\bDRAGOMAN_\w+(?==)", DOCKERFILE)) == {"DRAGOMAN_CONFIG", LISTEN}
    known = {KEY, *(name for names in PASSWORDS.values() for name in names)}
    assert set(compose()["services"]["dragoman"]["environment"]) < known


def test_compose_is_understood() -> None:
    environment = {"PATH": "/usr/bin", KEY: "sk-0123456789abcdef"}
    done = said_by(program("docker-compose"), "-f", "compose.yaml", "config", "-q", environment=environment)
    assert done.returncode == 0, done.stderr
    done = said_by(program("docker-compose"), "-f", "compose.yaml", "config", "-q", environment={"PATH": "/usr/bin"})
    assert "put DRAGOMAN_KEY=sk-... into .env" in done.stderr


def test_the_configuration_that_compose_mounts_can_be_served_and_names_its_model() -> None:
    services = compose()["services"]
    folder = services["dragoman"]["volumes"][0].split(":")[0]
    loaded = load_file(CHECKOUT / folder / "config.yaml", {LISTEN: ":8080", KEY: "sk-0123456789abcdef"})
    assert loaded.findings == ()
    assert loaded.config is not None
    (model,) = loaded.config.models
    assert model.model == services["model"]["environment"]["LLAMA_ARG_HF_REPO"]
    assert model.backends[0].url.startswith("http://model:")


def test_nothing_is_open_in_the_container() -> None:
    service = compose()["services"]["dragoman"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)


def test_the_unit_is_understood_and_leaves_little_open(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/dragoman/bin/dragoman", sys.executable))  # it has to be there
    done = said_by(analyze, "verify", str(unit))
    assert (done.returncode, done.stderr) == (0, "")
    done = said_by(analyze, "security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout[-200:]
