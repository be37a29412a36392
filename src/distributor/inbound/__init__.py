"""Mail that comes to us: a small LMTP and SMTP server, and rounds to the mailboxes where it waits."""
