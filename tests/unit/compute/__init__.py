"""Back ends of miners."""
