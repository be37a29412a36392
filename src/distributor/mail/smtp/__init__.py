"""SMTP client (RFC 5321, RFC 2920): URL, TLS, authentication, connection, replies."""
