"""One use case per file; `environment.py` is the only place that picks adapters."""
