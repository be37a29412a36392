"""Nouns and rules, pure: no clock, no network, no storage."""
