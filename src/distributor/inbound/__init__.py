"""Inbound mail: an LMTP and SMTP server, and a poller for IMAP, POP3 and Maildir mailboxes."""
