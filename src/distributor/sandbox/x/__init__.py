"""The emulator of X."""

from distributor.sandbox.x.emulator import XEmulator

EMULATOR = XEmulator

__all__ = ["EMULATOR", "XEmulator"]
