"""An import as a process of its own, to be killed: it says a line for each chunk that is committed."""

from __future__ import annotations

import sys
from pathlib import Path

from distributor.bootstrap import make_app_context
from distributor.domain.importing import Import
from distributor.embedded import Services
from distributor.flow.people import import_people
from distributor.settings import Settings


def main() -> None:
    """Run the import of the number given, in an app on the servers given."""
    database_url, redis_url, data_dir, import_id = sys.argv[1:]
    settings = Settings(_env_file=None, data_dir=Path(data_dir), secret_key="a key that is only good for these tests")
    app = make_app_context(settings, Services(database_url=database_url, redis_url=redis_url))
    import_people.CHUNK_ROWS = 50
    import_people.run_import(app, int(import_id), watch=_say)


def _say(now: Import) -> None:
    sys.stdout.write(f"{now.counts.read}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
