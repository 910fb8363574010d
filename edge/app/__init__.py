"""Creates objects, threads and processes; the command line."""
