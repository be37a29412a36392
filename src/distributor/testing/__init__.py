"""Tools for the authors of channels: a conformance suite, in-memory ports, and a scripted HTTP server.

Used by tests alone: nothing that runs in production imports it.
"""
