"""Web: thin routes over the flow."""
