"""The API: the audience for other programs, under `/api/v1`, described at `/api/docs`."""
