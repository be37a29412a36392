"""The kinds of mail that come back, a reader for each."""
