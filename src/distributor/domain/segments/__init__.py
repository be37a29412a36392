"""Segments: conditions on people, written as text (`parser`, `printer`) or as JSON (`json_form`)."""
