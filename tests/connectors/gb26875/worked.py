"""Frames worked out by hand from the standard's tables.

2026-03-09 14:05:30, device 330100001, centre 1, version 1.1.
"""

from __future__ import annotations

SENT_NS = 1_773_036_330 * 10**9
DEVICE = (330_100_001).to_bytes(6, "little")
CENTRE = (1).to_bytes(6, "little")
LABEL = bytes.fromhex("1E 05 0E 09 03 1A")

#: An optical smoke detector, loop 3 point 7, is on fire.
A = bytes.fromhex(
    "40 40 01 00 01 01 1E 05 0E 09 03 1A 21 ED AC 13 00 00 01 00 00 00 00 00 30 00 02"
    "02 01 01 01 2A 07 00 03 00 03 00 33 B2 E3 B6 AB D7 DF C0 C8 D1 CC B8 D0 00 00"
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 1E 05 0E 09 03 1A 79 23 23"
)
#: A pump of the hydrant system measures 320.5 kPa.
B = bytes.fromhex(
    "40 40 02 00 01 01 1E 05 0E 09 03 1A 21 ED AC 13 00 00 01 00 00 00 00 00 12 00 02"
    "03 01 0B 01 5B 01 00 01 00 05 85 0C 1E 05 0E 09 03 1A 97 23 23"
)
#: The centre confirms B.
C = bytes.fromhex("40 40 02 00 01 01 1E 05 0E 09 03 1A 01 00 00 00 00 00 21 ED AC 13 00 00 00 00 03 2C 23 23")
#: The centre checks the duty room: ten minutes.
D = bytes.fromhex("40 40 05 01 01 01 1E 05 0E 09 03 1A 01 00 00 00 00 00 21 ED AC 13 00 00 03 00 01 5B 01 0A 97 23 23")
#: The device is well.
E = bytes.fromhex(
    "40 40 03 00 01 01 1E 05 0E 09 03 1A 21 ED AC 13 00 00 01 00 00 00 00 00 09 00 02"
    "15 01 01 1E 05 0E 09 03 1A A3 23 23"
)
ALL = {"A": A, "B": B, "C": C, "D": D, "E": E}
