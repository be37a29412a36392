"""The Mastodon channel: posts through the API that Mastodon and its relatives share."""

from distributor.channels.mastodon.channel import MastodonChannel

CHANNEL = MastodonChannel

__all__ = ["CHANNEL", "MastodonChannel"]
