"""The district of the shipped packs, made for a profile."""

from pathlib import Path

from simulator.district import District, load_district

ROOT = Path(__file__).resolve().parents[2]
PACKS = ROOT / "packs"

#: 2026-01-15 00:00 in Shanghai.
MIDNIGHT_NS = 1_768_406_400_000_000_000


def make(profile: str, *, seed: int = 1, hour: float = 0.0) -> District:
    return load_district(PACKS, profile=profile, seed=seed, start_ns=MIDNIGHT_NS + round(hour * 3600e9))
