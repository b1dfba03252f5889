"""One module per command, imported only when it is called; `cli/table.py` lists them."""
