"""What is written down holds: links lead somewhere, nothing names a machine or a package index, the locks are whole."""

from __future__ import annotations

import re
import subprocess
import tomllib
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATED = {".venv", "build", "dist", "node_modules"}
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not GENERATED & set(path.relative_to(ROOT).parts))
LOCKS = ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"]

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def prose(text: str) -> str:
    return FENCE.sub("", text)


def links(path: Path) -> list[str]:
    text = prose(path.read_text(encoding="utf-8"))
    return [*LINK.findall(CODE.sub("code", text)), *REFERENCE.findall(text)]


def anchors(path: Path) -> set[str]:
    """Anchors as code forges make them: lower case, no punctuation, hyphens for spaces, repeats numbered."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(path.read_text(encoding="utf-8"))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = (
            c for c in words if c in " -_" or unicodedata.category(c)[0] in "LN" or unicodedata.category(c)[0] == "M"
        )
        slug = "".join(kept).replace(" ", "-")
        repeat = next(n for n in range(len(found) + 1) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{repeat}" if repeat else slug)
    return found


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(document):
        if ELSEWHERE.match(link):
            continue
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or not path.is_relative_to(ROOT):
            broken.append(f"{link}: no such file")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            broken.append(f"{link}: no such heading")
    assert not broken


def test_no_tracked_file_names_a_package_index_or_a_folder_of_one_machine() -> None:
    index = re.compile(
        "|".join(
            ("pythonhosted" + r"\.org", "pypi" + r"\.org/simple", "--(extra-)?index-" + "url", "--trusted-" + "host")
        )
    )
    machine = re.compile(r"(?<![\w.])/(work|root|home/\w+)/(?!\.{3})")
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for form in (index, machine) for hit in form.finditer(text)]
    assert not found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_with_its_hashes(name: str) -> None:
    entries = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.match(
            r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==[^\s;]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+$", entry
        ), entry[:120]


def test_the_locks_hold_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "requirements.lock": project["dependencies"],
        "requirements-dev.lock": [*project["dependencies"], *extras["demo"], *extras["dev"]],
    }
    for name, requirements in wanted.items():
        pinned = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        names = {re.sub(r"[._-]+", "-", re.match(r"[\w.-]+", one)[0].lower()) for one in requirements}
        assert names <= pinned, f"{name}: run make lock"


def test_the_development_lock_has_the_products_versions() -> None:
    pins = [
        set(re.findall(r"^([a-z0-9._-]+==[^\s;]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    assert pins[0] <= pins[1]


def test_every_decision_record_stands_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = [path.name for path in folder.glob("[0-9]*.md")]
    assert [name for name in records if f"({name})" not in index] == []
