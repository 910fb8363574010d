"""Creates objects, threads and the server; the command line."""
