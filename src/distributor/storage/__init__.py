"""The only SQL: tables, migrations and one module per noun. Functions take a connection, return frozen values."""
