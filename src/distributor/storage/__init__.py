"""All SQL: tables, migrations and a module per group of tables. Functions take a connection, return frozen values."""
