"""DKIM (RFC 6376, RFC 8463): the keys of a channel, the records they are published in, and the signer."""
