"""Sending: which relay takes a mail, over which connection, and what its answer means for the delivery."""
