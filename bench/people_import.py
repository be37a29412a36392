"""The speed of an import of subscribers from CSV, compared with a bare COPY of the same rows.

The baseline is one COPY of the rows, in one transaction, into an empty table with every column, index and computed
value of `subscribers`. The import also checks every row, finds duplicates, stores a consent and a list membership for
each subscriber, and commits a checkpoint every 5,000 rows. It runs in a process of its own; the memory is that
process's.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from _surroundings import hardware

from distributor.bootstrap import child_environment, make_app_context
from distributor.embedded import Services, running_services
from distributor.settings import Settings
from distributor.storage import lists
from distributor.storage.schema import migrate

FIRST = ("ada", "bo", "cleo", "dan", "eva", "finn", "gina", "hugo", "ida", "jan", "kim", "lea", "max", "nora", "otto")
LAST = ("adler", "brown", "chen", "diaz", "evans", "fischer", "garcia", "huber", "ivanov", "jones", "klein", "lopez")
# What the other process says at its end: the most memory it had.
RUN = """
import resource, sys
from distributor.cli.app import main
try:
    main()
finally:
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\\n")
"""


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder) / "data")
        file = Path(folder) / "people.csv"
        _write(file, arguments.people)
        with running_services(settings.data_dir) as services:
            app = make_app_context(settings, services)
            migrate(app.database)
            with app.database.begin() as connection:
                lists.add(connection, slug="readers", name="Readers")
            bare = _copy(services, file)
            seconds, kibibytes = _import(settings, services, file)
            again, _ = _import(settings, services, file)
            app.database.close()
    people = arguments.people
    print(f"{people} people, {people / bare:.0f} a second by a bare COPY")
    print(f"  import of new subscribers         {people / seconds:8.0f} a second")
    print(f"  ratio                             {bare / seconds:8.2f}")
    print(f"  the same once more, all are known {people / again:8.0f} a second")
    print(f"  most memory of the process        {kibibytes / 1024:8.0f} MiB")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1_000_000)
    return parser.parse_args()


def _write(file: Path, people: int) -> None:
    dice = random.Random(20261122)
    with file.open("w") as lines:
        lines.write("email,name\n")
        for number in range(people):
            first, last = dice.choice(FIRST), dice.choice(LAST)
            lines.write(f"{first}.{last}{number}@mail{number % 500}.example,{first.title()} {last.title()}\n")


def _copy(services: Services, file: Path) -> float:
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (LIKE subscribers INCLUDING ALL)")
        pieces = list(_rows_for_copy(file))
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY bare (key, email, name) FROM STDIN") as copy:
            for piece in pieces:
                copy.write(piece)
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE bare")
        # What the first has left behind is not to be paid by the second.
        connection.execute("VACUUM")
    return seconds


def _rows_for_copy(file: Path) -> Iterator[str]:
    with file.open() as lines:
        next(lines)
        while block := lines.readlines(1_000_000):
            rows = (line.rstrip().split(",") for line in block)
            yield "".join(f"{address}\t{address}\t{name}\n" for address, name in rows)


def _import(settings: Settings, services: Services, file: Path) -> tuple[float, int]:
    environment = {**os.environ, **child_environment(settings, services)}
    command = ("subscriber", "import", str(file), "--list", "readers", "--basis", "Measured.")
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - started, int(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
