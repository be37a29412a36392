"""The Bluesky channel: posts with link cards through the AT Protocol."""

from distributor.channels.bluesky.channel import BlueskyChannel

CHANNEL = BlueskyChannel

__all__ = ["CHANNEL", "BlueskyChannel"]
