"""An SMTP server as a stand-in for everybody's mailbox provider."""
