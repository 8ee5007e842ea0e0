"""What a made-up world is: solids, textures, lights, and the cameras that look at it."""
