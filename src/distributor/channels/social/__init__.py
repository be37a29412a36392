"""What the social channels share: how a post is worded, what it is made of, and how its parts are sent just once."""
