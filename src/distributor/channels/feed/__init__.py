"""The feed channel: RSS 2.0, Atom and JSON Feed 1.1 from one model, for everything and per tag."""

from distributor.channels.feed.channel import FeedChannel

CHANNEL = FeedChannel

__all__ = ["CHANNEL", "FeedChannel"]
