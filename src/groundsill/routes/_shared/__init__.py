"""What several routes need. Routes see this room only, never each other."""

from groundsill.routes._shared.assemble import build_needs, each, memory_note, month_needs, options, trained_bytes
from groundsill.routes._shared.outcomes import learnt, planned
from groundsill.routes._shared.people import calendar_seconds, label_needs, staff_need, token_needs
from groundsill.routes._shared.serving import Served, serve, serve_from_shape
from groundsill.routes._shared.training import Trained, baseline_seconds, weights_of, whole_training
from groundsill.routes._shared.world import CurveKind, World, last_rung, middle, quality_at, wants

__all__ = [
    "CurveKind",
    "Served",
    "Trained",
    "World",
    "baseline_seconds",
    "build_needs",
    "calendar_seconds",
    "each",
    "label_needs",
    "last_rung",
    "learnt",
    "memory_note",
    "middle",
    "month_needs",
    "options",
    "planned",
    "quality_at",
    "serve",
    "serve_from_shape",
    "staff_need",
    "token_needs",
    "trained_bytes",
    "wants",
    "weights_of",
    "whole_training",
]
