"""The kinds of source: each a module with `KIND`, the class of its sources. See `api`."""
