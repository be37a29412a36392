"""Article sources: files and folders become manuscripts. One module for each article format."""

from distributor.sources.folder import ScannedFile, UnreadableFile, scan_folder
from distributor.sources.formats import parse_manuscript, read_manuscript

__all__ = ["ScannedFile", "UnreadableFile", "parse_manuscript", "read_manuscript", "scan_folder"]
