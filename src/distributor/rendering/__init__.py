"""What the renderers of all channels share: Jinja2, MJML, blocks as HTML and as text, measuring and fitting."""
