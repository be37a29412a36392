"""Stand-ins for the outside world, for trying everything without an account anywhere."""
