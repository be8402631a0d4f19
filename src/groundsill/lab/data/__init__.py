"""The table: read, cleaned, split and described by a Card. Needs no torch."""

from groundsill.lab.data.clean import tidy
from groundsill.lab.data.read import read
from groundsill.lab.data.sniff import Guess, sniff
from groundsill.lab.data.spec import FORMS, DataSpec, Prepared, Split
from groundsill.lab.data.split import identity, majority, subset

__all__ = ["FORMS", "DataSpec", "Guess", "Prepared", "Split", "identity", "majority", "read", "sniff", "subset", "tidy"]
