"""What performance will turn out to be, told before any label has come."""
