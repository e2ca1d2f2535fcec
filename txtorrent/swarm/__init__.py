"""Policy as plain objects: what to request, whom to serve, whom to dial. Time is an argument."""
