"""The parts of reading plain text: its lines and what they are made of, in the order in which they are used.

`lines` reads them, `notices` takes out what is for the press, `head` the title and what is said about the article,
`pieces` groups them, `tag_blocks` takes out the tags, `headings`, `lists` and `tables` make blocks.
"""
