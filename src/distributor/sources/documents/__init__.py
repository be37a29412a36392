"""Documents: files that are no text, one module for each kind, with `parse_document(data, *, path, options)`.

Their libraries are large, so a module is imported only when such a file is read (sources.formats).
"""

# Of a long article with its pictures; it is also what the team may upload at once.
MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
