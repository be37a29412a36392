"""What the channels of social networks share: composing posts, sending each part once, calling an HTTP API."""
