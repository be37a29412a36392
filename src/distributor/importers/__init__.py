"""Files of people, one file of this folder for each origin: a stream of bytes becomes people, or rows with reasons.

`origins` finds them, `reader` is the way from a file to people; nothing here is kept in memory beyond one row.
"""
