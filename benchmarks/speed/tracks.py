"""Time and memory to read a million track points, by format.

    python -m benchmarks.speed.tracks --fixes 1000000
    python -m benchmarks.speed.tracks --fixes 100000 --gpxpy

Writes a walk with a fix a second as a file of each format, and loads each in a fresh process, as a
run does: read, cleaned, indexed. Then looks up a thousand times. Prints the processor time and the
peak memory of the whole process. With --gpxpy also the time of that parser.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

START_S = 1_577_836_800
LOOK_UPS = 1000
HEADS = {
    "walk.gpx": '<?xml version="1.0"?><gpx version="1.1"><trk><trkseg>\n',
    "Records.json": '{"locations": [\n',
    "walk.kml": "<kml><Document>\n",
    "walk.nmea": "",
}
TAILS = {
    "walk.gpx": "</trkseg></trk></gpx>",
    "Records.json": "\n]}",
    "walk.kml": "</Document></kml>",
    "walk.nmea": "",
}


def fixes(count: int) -> Iterator[tuple[int, float, float]]:
    return ((START_S + i, 45 + i * 1e-5 % 30, 7 + i * 1e-5 % 30) for i in range(count))


def lines(name: str, count: int) -> Iterator[str]:
    for number, (seconds, lat, lon) in enumerate(fixes(count)):
        at = datetime.fromtimestamp(seconds, UTC)
        iso = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if name == "walk.gpx":
            yield (
                f'<trkpt lat="{lat:.6f}" lon="{lon:.6f}">\n <ele>40.2</ele>\n'
                f" <time>{iso}</time>\n</trkpt>\n"
            )
        elif name == "walk.kml":
            yield (
                f"<Placemark><TimeStamp><when>{iso}</when></TimeStamp><Point><coordinates>"
                f"{lon:.6f},{lat:.6f},0</coordinates></Point></Placemark>\n"
            )
        elif name == "Records.json":
            yield (
                f"{',' * (number > 0)}{{\n"
                f'  "latitudeE7": {lat * 1e7:.0f},\n  "longitudeE7": {lon * 1e7:.0f},\n'
                f'  "accuracy": 20,\n  "source": "WIFI",\n  "timestamp": "{iso}"\n}}'
            )
        else:
            position = f"{_minutes(lat, 2)},N,{_minutes(lon, 3)},E"
            yield f"$GPRMC,{at:%H%M%S}.00,A,{position},2.7,30.0,{at:%d%m%y},,,A\r\n"


def _minutes(value: float, digits: int) -> str:
    return f"{int(value):0{digits}d}{60 * (value - int(value)):07.4f}"


def write(folder: Path, name: str, count: int) -> Path:
    file = folder / name
    with file.open("w", encoding="utf-8") as stream:
        stream.write(HEADS[name])
        stream.writelines(lines(name, count))
        stream.write(TAILS[name])
    return file


def load(file: Path) -> int:
    from geotagger.tracks.load import load_tracks

    index = load_tracks([file])
    first_s, last_s = index.span_s
    for number in range(LOOK_UPS):
        index.at(first_s + (last_s - first_s) * number / LOOK_UPS + 0.5, 30.0)
    return len(index)


def by_gpxpy(file: Path) -> int:
    import gpxpy

    with file.open(encoding="utf-8") as stream:
        return int(gpxpy.parse(stream).get_points_no())


def measured(action: Callable[[Path], int], file: Path, results: multiprocessing.Queue) -> None:
    started = time.process_time()
    found = action(file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / (1e6 if sys.platform == "darwin" else 1e3)
    results.put((found, time.process_time() - started, megabytes))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fixes", type=int, default=1_000_000)
    parser.add_argument("--gpxpy", action="store_true")
    options = parser.parse_args()
    fresh = multiprocessing.get_context("spawn")
    print(f"{'file':14} {'fixes':>10} {'file MB':>8} {'s':>6} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in HEADS:
            file = write(Path(folder), name, options.fixes)
            actions = {name: load}
            if options.gpxpy and name == "walk.gpx":
                actions["gpxpy"] = by_gpxpy
            for label, action in actions.items():
                results = fresh.Queue()
                process = fresh.Process(target=measured, args=(action, file, results))
                process.start()
                found, seconds, megabytes = results.get()
                process.join()
                size = file.stat().st_size / 1e6
                print(f"{label:14} {found:10,} {size:8.0f} {seconds:6.1f} {megabytes:8.0f}")
            file.unlink()


if __name__ == "__main__":
    main()
