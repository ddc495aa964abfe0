"""What `import vgpipe` offers: runs, plans and results for programs; nothing prints, and errors are exceptions."""
