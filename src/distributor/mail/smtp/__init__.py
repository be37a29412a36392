"""SMTP (RFC 5321, RFC 2920): one connection to a server, from its greeting to its last reply."""
