"""The web server: routes and pages over the flow."""
