"""Ground plane, free space and occupancy grid."""
