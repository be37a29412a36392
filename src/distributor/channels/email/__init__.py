"""The email channel: what a mail looks like, how it is composed, and how it is handed to a relay."""

from distributor.channels.email.channel import EmailChannel

CHANNEL = EmailChannel

__all__ = ["CHANNEL", "EmailChannel"]
