"""The lab: reads the table, measures candidates on it, and hands back Runs. Knows no project, catalogue or money."""
