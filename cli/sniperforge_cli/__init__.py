"""The command line of SniperForge; `sniperforge_cli.app:main` is the console script."""
