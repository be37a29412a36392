"""From the outside world's text to a Manuscript: one file per format or origin."""
