"""The team: accounts, sign-in and sessions, one-time links. Every change is recorded in the audit log."""
