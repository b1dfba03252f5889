"""The cell protocol over an object store; docs/explanation/protocol.md argues why it is safe."""
