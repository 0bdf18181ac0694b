"""``python -m simulator``: a district to try Fengsui on; docs/simulator.md says what each command does."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from ruamel.yaml import YAML

from model.errors import FengsuiError
from simulator.district import District, load_district
from simulator.plant import DAY_S

#: Local time of a start that is given without a zone.
_SHANGHAI = timezone(timedelta(hours=8))

#: Of a recording that names no start: any day will do, but always the same one.
_FIXED_START = datetime(2026, 1, 15, tzinfo=_SHANGHAI)

_PACKS = Path(__file__).resolve().parent.parent / "packs"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=_SHANGHAI)


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0.0:
        message = f"must be above 0, got {text}"
        raise argparse.ArgumentTypeError(message)
    return number


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A small simulated district.")
    commands = parser.add_subparsers(dest="command", required=True)

    broker = commands.add_parser("broker", help="an MQTT broker on the loopback, for the demo only")
    broker.add_argument("--port", type=int, default=0, help="0 (default) = any free port; it is printed")

    district = argparse.ArgumentParser(add_help=False)
    district.add_argument("--packs", type=Path, default=_PACKS, help="folder of packs with a scenario.yaml")
    district.add_argument("--profile", default="demo", help="demo (default), day, day-events")
    district.add_argument("--seed", type=int, default=1)
    district.add_argument("--start", type=_moment, help="ISO 8601; without a zone it is Asia/Shanghai")

    play = commands.add_parser("play", parents=[district], help="publish the readings at their moments, QoS 1")
    play.add_argument("--host", default="127.0.0.1")
    play.add_argument("--port", type=int, required=True)
    play.add_argument("--speed", type=_positive, default=1.0, help="scenario seconds a second")
    play.add_argument("--duration", type=_positive, help="scenario seconds; default endless at speed 1, else a day")

    registry = commands.add_parser("registry", parents=[district], help="registry.yaml of these sensors")
    registry.add_argument("--out", type=Path, help="file; default standard output")

    readings = commands.add_parser("readings", parents=[district], help="write a span to .csv or .parquet")
    readings.add_argument("--from", dest="begin", type=float, default=0.0, help="scenario second")
    readings.add_argument("--duration", type=_positive, default=DAY_S, help="scenario seconds; default a day")
    readings.add_argument("--out", type=Path, required=True)

    commands.add_parser("truth", parents=[district], help="what really happens, as JSON")
    _add_uitd(commands.add_parser("uitd", help="user information transmission devices that report to a centre"))
    return parser


def _add_uitd(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="of the centre")
    parser.add_argument("--script", type=Path, help="what is played; default healthy devices")
    parser.add_argument("--devices", type=int, default=1, help="how many, without a script")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--duration", type=_positive, default=math.inf, help="seconds; default endless")


def _load(given: argparse.Namespace, start: datetime) -> District:
    since = start - datetime(1970, 1, 1, tzinfo=UTC)
    start_ns = since // timedelta(microseconds=1) * 1000
    return load_district(given.packs, profile=given.profile, seed=given.seed, start_ns=start_ns)


def _play(given: argparse.Namespace) -> int:
    from simulator.play import Publisher, play  # noqa: PLC0415 - the other commands need no MQTT

    duration_s = given.duration or (math.inf if given.speed <= 1.0 else DAY_S)
    start = given.start
    if start is None:
        start = datetime.now(UTC)
        if given.speed > 1.0:  # end at the present: a device time in the future would count as a clock fault
            start -= timedelta(seconds=duration_s * (1.0 - 1.0 / given.speed))
    district = _load(given, start)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    publisher = Publisher(given.host, given.port)
    publisher.open()
    sys.stdout.write(f"ready sensors={len(district.sensors)} start={start.isoformat()}\n")
    sys.stdout.flush()
    played = play(district, publisher, speed=given.speed, duration_s=duration_s, stop=stop, now_s=time.monotonic)
    publisher.close()
    sys.stdout.write(
        f"done sent={played.sent} acknowledged={played.acknowledged} refused={played.refused} "
        f"behind_s_max={played.behind_s_max:.3f}\n",
    )
    return 0 if played.acknowledged >= played.sent and not played.refused else 1


def _registry(given: argparse.Namespace) -> int:
    registry = _load(given, given.start or _FIXED_START).registry()
    yaml = YAML()
    yaml.width = 4096
    if given.out is None:
        yaml.dump(registry, sys.stdout)
    else:
        with given.out.open("w", encoding="utf-8") as file:
            yaml.dump(registry, file)
    return 0


def _readings(given: argparse.Namespace) -> int:
    from simulator.recording import write  # noqa: PLC0415 - the other commands need no pyarrow

    district = _load(given, given.start or _FIXED_START)
    count = write(district, given.out, begin_s=given.begin, end_s=given.begin + given.duration)
    sys.stdout.write(f"done rows={count}\n")
    return 0


def _truth(given: argparse.Namespace) -> int:
    for truth in _load(given, given.start or _FIXED_START).truth():
        entry = {
            "kind": truth.kind,
            "place": truth.place,
            "tags": list(truth.tags),
            "start_s": truth.start_s,
            "end_s": None if math.isinf(truth.end_s) else truth.end_s,
            "fault": truth.fault,
        }
        sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return 0


def _broker(given: argparse.Namespace) -> int:
    from simulator.broker import serve  # noqa: PLC0415 - the other commands need no broker

    serve(given.port)
    return 0


def _uitd(given: argparse.Namespace) -> int:
    return asyncio.run(_play_uitd(given))


async def _play_uitd(given: argparse.Namespace) -> int:
    from simulator.uitd import play, script  # noqa: PLC0415 - the other commands need none of it

    everyone = play.players(
        script.load(given.script) if given.script else script.healthy(given.devices), given.host, given.port, given.seed
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(f"ready devices={len(everyone)}\n")
    sys.stdout.flush()
    tally = await play.play(everyone, given.duration, stop)
    sys.stdout.write(
        f"done sent={tally.sent} acknowledged={tally.acknowledged} denied={tally.denied} resent={tally.resent} "
        f"connects={tally.connects} clock_sets={tally.clock_sets} duty_checks={tally.duty_checks}\n"
    )
    return 0 if all(not player.device.unconfirmed for player in everyone) else 1


_COMMANDS = {
    "broker": _broker,
    "play": _play,
    "registry": _registry,
    "readings": _readings,
    "truth": _truth,
    "uitd": _uitd,
}


def main() -> int:
    """Run a command. Exit codes: 0 done; 1 messages were lost; 2 wrong arguments, scenario, port or broker."""
    given = _arguments().parse_args()
    try:
        return _COMMANDS[given.command](given)
    except (FengsuiError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
