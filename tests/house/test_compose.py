"""docker-compose.yml and the Dockerfile, checked without a daemon: their form, and that what they name is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+[a-z0-9.-]*$")
MOUNT = re.compile(r"((?:\$\{[^}]*\}|[^:$])+):([^:]+)(?::ro)?")
PROFILES = ("fast", "safe")
SECRET_WORDS = re.compile(r"password|token|secret|key", re.IGNORECASE)

each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    return [MOUNT.fullmatch(volume).groups() for volume in service.get("volumes", [])]


def test_the_file_is_a_compose_file_by_the_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_service
def test_an_image_has_an_exact_version(name: str) -> None:
    assert PINNED.match(SERVICES[name]["image"])


@each_service
def test_a_service_is_checked_restarted_and_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["user"].split(":")[0] not in {"0", "root"}


@each_service
def test_what_a_service_mounts_and_waits_for_is_there(name: str) -> None:
    for source, _ in mounts(SERVICES[name]):
        if source.startswith("."):
            paths = [source.replace("${MOSQUITTO_PROFILE:-fast}", profile) for profile in PROFILES]
            assert all((ROOT / path).exists() for path in paths), source
        else:
            assert source in COMPOSE["volumes"]
    assert set(SERVICES[name]["networks"]) <= set(COMPOSE["networks"])
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert wait["condition"] in {"service_healthy", "service_started"}


@each_service
def test_a_secret_comes_from_a_file_and_never_stands_in_the_open(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    for key, value in service.get("environment", {}).items():
        if SECRET_WORDS.search(key):
            assert key.endswith("_FILE"), key
            assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_no_secret_is_tracked_and_git_ignores_those_that_are_made() -> None:
    for secret in COMPOSE["secrets"].values():
        path = secret["file"].removeprefix("./")
        ignored = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False)
        if ignored.returncode > 1:
            pytest.skip("not a git checkout")
        assert ignored.returncode == 0, path


def test_the_script_makes_every_secret_once(tmp_path: Path) -> None:
    from tests import servers

    servers.program("mosquitto_passwd")
    servers.program("openssl")
    script = tmp_path / "create"
    script.write_bytes((ROOT / "deploy" / "secrets" / "create").read_bytes())
    made = []
    for _ in range(2):
        subprocess.run(["bash", script], check=True, capture_output=True)
        made.append({path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path != script})
    assert set(made[0]) == set(COMPOSE["secrets"])
    assert made[0] == made[1]
    assert made[0]["mosquitto_passwd"].startswith("fengsui:$7$")


def test_the_configuration_names_services_ports_and_secrets_of_the_composition() -> None:
    config = YAML(typ="safe").load(ROOT / "deploy" / "fengsui" / "fengsui.yaml")
    text = json.dumps(config)
    for secret in re.findall(r"/run/secrets/(\w+)", text):
        assert secret in SERVICES["fengsui"]["secrets"]
    hosts = {
        re.sub(r"^http://([^:/]+).*", r"\1", str(one.get("host", one.get("url"))))
        for one in config["sources"] + config["sinks"]
    }
    assert hosts <= set(SERVICES)
    targets = [mount[1] for mount in mounts(SERVICES["fengsui"])]
    assert config["data_dir"] in targets
    influx = next(sink for sink in config["sinks"] if sink["connector"] == "influxdb")
    environment = SERVICES["influxdb"]["environment"]
    assert influx["org"] == environment["DOCKER_INFLUXDB_INIT_ORG"]
    assert influx["bucket"] == environment["DOCKER_INFLUXDB_INIT_BUCKET"]


def test_the_configuration_and_the_registry_of_the_composition_are_valid() -> None:
    from app.configured import read
    from config.plan import load_configuration

    loaded = load_configuration(read(ROOT / "deploy" / "fengsui" / "fengsui.yaml"))
    assert not loaded.warnings
    assert loaded.plan.sensors


def test_every_file_that_the_image_copies_is_there_and_sent_to_the_builder() -> None:
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.rstrip("/") in sent, source


def test_the_image_holds_every_room_of_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for room in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert re.search(rf"^COPY {room}/ {room}/$", DOCKERFILE, re.MULTILINE), room


def test_the_image_is_pinned_installs_by_hash_and_runs_as_somebody() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(PINNED.match(base) for base in bases)
    installs = re.findall(r"pip install ([^&\n]+)", DOCKERFILE)
    assert all("--require-hashes" in install or "--no-deps --no-index" in install for install in installs)
    runtime = DOCKERFILE[DOCKERFILE.rindex("\nFROM") :]
    assert re.search(r"^USER 10001:10001$", runtime, re.MULTILINE)
    assert SERVICES["fengsui"]["user"] == "10001:10001"
    assert "STOPSIGNAL SIGTERM" in runtime


def test_the_image_starts_a_command_that_there_is() -> None:
    from typer.main import get_command

    from app.cli import app

    entry = json.loads(re.search(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)[1])
    assert entry[0] == "fengsui"
    run = get_command(app).commands[entry[1]]
    assert entry[2] in {option for parameter in run.params for option in parameter.opts}
    assert "warm" in get_command(app).commands
