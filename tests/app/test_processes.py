"""A worker that dies must not go unnoticed."""

from __future__ import annotations

import threading

import pytest

from app import processes


def test_a_delivery_worker_that_died_ends_the_process_so_that_it_is_begun_again() -> None:
    dead = threading.Thread(target=lambda: None, name="sink-gone")
    dead.start()
    dead.join()
    with pytest.raises(SystemExit) as ended:
        processes._watch([dead], threading.Event())
    assert ended.value.code == processes.EXIT_WORKER_DIED
