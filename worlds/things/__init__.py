"""What stands in scenes: people, plants, vehicles, and what is set along streets."""
