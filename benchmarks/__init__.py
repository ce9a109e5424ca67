"""How Duly compares with its peers: same machine, same run, in turns. Read docs/benchmarks.md first."""
