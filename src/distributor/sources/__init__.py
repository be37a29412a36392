"""Article sources: files and folders become manuscripts. One module for each article format."""

from distributor.sources.folder import scan_folder
from distributor.sources.formats import parse_manuscript, read_manuscript

__all__ = ["parse_manuscript", "read_manuscript", "scan_folder"]
