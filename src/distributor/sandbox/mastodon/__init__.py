"""Mastodon as a stand-in."""
