"""The emulator of a Bluesky PDS."""

from distributor.sandbox.bluesky.emulator import BlueskyEmulator

EMULATOR = BlueskyEmulator

__all__ = ["EMULATOR", "BlueskyEmulator"]
