"""The commands, a file each: parse what was asked, run one operation, render its record."""
