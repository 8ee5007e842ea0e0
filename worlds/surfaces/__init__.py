"""Pictures that solids are covered with."""
