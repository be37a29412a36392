"""The smallest picture there is."""

from __future__ import annotations

from base64 import b64decode, b64encode

# The smallest GIF89a with one transparent pixel.
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# The same as an address that nobody has to be asked for: to read a mail in a browser is not to open it once more.
PIXEL_URL = f"data:image/gif;base64,{b64encode(PIXEL).decode()}"
