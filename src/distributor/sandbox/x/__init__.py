"""X as a stand-in."""
