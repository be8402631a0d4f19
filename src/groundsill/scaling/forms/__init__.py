"""Shapes of a learning curve: error against labels. One file a form; being here is the registration.

Every form module has `NAME`, `SOURCE`, `PARAMETERS` and the functions
`value(theta, t)`: error, shape (n, k), for parameters (n, p) at t (k,), the labels divided by those of the largest rung;
the error comes in units of the error observed there, so that neither units of x nor the metric's scale matter.
`at_zero(theta)`: error without any label, (n,); infinite where the form has none.
`floor(theta)`: error with endless labels, (n,).
`sample(n, rng)` -> (n, p) and `log_prior(theta)` -> (n,): the prior. All parameters are unbounded reals.
"""
