"""The parts of the page, one file each: `blocks(view)` gives the blocks of one or more sections."""
