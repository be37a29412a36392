"""Mail providers: one file each holds the provider's API and its webhook; the others hold what providers share."""
