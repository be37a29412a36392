"""PostgreSQL and Redis that run without being installed."""
