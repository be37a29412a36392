"""Distributor: one article to every channel, and proof of who received what."""

__version__ = "0.1.0"
