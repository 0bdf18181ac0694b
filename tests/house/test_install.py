"""What installs and starts Fengsui: the make targets, the wheel, the service, what continuous integration runs."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests import servers

ROOT = Path(__file__).parents[2]
TARGETS = {"setup", "demo", "test", "check", "prove", "bench", "lock", "warm", "clean"}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = [servers.program("make"), "-C", ROOT, "--no-print-directory", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=clean, check=False)


def test_make_alone_lists_the_targets_one_a_line() -> None:
    listed = make().stdout.splitlines()
    assert {line.split()[1] for line in listed} == TARGETS | {"help"}
    assert all(len(line.split(maxsplit=2)) == 3 for line in listed)


@pytest.mark.parametrize("target", sorted(TARGETS - {"clean"}))
def test_a_target_is_made_of_steps_that_there_are(target: str) -> None:
    done = make("--dry-run", "--always-make", target)
    assert done.returncode == 0, done.stderr


def test_make_says_so_when_there_is_no_python_that_is_new_enough() -> None:
    done = make("--always-make", "PYTHON=", "VENV=/nonexistent/venv", "/nonexistent/venv/.stamp-python")
    assert done.returncode != 0
    assert "No Python >= 3.11 found" in done.stderr


def test_commands_of_the_make_file_are_commands_of_fengsui() -> None:
    from typer.main import get_command

    from app.cli import app

    named = set(re.findall(r"\$\(BIN\)/fengsui ([a-z]+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert named
    assert named <= set(get_command(app).commands)


def test_continuous_integration_is_a_script_that_runs_check_and_the_tests_with_real_servers() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text(encoding="utf-8")
    assert text.index("\nexport REQUIRE_REAL=1\n") < text.index("\nmake check") < text.index("-m pytest")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("fengsui-*.whl"))


def test_the_wheel_holds_rooms_packs_and_sample_configurations_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == shipped
    here = {
        str(path.relative_to(ROOT))
        for room in shipped
        for path in (ROOT / room).rglob("*")
        if path.suffix in {".py", ".yaml", ".csv"} and "__pycache__" not in path.parts
    }
    assert here <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_installs_by_itself_and_its_command_answers(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "installed"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The dependencies come from the environment of this test, the rooms from the wheel alone.
    packages = sysconfig.get_path("purelib")
    where = subprocess.run(
        [folder / "bin" / "fengsui", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )
    assert where.returncode == 0, where.stderr
    assert "demo" in where.stdout


def test_the_service_restarts_whatever_happens_and_has_no_rights_to_spare() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(ROOT / "deploy" / "systemd" / "fengsui.service", encoding="utf-8")
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert service["User"] == "fengsui"
    assert service["NoNewPrivileges"] == "true"
    assert service["ExecStart"].split()[1:3] == ["run", "--config"]


def test_systemd_understands_the_service(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "systemd" / "fengsui.service").read_text(encoding="utf-8")
    unit = tmp_path / "fengsui.service"
    unit.write_text(text.replace("/opt/fengsui/bin/fengsui", "/bin/true"), encoding="utf-8")
    command = [servers.program("systemd-analyze", "systemd"), "verify", "--man=no", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
