"""What the daemon is beside its session: process set-up, console, progress reports, units."""
