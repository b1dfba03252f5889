"""Looks at what others have stored before it is taken for a result."""
