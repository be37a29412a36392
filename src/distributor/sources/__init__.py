"""From the outside world's text to a Manuscript: one file per format or origin."""

from distributor.sources.folder import Broken, Found, scan_folder
from distributor.sources.formats import parse_manuscript, read_manuscript

__all__ = ["Broken", "Found", "parse_manuscript", "read_manuscript", "scan_folder"]
