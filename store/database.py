"""SQLite files with one writer each: opened, checked, and refused when they are not ours or newer than us."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from model.errors import StoreError

SCHEMA_VERSION = 1


def open_writer(path: Path, schema: MetaData, owner: str) -> Engine:
    """Open a file for its one writer; the lock is held until the process ends.

    SQLite before 3.51.3 can corrupt a WAL that two connections write, so a second writer is refused.

    Raises:
        StoreError: another process writes the file, or its schema is newer than this version.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreError(f"{path}: another process ({owner}) writes this file; stop it first") from error
    engine = create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _writer_pragmas)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(engine, "engine_disposed", lambda _: os.close(lock), once=True)
    try:
        with engine.begin() as connection:
            _check_version(path, connection.execute(text("PRAGMA user_version")).scalar_one())
            schema.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
    except (StoreError, SQLAlchemyError):
        engine.dispose()
        raise
    return engine


#: What SQLite says when a file cannot grow: its own code, and that of the shared index beside the log.
_FULL_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})


def is_full(error: SQLAlchemyError) -> bool:
    """Whether a database refused because the disk is full."""
    cause = getattr(error, "orig", None)
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) in _FULL_CODES


def open_reader(path: Path) -> Engine:
    """Open a file read-only, with a limit on how long a query waits.

    Raises:
        StoreError: the file is not there.

    """
    if not path.exists():
        raise StoreError(f"{path}: not there yet; has `fengsui run` been started with this data_dir?")
    engine = create_engine(
        f"sqlite:///file:{path}?mode=ro&uri=true", connect_args={"timeout": 5, "check_same_thread": False}
    )
    with engine.connect() as connection:
        version = connection.execute(text("PRAGMA user_version")).scalar_one()
    _check_version(path, version)
    if version < SCHEMA_VERSION:
        raise StoreError(f"{path}: schema {version} is older than {SCHEMA_VERSION}; start `fengsui run` once")
    return engine


def _writer_pragmas(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" opens each transaction, at once for writing
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _check_version(path: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise StoreError(f"{path}: schema {version} is newer than {SCHEMA_VERSION}; use the Fengsui that wrote it")
