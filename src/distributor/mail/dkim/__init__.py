"""DKIM (RFC 6376, RFC 8463): the signing keys of a channel, their DNS records, and the signer."""
