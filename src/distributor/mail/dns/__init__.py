"""DNS checks of a sender: SPF, DKIM, DMARC, reverse DNS and MX."""
