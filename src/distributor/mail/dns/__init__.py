"""What the DNS says about a sender of mail: SPF, DKIM, DMARC, names of addresses, and where answers go."""
