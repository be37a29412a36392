"""Web hooks of providers that relay mail: what each calls to say, and how its calls are told from forgeries."""
