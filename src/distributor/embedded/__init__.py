"""PostgreSQL and Redis on this machine, for installations that name no servers of their own."""

from __future__ import annotations

from distributor.embedded.greeting import Services
from distributor.embedded.postgres import Tuning
from distributor.embedded.users import running_services, wait_until_stopped

__all__ = ["Services", "Tuning", "running_services", "wait_until_stopped"]
