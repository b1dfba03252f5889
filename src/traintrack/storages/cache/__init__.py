"""Copies of what lies in buckets, in one folder per user: artifacts by digest, bounded by size, safe between processes."""
