"""Pages and endpoints that need no login: feeds, articles, tracking, unsubscribe, health."""
