"""``python -m qsklearn`` is the command ``qsklearn``."""

from qsklearn._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
