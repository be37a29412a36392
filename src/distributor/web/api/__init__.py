"""The API for other programs, at `/api/v1`, documented at `/api/docs`."""
