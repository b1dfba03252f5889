"""Buckets, as the ports for objects see them."""
