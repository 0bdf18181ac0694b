"""What all connectors' settings share: no unknown keys, paths beside the configuration, secrets in files."""

from __future__ import annotations

import zoneinfo
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo

from model.errors import FengsuiError

SECRET_BYTES_MAX = 8192


def _beside_configuration(path: Path, info: ValidationInfo) -> Path:
    base = info.context.get("base_dir") if isinstance(info.context, dict) else None
    return path.expanduser() if base is None else Path(base) / path.expanduser()


#: A file; relative paths count from the validation context's ``base_dir``, the configuration file's folder.
LocalPath = Annotated[Path, AfterValidator(_beside_configuration)]


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Asia/Shanghai") from None
    return name


ZoneName = Annotated[str, AfterValidator(_zone)]


class SettingsModel(BaseModel):
    """Base of every connector's ``Settings``. The descriptions of the fields are their documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_secret(path: Path, key: str) -> str:
    """Read a secret, without the line end that editors add.

    Raises:
        FengsuiError: the file cannot be read, is empty or too long. Its content is never named.

    """
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
        secret = content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FengsuiError(f"{key} {path}: must be a readable text file, got: {reason}") from error
    if not secret or len(content) > SECRET_BYTES_MAX:
        raise FengsuiError(f"{key} {path}: must hold 1 to {SECRET_BYTES_MAX} bytes, got {len(content)}")
    return secret
