"""Quality against labels, parameters and tokens: numbers in, numbers out."""
