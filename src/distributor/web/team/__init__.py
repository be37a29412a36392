"""The team's app at `/app`: pages for signed-in users."""
