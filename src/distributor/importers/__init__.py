"""Importers: files of subscribers become rows to import, or bad rows with a reason.

One module for each file format or service; `registry` finds them. `reader` reads a file row by row, so memory use does
not grow with the file.
"""
