"""Emulators of a mail server and of social networks, to try everything without an account elsewhere."""
