"""A Solana cluster of one node, for tests and demos: real programs on a real virtual machine."""
