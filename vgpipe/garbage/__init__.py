"""What of a store no kept run needs: how much it is, and how it is removed beside running processes."""
