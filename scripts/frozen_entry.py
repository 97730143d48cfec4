"""Where the frozen executable starts."""

from sniperforge_cli.app import main

if __name__ == "__main__":
    main()
