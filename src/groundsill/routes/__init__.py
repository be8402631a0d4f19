"""Ways to the capability, one file each: what a candidate demands and delivers at each of its choices. No money here.

A file has `LABEL` (its name by language), `curve(case, entrant)` (which curve it asks for) and
`forecast(case, entrant, draws, curve) -> Forecast`. Being here is enough.
"""
