"""YAML is read as the core schema says, with the line of everything."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from config.findings import Findings
from config.yaml_file import Document, read_yaml
from model.errors import Place


def read(tmp_path: Path, text: str) -> Document:
    file = tmp_path / "file.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = read_yaml(file, findings)
    assert findings.errors == []
    assert document is not None
    return document


def test_plain_words_keep_their_types(tmp_path: Path) -> None:
    text = "a: 12\nb: 1.5e3\nc: yes\nd: true\ne: ~\nf: '12'\ng: 2026-01-05\nh: 0x1f\ni: -.5\nj:\nk: 10 s\nl: 1_000\n"
    assert read(tmp_path, text).data == {
        "a": 12, "b": 1500.0, "c": "yes", "d": True, "e": None, "f": "12", "g": "2026-01-05", "h": "0x1f", "i": -0.5,
        "j": None, "k": "10 s", "l": "1_000",
    }  # fmt: skip


def test_a_place_is_that_of_the_nearest_thing_that_exists(tmp_path: Path) -> None:
    document = read(tmp_path, "# head\nsites:\n  - id: a\n    position:\n      lat: 1\n")
    assert document.place("sites", 0, "position", "lat") == Place(document.file, 5, "sites[0].position.lat")
    assert document.place("sites", 0, "name", "zh") == Place(document.file, 3, "sites[0].name.zh")
    assert document.place("assets") == Place(document.file, 1 + 1, "assets")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abc:#-{}[]'\" 甲", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc甲", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_a_yaml_library_writes_is_read_back(value: object) -> None:
    stream = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False  # in flow style it writes {a: :-}, which it cannot read back itself
    writer.dump({"value": value}, stream)
    if "&" in stream.getvalue() or "\t" in stream.getvalue():
        return  # equal lists become aliases, which we refuse on purpose
    with tempfile.TemporaryDirectory() as folder:
        assert read(Path(folder), stream.getvalue()).data == {"value": value}
