"""The emulator of a Mastodon server."""

from distributor.sandbox.mastodon.emulator import MastodonEmulator

EMULATOR = MastodonEmulator

__all__ = ["EMULATOR", "MastodonEmulator"]
