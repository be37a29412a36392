"""What every renderer shares: the Jinja2 environment, the MJML adapter, blocks as HTML and text, measuring."""
