"""What requests ask for, checked and done."""
