"""claimstream with hurtful.py in place: python -m tests.faults.worker worker."""

from claimstream.cli import main

from . import hurtful

hurtful.install()

if __name__ == "__main__":
    main()
