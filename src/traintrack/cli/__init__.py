"""The command line: words in, use cases of `app` called, their answers as text or JSON."""
