"""Pages and endpoints without login: feeds, articles, sign-up, preferences, tracking, unsubscribe, health."""
