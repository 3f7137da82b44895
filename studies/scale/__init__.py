"""What one tick of detection costs as the market grows."""
