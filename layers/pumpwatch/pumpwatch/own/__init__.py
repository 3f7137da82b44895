"""Rules and strategies of one's own: what they are asked, how they are found, what guards them."""
