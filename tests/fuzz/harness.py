"""The format named first, under atheris: ``python -m tests.fuzz.harness senml FOLDER -max_total_time=60``.

Further arguments are libFuzzer's. The folder is filled with the seeds first; what broke is left in the working folder,
and ``python -m tests.fuzz.harness senml FILE`` runs it again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

# The kernels are compiled from their bytecode, which must stay as it is.
with atheris.instrument_imports(
    include=["connectors.formats", "connectors.decoder"],
    exclude=["connectors.interning", "connectors.formats.json_kernel", "connectors.formats.time_kernel"],
):
    from tests.fuzz.targets import TARGETS, entry


def main() -> None:
    name, corpus, *rest = sys.argv[1:]
    folder = Path(corpus)
    if not folder.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(TARGETS[name].seeds):
            (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], corpus, *rest], entry(name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
