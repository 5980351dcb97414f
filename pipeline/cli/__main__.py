"""`python -m pipeline.cli` is `hedge`."""

from pipeline.cli.command import main

if __name__ == "__main__":
    main()
