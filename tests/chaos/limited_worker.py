"""A worker whose tasks are killed after a few seconds, as Celery kills those that take longer than their time limit."""

from __future__ import annotations

from distributor_worker.__main__ import main
from distributor_worker.celery_app import celery

SECONDS = 3

if __name__ == "__main__":
    celery.conf.update(task_time_limit=SECONDS)
    main()
