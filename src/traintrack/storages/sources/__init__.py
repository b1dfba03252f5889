"""External data: adapters that list and read it where it lies, and what is common to them."""
