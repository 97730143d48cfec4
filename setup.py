"""Nothing is configured here; see pyproject.toml. It lets `python setup.py build_ext --inplace` rebuild the ring."""

from setuptools import setup

setup()
