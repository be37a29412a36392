"""Providers that take mail by calls to an HTTP API: one file each, and what they have in common."""
