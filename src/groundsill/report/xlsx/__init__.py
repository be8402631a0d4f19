"""The workbook: the cash model of each assessed route as live formulas, printed from the same rows as the numpy model."""
