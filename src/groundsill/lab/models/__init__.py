"""Base models: found in folders and packages, converted once, checked at each use; texts to features.

Modules that need torch import it inside their functions, or are themselves imported inside functions.
"""

from groundsill.lab.models.device import need_torch
from groundsill.lab.models.locate import locate
from groundsill.lab.models.shapes import shape_of

__all__ = ["locate", "need_torch", "shape_of"]
