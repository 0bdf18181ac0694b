"""How far our own clock may be off, as the kernel knows it from whoever sets it (NTP); adjtimex(2)."""

from __future__ import annotations

import ctypes


class _Timex(ctypes.Structure):
    """The beginning of struct timex; the rest is room for what newer kernels add."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror_us", ctypes.c_long),
        ("esterror_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    )


def clock_error_s() -> float:
    """The largest error there can be. It grows while nobody sets the clock, up to 16 s; the same when nobody ever did.

    Raises:
        OSError: the kernel does not tell.

    """
    library = ctypes.CDLL(None, use_errno=True)
    told = _Timex()
    if library.adjtimex(ctypes.byref(told)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return float(told.maxerror_us) / 1e6
