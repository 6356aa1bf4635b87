"""The former name of ``_private_api``."""

from qsklearn._private_api import *  # noqa: F403
