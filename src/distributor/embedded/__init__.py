"""PostgreSQL and Redis on this machine, for installations without servers of their own."""

from __future__ import annotations

from distributor.embedded.client import running_services, wait_until_stopped
from distributor.embedded.handshake import Services
from distributor.embedded.postgres import Tuning

__all__ = ["Services", "Tuning", "running_services", "wait_until_stopped"]
