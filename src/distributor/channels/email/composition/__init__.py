"""Composing: the bytes of a mail, encoded once for all its recipients and spliced for each."""
