"""Tables of numbers and categories: reading, encoding, network and views."""
