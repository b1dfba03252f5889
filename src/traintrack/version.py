"""The version, as a constant: asking the installed metadata costs more than a whole `--version`."""

VERSION = "0.1.0"
