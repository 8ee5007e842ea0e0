"""What effects render with: lenses, other views, hidden background, shadows, text."""
