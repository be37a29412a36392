"""The X channel: posts and threads through the X API v2."""

from distributor.channels.x.channel import XChannel

CHANNEL = XChannel

__all__ = ["CHANNEL", "XChannel"]
