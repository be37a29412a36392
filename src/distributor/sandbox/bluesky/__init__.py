"""Bluesky as a stand-in."""
