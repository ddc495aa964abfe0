"""The gallery of all runs as a web page: a server that only reads, for a browser on this machine or a phone."""
